/* Batch norm, with the residual sum and the relu that follow it in the same pass. Only x and y are
 * kept for backward: dz = dy * (y > 0), and x is normalised again. */
#include "err.h"
#include "moments.h"
#include "ops.h"
#include "parts.h"

#include <math.h>

enum { GRAIN_ELEMENTS = 16 * 1024, BLOCK_ELEMENTS = 8 * 1024 };

typedef struct {
    size_t rows, channels, grain;
    Real *mean, *inv_std; /* [C] what x was normalised with */
    bool batch_statistics, relu;
} NormAux;

static NormAux norm_aux(const Tensor *x)
{
    size_t channels = (size_t)tensor_columns(x);
    return (NormAux){.rows = (size_t)tensor_rows(x),
                     .channels = channels,
                     .grain = GRAIN_ELEMENTS / channels + 1};
}

/* ---- statistics ---- */

typedef struct {
    const NormAux *aux;
    const Real *g, *x;      /* g: backward only */
    double *first, *second; /* [parts, C]: mean and squares; backward: sums and products */
    Real *blocks;           /* [parts, 2 C] */
} Statistics;

/* Of the tasks below: two doubles and two Reals per channel and thread. */
static size_t statistics_scratch(ThreadPool *threads, size_t channels)
{
    size_t n = (size_t)thread_pool_size(threads) * channels;
    return 2 * n + parts_reals_of_doubles(2 * n);
}

static Statistics statistics_init(const NormAux *aux, ThreadPool *threads, Real *scratch)
{
    size_t n = (size_t)thread_pool_size(threads) * aux->channels;
    double *doubles = (double *)(void *)scratch;
    return (Statistics){.aux = aux,
                        .first = doubles,
                        .second = doubles + n,
                        .blocks = scratch + parts_reals_of_doubles(2 * n)};
}

static void moments_task(void *context, Part rows)
{
    const Statistics *s = context;
    size_t c = s->aux->channels, part = (size_t)rows.index;
    moments_of_columns(s->first + part * c, s->second + part * c, s->x + rows.begin * c,
                       rows.end - rows.begin, c, s->blocks + part * 2 * c);
}

static void move_running(const NnBatchNorm *bn, size_t c, Moments m)
{
    double unbiased = m.squares / (m.n > 1 ? m.n - 1 : 1), k = bn->momentum;
    bn->running_mean[c] = (Real)((1 - k) * (double)bn->running_mean[c] + k * m.mean);
    bn->running_var[c] = (Real)((1 - k) * (double)bn->running_var[c] + k * unbiased);
}

static void batch_statistics(ThreadPool *threads, NormAux *aux, const Real *x, Real *scratch,
                             const NnBatchNorm *bn)
{
    Statistics s = statistics_init(aux, threads, scratch);
    s.x = x;
    parts_run(threads, aux->rows, aux->grain, moments_task, &s);
    int n_parts = parts_count(threads, aux->rows, aux->grain);
    for (size_t c = 0; c < aux->channels; c++) {
        Moments m = {0};
        for (int k = 0; k < n_parts; k++) {
            Part part = parts_get(aux->rows, n_parts, k);
            size_t i = (size_t)k * aux->channels + c;
            double n = (double)(part.end - part.begin);
            m = moments_merge(m, (Moments){n, s.first[i], s.second[i]});
        }
        aux->mean[c] = (Real)m.mean;
        aux->inv_std[c] = (Real)(1 / sqrt(m.squares / m.n + bn->eps));
        if (!bn->frozen) move_running(bn, c, m);
    }
}

static void running_statistics(NormAux *aux, const NnBatchNorm *bn)
{
    for (size_t c = 0; c < aux->channels; c++) {
        aux->mean[c] = bn->running_mean[c];
        aux->inv_std[c] = (Real)(1 / sqrt((double)bn->running_var[c] + bn->eps));
    }
}

/* ---- y = relu(scale * (x - mean) + shift + residual) ---- */

typedef struct {
    const Real *x, *residual;
    Real *y;
    const Real *mean, *scale, *shift; /* [C] */
    size_t channels;
    bool relu;
} Normalise;

SIMD_CLONES
static void normalise_rows(const Normalise *m, size_t begin, size_t end)
{
    size_t channels = m->channels;
    const Real *restrict mean = m->mean, *restrict scale = m->scale, *restrict shift = m->shift;
    Real floor = m->relu ? 0 : -(Real)INFINITY;
    for (size_t r = begin; r < end; r++) {
        const Real *restrict x = m->x + r * channels;
        Real *restrict y = m->y + r * channels;
        if (m->residual != NULL) {
            const Real *restrict residual = m->residual + r * channels;
            for (size_t c = 0; c < channels; c++) {
                Real v = (x[c] - mean[c]) * scale[c] + shift[c] + residual[c];
                y[c] = v < floor ? floor : v;
            }
        } else {
            for (size_t c = 0; c < channels; c++) {
                Real v = (x[c] - mean[c]) * scale[c] + shift[c];
                y[c] = v < floor ? floor : v;
            }
        }
    }
}

