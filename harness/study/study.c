#include "study.h"

#include "err.h"
#include "mem.h"
#include "str.h"
#include "svd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const OPTIMIZERS[] = {
    [STUDY_SGD] = "sgd", [STUDY_MOMENTUM] = "momentum", [STUDY_ADAM] = "adam"};

const char *study_optimizer_name(StudyOptimizer optimizer)
{
    return OPTIMIZERS[optimizer];
}

int study_optimizer_find(const char *name)
{
    for (int i = 0; i < STUDY_OPTIMIZERS; i++) {
        if (str_equal(name, OPTIMIZERS[i])) return i;
    }
    return -1;
}

OptimOptions study_optim_options(StudyOptimizer optimizer, double lr)
{
    if (optimizer == STUDY_ADAM) {
        return (OptimOptions){
            .kind = OPTIM_ADAM, .lr = lr, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    }
    return (OptimOptions){
        .kind = OPTIM_SGD, .lr = lr, .momentum = optimizer == STUDY_MOMENTUM ? 0.9 : 0};
}

void study_outcome_init(StudyOutcome *o)
{
    *o = (StudyOutcome){.first_loss = NAN,
                        .loss = NAN,
                        .best_loss = INFINITY,
                        .diverged_at = -1,
                        .factors = {NAN, NAN},
                        .learned = {NAN, NAN}};
}

void study_outcome_done(StudyOutcome *o)
{
    free(o->steps);
    o->steps = NULL;
}

void study_outcome_add(StudyOutcome *o, StudyStep step)
{
    mem_reserve(o->steps, o->capacity, o->n_steps + 1);
    o->steps[o->n_steps++] = step;
}

bool study_outcome_loss(StudyOutcome *o, int64_t updates, double loss)
{
    if (updates == 0) o->first_loss = loss;
    if (!isfinite(loss) || loss > STUDY_DIVERGED * o->first_loss) {
        o->diverged_at = updates;
        o->loss = NAN;
        return false;
    }
    o->loss = loss;
    o->best_loss = fmin(o->best_loss, loss);
    return true;
}

double study_gradient(const Real *g, Real *last, size_t n, bool is_first, double *cosine)
{
    double own = 0, other = 0, both = 0;
    for (size_t i = 0; i < n; i++) {
        double a = (double)g[i], b = (double)last[i];
        own += a * a;
        other += b * b;
        both += a * b;
    }
    *cosine = is_first ? NAN : both / sqrt(own * other); /* NAN of a gradient that is 0 */
    memcpy(last, g, n * sizeof *g);
    return sqrt(own);
}

double study_effective_rank(const double *s, int k)
{
    double sum = 0, entropy = 0;
    for (int i = 0; i < k; i++) sum += s[i];
    if (sum <= 0) return NAN;
    for (int i = 0; i < k; i++) {
        double p = s[i] / sum;
        if (p > 0) entropy -= p * log(p);
    }
    return exp(entropy);
}

/* out [r,n] = diag(s) vt a: has the singular values of b a, when b = u diag(s) vt. */
static void reduced_product(double *out, const double *s, const double *vt, const Real *a, int r,
                            int n)
{
    memset(out, 0, (size_t)r * (size_t)n * sizeof *out);
    for (int i = 0; i < r; i++) {
        for (int k = 0; k < r; k++) {
            double weight = s[i] * vt[i * r + k];
            for (int j = 0; j < n; j++) out[i * n + j] += weight * (double)a[k * n + j];
        }
    }
}

/* Two decompositions with one side of r, instead of one of m x n. */
double study_product_rank(const Real *b, const Real *a, int m, int r, int n)
{
    check(r <= m && r <= n, "rank %d of [%d,%d]", r, m, n);
    size_t high = (size_t)m * (size_t)r, flat = (size_t)r * (size_t)n,
           square = (size_t)r * (size_t)r;
    double *block = mem_alloc(2 * high + flat + square + (size_t)r, sizeof *block);
    double *tall = block, *u = tall + high, *wide = u + high, *vt = wide + flat, *s = vt + square;
    for (size_t i = 0; i < high; i++) tall[i] = (double)b[i];
    svd(s, u, vt, tall, m, r);
    reduced_product(wide, s, vt, a, r, n);
    svd(s, NULL, NULL, wide, r, n);
    double rank = study_effective_rank(s, r);
    free(block);
    return rank;
}

double study_schedule(int64_t step, int64_t steps, int64_t warm_up)
{
    check(step >= 0 && step < steps && warm_up < steps, "step %lld of %lld, warm-up %lld",
          (long long)step, (long long)steps, (long long)warm_up);
    if (step < warm_up) return (double)(step + 1) / (double)warm_up;
    return (double)(steps - step) / (double)(steps - warm_up);
}
