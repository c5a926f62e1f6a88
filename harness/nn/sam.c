/* Two flat loops over the parameters that learn: the norm, and the move. */
#include "sam.h"

#include "err.h"
#include "mem.h"
#include "ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SMALLEST_NORM =
    1e-12; /* added to |g|, as the SWAD authors' algorithms.py SAM */

struct Sam {
    size_t size;
    Real *values;
};

Sam *sam_new(const Params *params)
{
    Sam *sam = mem_alloc(1, sizeof *sam);
    sam->size = params_size(params);
    sam->values = mem_alloc(sam->size, sizeof *sam->values);
    return sam;
}

void sam_free(Sam *sam)
{
    if (sam == NULL) return;
    free(sam->values);
    free(sam);
}

static double gradient_norm(Params *params)
{
    double sum = 0;
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        const Real *g = params_gradients(params) + p->offset;
        for (size_t j = 0; param_is_learned(p) && j < p->size; j++)
            sum += (double)g[j] * (double)g[j];
    }
    return sqrt(sum);
}

typedef struct {
    Real *w;
    const Real *g;
    Real scale;
} MoveWork;

static void move(const void *context, size_t begin, size_t end)
{
    const MoveWork *work = context;
    for (size_t i = begin; i < end; i++) work->w[i] += work->scale * work->g[i];
}

double sam_move(Sam *sam, Params *params, double rho, ThreadPool *threads)
{
    check(sam->size == params_size(params), "%zu values, made for %zu", params_size(params),
          sam->size);
    memcpy(sam->values, params_values(params), sam->size * sizeof *sam->values);
    double norm = gradient_norm(params);
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        MoveWork work = {params_values(params) + p->offset, params_gradients(params) + p->offset,
                         (Real)(rho / (norm + SMALLEST_NORM))};
        if (param_is_learned(p)) ranges_run(threads, p->size, RANGE_GRAIN, move, &work);
    }
    return norm;
}

void sam_move_back(const Sam *sam, Params *params)
{
    memcpy(params_values(params), sam->values, sam->size * sizeof *sam->values);
}
