#include "factorize.h"

#include "clock.h"
#include "err.h"
#include "factors.h"
#include "gemm.h"
#include "mem.h"
#include "rng.h"
#include "svd.h"

#include <stdlib.h>
#include <string.h>

struct Factorization {
    FactorProblem problem;
    Real *matrix; /* [n,n] */
    double floor, floor_rank;
};

/* ---- the matrix and what can be reached ---- */

static void measure_floor(Factorization *f)
{
    int n = f->problem.size, r = f->problem.rank;
    size_t size = (size_t)n * (size_t)n;
    double *a = mem_alloc(size, sizeof *a), *s = mem_alloc((size_t)n, sizeof *s), left = 0;
    for (size_t i = 0; i < size; i++) a[i] = (double)f->matrix[i];
    svd(s, NULL, NULL, a, n, n);
    for (int i = r; i < n; i++) left += s[i] * s[i];
    f->floor = left / (double)size;
    f->floor_rank = study_effective_rank(s, r);
    free(s);
    free(a);
}

Factorization *factorize_new_of(const FactorProblem *problem, const Real *matrix)
{
    const FactorProblem *p = problem;
    check(p->size > 0 && p->rank > 0 && p->rank <= p->size, "rank %d of size %d", p->rank, p->size);
    Factorization *f = mem_alloc(1, sizeof *f);
    size_t size = (size_t)p->size * (size_t)p->size;
    f->problem = *p;
    f->matrix = mem_alloc(size, sizeof *f->matrix);
    memcpy(f->matrix, matrix, size * sizeof *matrix);
    measure_floor(f);
    return f;
}

Factorization *factorize_new(const FactorProblem *problem)
{
    size_t size = (size_t)problem->size * (size_t)problem->size;
    Real *matrix = mem_alloc(size, sizeof *matrix);
    RngStream stream = rng_stream(problem->matrix_seed, "factorize/matrix");
    for (size_t i = 0; i < size; i++) matrix[i] = (Real)rng_uniform(stream, 0, i);
    Factorization *f = factorize_new_of(problem, matrix);
    free(matrix);
    return f;
}

void factorize_free(Factorization *f)
{
    if (f == NULL) return;
    free(f->matrix);
    free(f);
}

double factorize_floor(const Factorization *f)
{
    return f->floor;
}

double factorize_floor_rank(const Factorization *f)
{
    return f->floor_rank;
}

/* ---- the model: loss and gradient ---- */

enum { A, B }; /* the factors */

struct FactorModel {
    const Factorization *of;
    Factors *factors;
    Real *error; /* [n,n]: B A - M */
    Real *last;  /* [factors_size]: the gradient that the cosine compares with */
};

FactorModel *factor_model_new(const Factorization *f, const StudyCell *cell)
{
    const FactorProblem *p = &f->problem;
    const FactorSpec specs[] = {
        [A] = {"A", p->rank, p->size, false, 0}, [B] = {"B", p->size, p->rank, true, 1}};
    FactorModel *m = mem_alloc(1, sizeof *m);
    m->of = f;
    m->factors = factors_new(specs, 2,
                             &(FactorOptions){.generated = cell->generated,
                                              .inputs = p->generator_inputs,
                                              .width = p->width,
                                              .input_std = cell->input_std,
                                              .seed = cell->seed});
    m->error = mem_alloc((size_t)p->size * (size_t)p->size, sizeof *m->error);
    m->last = mem_alloc(factors_size(m->factors), sizeof *m->last);
    return m;
}

void factor_model_free(FactorModel *m)
{
    if (m == NULL) return;
    factors_free(m->factors);
    free(m->error);
    free(m->last);
    free(m);
}

Params *factor_model_params(FactorModel *m)
{
    return factors_params(m->factors);
}

void factor_model_make(FactorModel *m)
{
    factors_make(m->factors);
}

enum { LANES = 8 };

/* error -= matrix; returns the sum of squares. */
SIMD_CLONES static double subtract(Real *error, const Real *matrix, size_t n)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            error[i + k] -= matrix[i + k];
            lanes[k] += (double)error[i + k] * (double)error[i + k];
        }
    }
    for (; i < n; i++) {
        error[i] -= matrix[i];
        sum += (double)error[i] * (double)error[i];
    }
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

double factor_model_loss(FactorModel *m)
{
    int n = m->of->problem.size, r = m->of->problem.rank;
    size_t size = (size_t)n * (size_t)n;
    gemm(&(Gemm){.m = n,
                 .n = n,
                 .k = r,
                 .alpha = 1,
                 .a = factors_values(m->factors, B),
                 .b = factors_values(m->factors, A),
                 .c = m->error});
    return subtract(m->error, m->of->matrix, size) / (double)size;
}

/* dB = 2/n^2 E A^T, dA = 2/n^2 B^T E. */
void factor_model_gradient(FactorModel *m)
{
    int n = m->of->problem.size, r = m->of->problem.rank;
    Real scale = (Real)(2.0 / ((double)n * n));
    gemm(&(Gemm){.transpose_b = true,
                 .m = n,
                 .n = r,
                 .k = n,
                 .alpha = scale,
                 .a = m->error,
                 .b = factors_values(m->factors, A),
                 .c = factors_gradients(m->factors, B)});
    gemm(&(Gemm){.transpose_a = true,
                 .m = r,
                 .n = n,
                 .k = n,
                 .alpha = scale,
                 .a = factors_values(m->factors, B),
                 .b = m->error,
                 .c = factors_gradients(m->factors, A)});
    factors_backward(m->factors);
}

/* ---- a cell ---- */

static void log_step(StudyOutcome *out, FactorModel *m, int64_t step)
{
    const FactorProblem *p = &m->of->problem;
    StudyStep row = {.step = step, .loss = out->loss};
    row.effective_rank = study_product_rank(
        factors_values(m->factors, B), factors_values(m->factors, A), p->size, p->rank, p->size);
    row.gradient_norm =
        study_gradient(factors_gradients(m->factors, A), m->last, factors_size(m->factors),
                       out->n_steps == 0, &row.gradient_cosine);
    study_outcome_add(out, row);
}

void factor_model_train(StudyOutcome *out, FactorModel *m, const StudyCell *cell)
{
    const FactorProblem *p = &m->of->problem;
    Params *params = factors_params(m->factors);
    OptimOptions options = study_optim_options(cell->optimizer, cell->lr);
    Optimizer *optimizer = optim_new(&options, params);
    study_outcome_init(out);
    out->n_parameters = (int64_t)params_trainable_size(params);
    for (int64_t step = 0;; step++) {
        factor_model_make(m);
        if (!study_outcome_loss(out, step, factor_model_loss(m))) break;
        factor_model_gradient(m);
        if (step % STUDY_LOG_EVERY == 0 || step == p->steps) log_step(out, m, step);
        if (step == p->steps) break;
        optim_set_lr(optimizer, cell->lr * study_schedule(step, p->steps, p->warm_up));
        optim_step(optimizer, params, NULL);
    }
    optim_free(optimizer);
}

void factorize_cell(StudyOutcome *out, const Factorization *f, const StudyCell *cell)
{
    double begin = clock_seconds();
    FactorModel *m = factor_model_new(f, cell);
    factor_model_train(out, m, cell);
    out->seconds = clock_seconds() - begin;
    factor_model_free(m);
}
