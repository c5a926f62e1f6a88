/* Layer norm and l2 normalisation: every row by itself, sums in double. */
#include "err.h"
#include "ops.h"
#include "parts.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, GRAIN_ELEMENTS = 16 * 1024 };

static size_t row_grain(size_t columns)
{
    return GRAIN_ELEMENTS / columns + 1;
}

static double lanes_total(const double lanes[LANES])
{
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* Sum of (a - a_center) * (b - b_center). */
SIMD_CLONES
static double centered_dot(const Real *a, double a_center, const Real *b, double b_center, size_t n)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            lanes[j] += ((double)a[i + j] - a_center) * ((double)b[i + j] - b_center);
        }
    }
    for (; i < n; i++) lanes[i % LANES] += ((double)a[i] - a_center) * ((double)b[i] - b_center);
    return lanes_total(lanes);
}

SIMD_CLONES
static double sum(const Real *a, size_t n)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) lanes[j] += (double)a[i + j];
    }
    for (; i < n; i++) lanes[i % LANES] += (double)a[i];
    return lanes_total(lanes);
}

/* ---- layer norm ---- */

typedef struct {
    size_t rows, columns;
    Real *mean, *inv_std; /* [rows] */
    double eps;
} LayerNorm;

typedef struct {
    const LayerNorm *norm;
    const Real *x, *gamma, *beta, *dy;
    Real *y, *dx;
    bool dx_fresh;
    double *sums; /* [parts, 2 D]: gradients of gamma and beta */
    Real *dxhat;  /* [parts, 2 D]: of one row; x normalised */
} LayerNormWork;

SIMD_CLONES
static void layer_norm_row(const LayerNormWork *w, size_t row, Real mean, Real inv_std)
{
    size_t n = w->norm->columns;
    const Real *restrict x = w->x + row * n, *restrict gamma = w->gamma, *restrict beta = w->beta;
    Real *restrict y = w->y + row * n;
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inv_std * gamma[i] + beta[i];
}

static void layer_norm_task(void *context, Part rows)
{
    const LayerNormWork *w = context;
    const LayerNorm *norm = w->norm;
    size_t n = norm->columns;
    for (size_t r = rows.begin; r < rows.end; r++) {
        const Real *x = w->x + r * n;
        double mean = sum(x, n) / (double)n;
        double var = centered_dot(x, mean, x, mean, n) / (double)n;
        norm->mean[r] = (Real)mean;
        norm->inv_std[r] = (Real)(1 / sqrt(var + norm->eps));
        layer_norm_row(w, r, norm->mean[r], norm->inv_std[r]);
    }
}

/* x normalised, gradient of it, and the share of this row in the gradients of gamma and beta. */
SIMD_CLONES
static void layer_norm_row_sums(const LayerNormWork *w, size_t row, Real *restrict dxhat,
                                double *restrict sums)
{
    size_t n = w->norm->columns;
    Real mean = w->norm->mean[row], inv_std = w->norm->inv_std[row];
    const Real *restrict x = w->x + row * n, *restrict dy = w->dy + row * n;
    const Real *restrict gamma = w->gamma;
    for (size_t i = 0; i < n; i++) {
        Real xhat = (x[i] - mean) * inv_std;
        dxhat[i] = dy[i] * gamma[i];
        dxhat[n + i] = xhat;
        sums[i] += (double)(dy[i] * xhat);
        sums[n + i] += (double)dy[i];
    }
}

SIMD_CLONES
static void layer_norm_row_dx(const LayerNormWork *w, size_t row, const Real *restrict dxhat)
{
    size_t n = w->norm->columns;
    Real inv_std = w->norm->inv_std[row];
    Real mean_dxhat = (Real)(sum(dxhat, n) / (double)n);
    Real mean_product = (Real)(centered_dot(dxhat, 0, dxhat + n, 0, n) / (double)n);
    Real *restrict dx = w->dx + row * n;
    for (size_t i = 0; i < n; i++) {
        Real v = inv_std * (dxhat[i] - mean_dxhat - dxhat[n + i] * mean_product);
        dx[i] = w->dx_fresh ? v : dx[i] + v;
    }
}

static void layer_norm_backward_task(void *context, Part rows)
{
    const LayerNormWork *w = context;
    size_t n = w->norm->columns, at = (size_t)rows.index * 2 * n;
    memset(w->sums + at, 0, 2 * n * sizeof *w->sums);
    for (size_t r = rows.begin; r < rows.end; r++) {
        layer_norm_row_sums(w, r, w->dxhat + at, w->sums + at);
        if (w->dx != NULL) layer_norm_row_dx(w, r, w->dxhat + at);
    }
}

