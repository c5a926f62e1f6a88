/* The flat loop behind all running averages of weights. */
#include "averaging.h"

#include "err.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct Average {
    const Averaging *kind;
    AveragingOptions options;
    size_t size;
    int64_t n_averaged;
    Real *values;
};

Average *average_new(const Averaging *kind, const AveragingOptions *options, const Params *params)
{
    Average *a = mem_alloc(1, sizeof *a);
    a->kind = kind;
    a->options = *options;
    a->size = params_size(params);
    a->values = mem_alloc(a->size, sizeof *a->values);
    return a;
}

void average_free(Average *a)
{
    if (a == NULL) return;
    free(a->values);
    free(a);
}

enum { CHUNK = 1 << 15 };

typedef struct {
    Average *average;
    const Real *weights;
    Real share;
} UpdateWork;

SIMD_CLONES static void move_towards(Real *average, const Real *weights, size_t n, Real share)
{
    for (size_t i = 0; i < n; i++) average[i] += share * (weights[i] - average[i]);
}

static void update_chunk(void *context, int task, int thread)
{
    (void)thread;
    const UpdateWork *work = context;
    size_t begin = (size_t)task * CHUNK;
    size_t left = work->average->size - begin;
    move_towards(work->average->values + begin, work->weights + begin, left < CHUNK ? left : CHUNK,
                 work->share);
}

void average_update(Average *a, Params *params, int64_t step, ThreadPool *threads)
{
    const Real *weights = params_values(params);
    double share = a->kind->share(&a->options, a->n_averaged);
    if (step < a->options.start || a->n_averaged == 0) {
        memcpy(a->values, weights, a->size * sizeof *weights);
    } else {
        UpdateWork work = {a, weights, (Real)share};
        thread_pool_run(threads, (int)((a->size + CHUNK - 1) / CHUNK), update_chunk, &work);
    }
    if (step >= a->options.start) a->n_averaged++;
}

const char *average_name(const Average *a)
{
    return a->kind->name;
}

Real *average_values(Average *a)
{
    return a->values;
}

int64_t average_count(const Average *a)
{
    return a->n_averaged;
}

void average_set_count(Average *a, int64_t n_averaged)
{
    a->n_averaged = n_averaged;
}