static void normalise_task(void *context, Part rows)
{
    normalise_rows(context, rows.begin, rows.end);
}

/* ---- backward ---- */

/* dx (+)= along * dz + across * (x - mean) + shift; dresidual (+)= dz */
typedef struct {
    const Real *dz, *x;
    Real *dx, *dresidual; /* NULL: not wanted */
    bool dx_fresh, dresidual_fresh;
    const Real *mean, *along, *across, *shift; /* [C] */
    size_t channels;
} NormBackward;

SIMD_CLONES
static void input_gradient_rows(const NormBackward *b, size_t begin, size_t end)
{
    size_t channels = b->channels;
    const Real *restrict mean = b->mean, *restrict along = b->along, *restrict across = b->across,
                         *restrict shift = b->shift;
    for (size_t r = begin; r < end; r++) {
        const Real *restrict dz = b->dz + r * channels, *restrict x = b->x + r * channels;
        Real *restrict dx = b->dx + r * channels;
        if (b->dx_fresh) {
            for (size_t c = 0; c < channels; c++) {
                dx[c] = along[c] * dz[c] + (across[c] * (x[c] - mean[c]) + shift[c]);
            }
        } else {
            for (size_t c = 0; c < channels; c++) {
                dx[c] += along[c] * dz[c] + (across[c] * (x[c] - mean[c]) + shift[c]);
            }
        }
    }
}

SIMD_CLONES
static void add_or_set(Real *restrict out, const Real *restrict v, size_t n, bool set)
{
    if (set) {
        for (size_t i = 0; i < n; i++) out[i] = v[i];
    } else {
        for (size_t i = 0; i < n; i++) out[i] += v[i];
    }
}

/* Block by block, so that dz is read from memory once. */
static void norm_backward_task(void *context, Part rows)
{
    const NormBackward *b = context;
    size_t step = BLOCK_ELEMENTS / b->channels + 1;
    for (size_t r = rows.begin; r < rows.end; r += step) {
        size_t end = r + step < rows.end ? r + step : rows.end, at = r * b->channels;
        if (b->dx != NULL) input_gradient_rows(b, r, end);
        if (b->dresidual == NULL) continue;
        add_or_set(b->dresidual + at, b->dz + at, (end - r) * b->channels, b->dresidual_fresh);
    }
}

typedef struct {
    Statistics statistics;
    Real *g;       /* dy on entry, dz after */
    const Real *y; /* NULL: no relu */
} NormSums;

SIMD_CLONES
static void mask_block(Real *restrict g, const Real *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) g[i] = y[i] <= 0 ? 0 : g[i];
}

static void norm_sums_task(void *context, Part rows)
{
    const NormSums *n = context;
    const Statistics *s = &n->statistics;
    size_t c = s->aux->channels, part = (size_t)rows.index;
    if (n->y != NULL) {
        mask_block(n->g + rows.begin * c, n->y + rows.begin * c, (rows.end - rows.begin) * c);
    }
    MomentsGradient m = {n->g + rows.begin * c, s->x + rows.begin * c, s->aux->mean,
                         rows.end - rows.begin, c};
    moments_gradient(s->first + part * c, s->second + part * c, &m, s->blocks + part * 2 * c);
}

typedef struct {
    Real *along, *across, *shift, *dgamma, *dbeta;
} NormGradient;

/* From the sums of dz and of dz * (x - mean): gradients of gamma and beta, coefficients of dx. */
static void norm_coefficients(const NormAux *aux, const Statistics *s, size_t n_parts,
                              const Real *gamma, const NormGradient *out)
{
    double rows = (double)aux->rows;
    for (size_t c = 0; c < aux->channels; c++) {
        double sum = 0, product = 0, inv_std = (double)aux->inv_std[c];
        for (size_t part = 0; part < n_parts; part++) {
            sum += s->first[part * aux->channels + c];
            product += s->second[part * aux->channels + c];
        }
        if (out->dgamma != NULL) out->dgamma[c] += (Real)(product * inv_std);
        if (out->dbeta != NULL) out->dbeta[c] += (Real)sum;
        double along = (double)gamma[c] * inv_std;
        out->along[c] = (Real)along;
        out->across[c] =
            aux->batch_statistics ? (Real)(-along * inv_std * inv_std * product / rows) : 0;
        out->shift[c] = aux->batch_statistics ? (Real)(-along * sum / rows) : 0;
    }
}