static void layer_norm_backward(Tape *t, Tensor *y)
{
    const LayerNorm *norm = y->aux;
    ThreadPool *threads = tape_threads(t);
    LayerNormWork w = {
        .norm = norm, .x = y->inputs[0]->v, .gamma = y->inputs[1]->v, .dy = y->g, .dx = NULL};
    w.dx = tape_grad_fresh(t, y->inputs[0], &w.dx_fresh);
    Real *dgamma = tape_grad(t, y->inputs[1]), *dbeta = tape_grad(t, y->inputs[2]);
    Real *scratch = tape_scratch(t, y->backward_scratch);
    size_t n = norm->columns, grain = row_grain(n);
    size_t n_parts = (size_t)parts_count(threads, norm->rows, grain);
    w.sums = (double *)(void *)scratch;
    w.dxhat = scratch + parts_reals_of_doubles(n_parts * 2 * n);
    parts_run(threads, norm->rows, grain, layer_norm_backward_task, &w);
    for (size_t part = 0; part < n_parts; part++) {
        for (size_t i = 0; i < n; i++) {
            if (dgamma != NULL) dgamma[i] += (Real)w.sums[part * 2 * n + i];
            if (dbeta != NULL) dbeta[i] += (Real)w.sums[part * 2 * n + n + i];
        }
    }
    tape_scratch_end(t, scratch, y->backward_scratch);
}

Tensor *nn_layer_norm(Tape *t, Tensor *x, Tensor *gamma, Tensor *beta, double eps)
{
    char sx[TENSOR_TEXT_SIZE], sg[TENSOR_TEXT_SIZE];
    check(tensor_size(gamma) == (size_t)tensor_columns(x) && tensor_same_shape(gamma, beta),
          "layer_norm: x %s against gamma %s", tensor_text(x, sx), tensor_text(gamma, sg));
    ThreadPool *threads = tape_threads(t);
    LayerNorm norm = {
        .rows = (size_t)tensor_rows(x), .columns = (size_t)tensor_columns(x), .eps = eps};
    size_t sums = 2 * (size_t)thread_pool_size(threads) * norm.columns;
    Tensor *inputs[] = {x, gamma, beta};
    Tensor *y = tape_result(t,
                            &(TapeOp){.op = "layer_norm",
                                      .backward = layer_norm_backward,
                                      .inputs = inputs,
                                      .n_inputs = 3,
                                      .flops = 8.0 * (double)tensor_size(x),
                                      .backward_scratch = sums + parts_reals_of_doubles(sums)},
                            x->rank, x->dims);
    norm.mean = tape_save(t, y, 2 * norm.rows, sizeof *norm.mean);
    norm.inv_std = norm.mean + norm.rows;
    y->aux = tape_aux(t, sizeof norm);
    *(LayerNorm *)y->aux = norm;
    LayerNormWork w = {.norm = &norm, .x = x->v, .gamma = gamma->v, .beta = beta->v, .y = y->v};
    if (!tape_planning(t)) {
        parts_run(threads, norm.rows, row_grain(norm.columns), layer_norm_task, &w);
    }
    return y;
}

/* ---- l2 ---- */

typedef struct {
    size_t rows, columns;
    double eps;
    const Real *x, *y, *dy;
    Real *out; /* y; backward: dx */
    bool fresh;
} L2;

static void l2_task(void *context, Part rows)
{
    const L2 *l = context;
    size_t n = l->columns;
    for (size_t r = rows.begin; r < rows.end; r++) {
        const Real *x = l->x + r * n;
        double norm = sqrt(centered_dot(x, 0, x, 0, n));
        Real scale = (Real)(1 / (norm > l->eps ? norm : l->eps));
        for (size_t i = 0; i < n; i++) l->out[r * n + i] = scale * x[i];
    }
}

/* dx = (dy - y (y . dy)) / ||x||; below eps the divisor is a constant. */
static void l2_backward_task(void *context, Part rows)
{
    const L2 *l = context;
    size_t n = l->columns;
    for (size_t r = rows.begin; r < rows.end; r++) {
        const Real *x = l->x + r * n, *y = l->y + r * n, *dy = l->dy + r * n;
        Real *dx = l->out + r * n;
        double norm = sqrt(centered_dot(x, 0, x, 0, n));
        Real along = norm >= l->eps ? (Real)centered_dot(y, 0, dy, 0, n) : 0;
        Real scale = (Real)(1 / (norm > l->eps ? norm : l->eps));
        for (size_t i = 0; i < n; i++) {
            dx[i] = (l->fresh ? 0 : dx[i]) + scale * (dy[i] - y[i] * along);
        }
    }
}

static void l2_backward(Tape *t, Tensor *y)
{
    L2 l = *(const L2 *)y->aux;
    l.y = y->v;
    l.dy = y->g;
    l.out = tape_grad_fresh(t, y->inputs[0], &l.fresh);
    if (l.out != NULL) {
        parts_run(tape_threads(t), l.rows, row_grain(l.columns), l2_backward_task, &l);
    }
}

Tensor *nn_l2_normalise(Tape *t, Tensor *x, double eps)
{
    Tensor *y = tape_result(t,
                            &(TapeOp){.op = "l2_normalise",
                                      .backward = l2_backward,
                                      .inputs = &x,
                                      .n_inputs = 1,
                                      .flops = 3.0 * (double)tensor_size(x)},
                            x->rank, x->dims);
    L2 l = {.rows = (size_t)tensor_rows(x),
            .columns = (size_t)tensor_columns(x),
            .eps = eps,
            .x = x->v,
            .out = y->v};
    y->aux = tape_aux(t, sizeof l);
    *(L2 *)y->aux = l;
    if (!tape_planning(t)) parts_run(tape_threads(t), l.rows, row_grain(l.columns), l2_task, &l);
    return y;
}
