/* Activations and dropout. Comparisons are written so that NaN passes through: a loss that is not
 * finite has to show. */
#include "ops.h"

#include "err.h"
#include "ranges.h"
#include "unary.h"
#include "vector_math.h"

#include <math.h>
#include <stdint.h>

/* ---- relu ---- */

SIMD_CLONES
static void relu_forward(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

SIMD_CLONES
static void relu_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)x;
    for (size_t i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

Tensor *nn_relu(Tape *t, Tensor *x)
{
    static const Unary RELU = {"relu", relu_forward, relu_backward};
    return unary_op(t, x, &RELU);
}

/* ---- gelu: x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2 (Hendrycks & Gimpel 2016) ---- */

static const Real SQRT_HALF = (Real)0.70710678118654752440;
static const Real INV_SQRT_2PI = (Real)0.39894228040143267794;

/* n <= UNARY_BLOCK */
SIMD_CLONES
static void normal_cdf(Real *phi, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) phi[i] = x[i] * SQRT_HALF;
    vector_erf(phi, phi, n);
    for (size_t i = 0; i < n; i++) phi[i] = (Real)0.5 * (1 + phi[i]);
}

SIMD_CLONES
static void gelu_forward(Real *y, const Real *x, size_t n)
{
    normal_cdf(y, x, n);
    for (size_t i = 0; i < n; i++) y[i] *= x[i];
}

SIMD_CLONES
static void gelu_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)y;
    Real density[UNARY_BLOCK];
    for (size_t i = 0; i < n; i++) dx[i] = (Real)-0.5 * x[i] * x[i];
    vector_exp(density, dx, n);
    normal_cdf(dx, x, n);
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (dx[i] + x[i] * INV_SQRT_2PI * density[i]);
}

Tensor *nn_gelu(Tape *t, Tensor *x)
{
    static const Unary GELU = {"gelu", gelu_forward, gelu_backward};
    return unary_op(t, x, &GELU);
}

/* ---- sigmoid, quick gelu: x sigmoid(1.702 x) ---- */

static const Real QUICK_GELU_SLOPE = (Real)1.702; /* Hendrycks & Gimpel 2016; CLIP's QuickGELU */

/* s = sigmoid(slope * x) */
SIMD_CLONES
static void scaled_sigmoid(Real *s, const Real *x, Real slope, size_t n)
{
    for (size_t i = 0; i < n; i++) s[i] = -slope * x[i];
    vector_exp(s, s, n);
    for (size_t i = 0; i < n; i++) s[i] = 1 / (1 + s[i]);
}

static void sigmoid_forward(Real *y, const Real *x, size_t n)
{
    scaled_sigmoid(y, x, 1, n);
}

SIMD_CLONES
static void sigmoid_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)x;
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
}

Tensor *nn_sigmoid(Tape *t, Tensor *x)
{
    static const Unary SIGMOID = {"sigmoid", sigmoid_forward, sigmoid_backward};
    return unary_op(t, x, &SIGMOID);
}

SIMD_CLONES
static void quick_gelu_forward(Real *y, const Real *x, size_t n)
{
    scaled_sigmoid(y, x, QUICK_GELU_SLOPE, n);
    for (size_t i = 0; i < n; i++) y[i] *= x[i];
}

SIMD_CLONES
static void quick_gelu_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)y;
    Real s[UNARY_BLOCK];
    scaled_sigmoid(s, x, QUICK_GELU_SLOPE, n);
    for (size_t i = 0; i < n; i++) {
        dx[i] = dy[i] * (s[i] + QUICK_GELU_SLOPE * x[i] * s[i] * (1 - s[i]));
    }
}

Tensor *nn_quick_gelu(Tape *t, Tensor *x)
{
    static const Unary QUICK_GELU = {"quick_gelu", quick_gelu_forward, quick_gelu_backward};
    return unary_op(t, x, &QUICK_GELU);
}

/* ---- tanh ---- */

static void tanh_forward(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (Real)tanh((double)x[i]);
}

SIMD_CLONES
static void tanh_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)x;
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

Tensor *nn_tanh(Tape *t, Tensor *x)
{
    static const Unary TANH = {"tanh", tanh_forward, tanh_backward};
    return unary_op(t, x, &TANH);
}

/* ---- dropout ---- */

typedef struct {
    const Tape *t;
    uint64_t which; /* random op of this step */
    double p;
    const Real *x, *dy;
    Real *y, *dx;
    uint8_t *kept; /* [n], 1: kept; NULL: not recorded */
    bool fresh;
} Dropout;

enum { DROPOUT_BLOCK = 512 };

SIMD_CLONES
static void dropout_block(const Dropout *d, const uint32_t *words, size_t at, size_t n)
{
    Real scale = (Real)(1 / (1 - d->p));
    uint32_t threshold = (uint32_t)(d->p * 4294967296.0); /* 2^32 */
    const Real *x = d->x + at;
    Real *y = d->y + at;
    for (size_t i = 0; i < n; i++) y[i] = words[i] >= threshold ? scale * x[i] : 0;
    if (d->kept == NULL) return;
    for (size_t i = 0; i < n; i++) d->kept[at + i] = words[i] >= threshold;
}

static void dropout_forward(const void *context, size_t begin, size_t end)
{
    const Dropout *d = context;
    uint32_t words[DROPOUT_BLOCK];
    for (size_t i = begin; i < end; i += DROPOUT_BLOCK) {
        size_t n = end - i < DROPOUT_BLOCK ? end - i : (size_t)DROPOUT_BLOCK;
        tape_random_words(d->t, d->which, words, i, n);
        dropout_block(d, words, i, n);
    }
}

SIMD_CLONES
static void dropout_backward_range(const void *context, size_t begin, size_t end)
{
    const Dropout *d = context;
    Real scale = (Real)(1 / (1 - d->p));
    if (d->fresh) {
        for (size_t i = begin; i < end; i++) d->dx[i] = scale * (Real)d->kept[i] * d->dy[i];
    } else {
        for (size_t i = begin; i < end; i++) d->dx[i] += scale * (Real)d->kept[i] * d->dy[i];
    }
}

static void dropout_backward(Tape *t, Tensor *y)
{
    Dropout *d = y->aux;
    d->dx = tape_grad_fresh(t, y->inputs[0], &d->fresh);
    d->dy = y->g;
    if (d->dx == NULL) return;
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, dropout_backward_range, d);
}

Tensor *nn_dropout(Tape *t, Tensor *x, double p)
{
    check(p >= 0 && p < 1, "dropout with p = %g", p);
    if (!tape_training(t) || p == 0) return x;
    TapeOp op = {.op = "dropout",
                 .backward = dropout_backward,
                 .inputs = &x,
                 .n_inputs = 1,
                 .flops = (double)tensor_size(x)};
    Tensor *y = tape_result(t, &op, x->rank, x->dims);
    Dropout *d = tape_aux(t, sizeof *d);
    *d = (Dropout){.t = t, .which = tape_random_op(t), .p = p, .x = x->v, .y = y->v};
    y->aux = d;
    if (y->needs_grad) d->kept = tape_save(t, y, tensor_size(y), sizeof *d->kept);
    if (tape_planning(t)) return y;
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, dropout_forward, d);
    return y;
}