static void batch_norm_backward(Tape *t, Tensor *y)
{
    const NormAux *aux = y->aux;
    ThreadPool *threads = tape_threads(t);
    const Tensor *x = y->inputs[0], *gamma = y->inputs[1];
    NormBackward b = {.dz = y->g, .x = x->v, .mean = aux->mean, .channels = aux->channels};
    NormGradient n;
    b.dx = tape_grad_fresh(t, y->inputs[0], &b.dx_fresh);
    n.dgamma = tape_grad(t, y->inputs[1]);
    n.dbeta = tape_grad(t, y->inputs[2]);
    b.dresidual = tape_grad_fresh(t, y->inputs[3], &b.dresidual_fresh);
    Real *scratch = tape_scratch(t, y->backward_scratch);
    NormSums sums = {.statistics = statistics_init(aux, threads, scratch),
                     .g = y->g,
                     .y = aux->relu ? y->v : NULL};
    sums.statistics.x = x->v;
    parts_run(threads, aux->rows, aux->grain, norm_sums_task, &sums);
    n.along = scratch + statistics_scratch(threads, aux->channels);
    n.across = n.along + aux->channels;
    n.shift = n.across + aux->channels;
    norm_coefficients(aux, &sums.statistics, (size_t)parts_count(threads, aux->rows, aux->grain),
                      gamma->v, &n);
    b.along = n.along;
    b.across = n.across;
    b.shift = n.shift;
    parts_run(threads, aux->rows, aux->grain, norm_backward_task, &b);
    tape_scratch_end(t, scratch, y->backward_scratch);
}

static void check_batch_norm(const Tensor *x, const NnBatchNorm *bn)
{
    char sx[TENSOR_TEXT_SIZE], sg[TENSOR_TEXT_SIZE];
    const Tensor *residual = bn->after.residual;
    check(x->rank >= 2 && tensor_size(bn->gamma) == (size_t)tensor_columns(x) &&
              tensor_same_shape(bn->gamma, bn->beta),
          "batch_norm: x %s against gamma %s", tensor_text(x, sx), tensor_text(bn->gamma, sg));
    check(residual == NULL || tensor_same_shape(x, residual), "batch_norm: x %s, residual %s",
          tensor_text(x, sx), tensor_text(residual, sg));
}

Tensor *nn_batch_norm(Tape *t, Tensor *x, const NnBatchNorm *bn)
{
    check_batch_norm(x, bn);
    ThreadPool *threads = tape_threads(t);
    NormAux aux = norm_aux(x);
    aux.batch_statistics = tape_training(t) && !bn->frozen;
    aux.relu = bn->after.relu;
    size_t scratch_size = 3 * aux.channels + statistics_scratch(threads, aux.channels);
    Tensor *inputs[] = {x, bn->gamma, bn->beta, bn->after.residual};
    Tensor *y = tape_result(t,
                            &(TapeOp){.op = "batch_norm",
                                      .backward = batch_norm_backward,
                                      .inputs = inputs,
                                      .n_inputs = 4,
                                      .flops = 8.0 * (double)tensor_size(x),
                                      .backward_scratch = scratch_size},
                            x->rank, x->dims);
    aux.mean = tape_save(t, y, 2 * aux.channels, sizeof *aux.mean);
    aux.inv_std = aux.mean + aux.channels;
    y->aux = tape_aux(t, sizeof aux);
    *(NormAux *)y->aux = aux;
    Real *scratch = tape_scratch(t, scratch_size);
    if (!tape_planning(t)) {
        if (aux.batch_statistics) {
            batch_statistics(threads, &aux, x->v, scratch, bn);
        } else {
            running_statistics(&aux, bn);
        }
        Real *scale = scratch + statistics_scratch(threads, aux.channels);
        for (size_t c = 0; c < aux.channels; c++) scale[c] = bn->gamma->v[c] * aux.inv_std[c];
        Normalise m = {.x = x->v,
                       .residual = bn->after.residual != NULL ? bn->after.residual->v : NULL,
                       .y = y->v,
                       .mean = aux.mean,
                       .scale = scale,
                       .shift = bn->beta->v,
                       .channels = aux.channels,
                       .relu = aux.relu};
        parts_run(threads, aux.rows, aux.grain, normalise_task, &m);
    }
    tape_scratch_end(t, scratch, scratch_size);
    return y;
}
