/* Arithmetic of two tensors, the second one repeated where it is smaller, and plain functions. */
#include "ops.h"

#include "axis_sum.h"
#include "err.h"
#include "ranges.h"
#include "unary.h"
#include "vector_math.h"

#include <math.h>
#include <string.h>

/* ---- two tensors ---- */

enum { BLOCK = 512 };

/* Everything that differs between the four operations. */
typedef struct {
    const char *name;
    void (*forward)(Real *y, const Real *a, const Real *b, size_t n);
    void (*backward_a)(Real *da, const Real *dy, const Real *b, size_t n); /* assigns */
    /* db = sum over the repetitions of scale * dy * factor / divisor */
    double scale;
    enum { FACTOR_ONE, FACTOR_A, FACTOR_Y } factor;
    bool divide_by_b;
} Binary;

SIMD_CLONES
static void add_forward(Real *y, const Real *a, const Real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

SIMD_CLONES
static void sub_forward(Real *y, const Real *a, const Real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] - b[i];
}

SIMD_CLONES
static void mul_forward(Real *y, const Real *a, const Real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

SIMD_CLONES
static void div_forward(Real *y, const Real *a, const Real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] / b[i];
}

static void sum_backward_a(Real *da, const Real *dy, const Real *b, size_t n)
{
    (void)b;
    memcpy(da, dy, n * sizeof *da);
}

/* Elements [begin, end) in blocks; b is walked as if it were repeated. Blocks never cross the end
 * of a repetition of b, but where b is short it is written out several times first. */
typedef struct {
    const Binary *binary;
    const Tensor *a, *b, *y;
    Real *da;
    bool fresh;
} BinaryWork;

typedef struct {
    size_t n_b;     /* elements of b */
    size_t n_tiled; /* the same of the written-out b; 0: b itself is used */
    Real tiled[BLOCK];
} Repeated;

static void repeated_init(Repeated *r, const Tensor *b)
{
    r->n_b = tensor_size(b);
    r->n_tiled = r->n_b <= BLOCK / 2 ? BLOCK / r->n_b * r->n_b : 0;
    for (size_t i = 0; i < r->n_tiled; i++) r->tiled[i] = b->v[i % r->n_b];
}

/* b for element i on; *n is cut to what is contiguous. */
static const Real *repeated_at(const Repeated *r, const Tensor *b, size_t i, size_t *n)
{
    size_t period = r->n_tiled > 0 ? r->n_tiled : r->n_b;
    size_t at = i % period;
    if (*n > period - at) *n = period - at;
    if (*n > BLOCK) *n = BLOCK;
    return (r->n_tiled > 0 ? r->tiled : b->v) + at;
}

static void binary_forward(const void *context, size_t begin, size_t end)
{
    const BinaryWork *w = context;
    Repeated r;
    repeated_init(&r, w->b);
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i;
        const Real *b = repeated_at(&r, w->b, i, &n);
        w->binary->forward(w->y->v + i, w->a->v + i, b, n);
    }
}

static void binary_backward_a(const void *context, size_t begin, size_t end)
{
    const BinaryWork *w = context;
    Repeated r;
    repeated_init(&r, w->b);
    Real block[BLOCK];
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i;
        const Real *b = repeated_at(&r, w->b, i, &n);
        w->binary->backward_a(w->fresh ? w->da + i : block, w->y->g + i, b, n);
        for (size_t k = 0; !w->fresh && k < n; k++) w->da[i + k] += block[k];
    }
}

static void binary_backward_b(Tape *t, const BinaryWork *w, Real *db, bool fresh)
{
    const Binary *op = w->binary;
    size_t n = tensor_size(w->b);
    axis_sum(tape_threads(t), &(AxisSum){.x = w->y->g,
                                         .factor = op->factor == FACTOR_A   ? w->a->v
                                                   : op->factor == FACTOR_Y ? w->y->v
                                                                            : NULL,
                                         .divisor = op->divide_by_b ? w->b->v : NULL,
                                         .outer = 1,
                                         .length = tensor_size(w->y) / n,
                                         .inner = n,
                                         .scale = op->scale,
                                         .out = db,
                                         .fresh = fresh});
}

static void binary_backward(Tape *t, Tensor *y)
{
    const Binary *const *op = y->aux;
    BinaryWork w = {.binary = *op, .a = y->inputs[0], .b = y->inputs[1], .y = y};
    w.da = tape_grad_fresh(t, y->inputs[0], &w.fresh);
    if (w.da != NULL) {
        ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, binary_backward_a, &w);
    }
    bool fresh;
    Real *db = tape_grad_fresh(t, y->inputs[1], &fresh);
    if (db != NULL) binary_backward_b(t, &w, db, fresh);
}

static bool repeats(const Tensor *a, const Tensor *b)
{
    if (tensor_size(b) == 1) return true;
    if (b->rank > a->rank) return false;
    return memcmp(a->dims + a->rank - b->rank, b->dims, (size_t)b->rank * sizeof *b->dims) == 0;
}

static Tensor *binary_op(Tape *t, Tensor *a, Tensor *b, const Binary *binary)
{
    char sa[TENSOR_TEXT_SIZE], sb[TENSOR_TEXT_SIZE];
    check(repeats(a, b), "%s: %s against %s", binary->name, tensor_text(a, sa), tensor_text(b, sb));
    Tensor *inputs[] = {a, b};
    TapeOp op = {.op = binary->name,
                 .backward = binary_backward,
                 .inputs = inputs,
                 .n_inputs = 2,
                 .flops = (double)tensor_size(a)};
    Tensor *y = tape_result(t, &op, a->rank, a->dims);
    const Binary **aux = tape_aux(t, sizeof *aux);
    *aux = binary;
    y->aux = aux;
    if (tape_planning(t)) return y;
    BinaryWork w = {.binary = binary, .a = a, .b = b, .y = y};
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, binary_forward, &w);
    return y;
}

Tensor *nn_add(Tape *t, Tensor *a, Tensor *b)
{
    static const Binary ADD = {"add", add_forward, sum_backward_a, 1, FACTOR_ONE, false};
    return binary_op(t, a, b, &ADD);
}

Tensor *nn_sub(Tape *t, Tensor *a, Tensor *b)
{
    static const Binary SUB = {"sub", sub_forward, sum_backward_a, -1, FACTOR_ONE, false};
    return binary_op(t, a, b, &SUB);
}

Tensor *nn_mul(Tape *t, Tensor *a, Tensor *b)
{
    static const Binary MUL = {"mul", mul_forward, mul_forward, 1, FACTOR_A, false};
    return binary_op(t, a, b, &MUL);
}

Tensor *nn_div(Tape *t, Tensor *a, Tensor *b)
{
    static const Binary DIV = {"div", div_forward, div_forward, -1, FACTOR_Y, true};
    return binary_op(t, a, b, &DIV);
}

/* ---- affine ---- */

typedef struct {
    const Real *in;
    Real *out;
    Real scale, shift;
    bool add; /* to what is in out */
} Affine;

SIMD_CLONES
static void affine_range(const void *context, size_t begin, size_t end)
{
    const Affine *a = context;
    Real scale = a->scale, shift = a->shift;
    if (a->add) {
        for (size_t i = begin; i < end; i++) a->out[i] += scale * a->in[i] + shift;
    } else {
        for (size_t i = begin; i < end; i++) a->out[i] = scale * a->in[i] + shift;
    }
}

static void affine_backward(Tape *t, Tensor *y)
{
    const double *scale = y->aux;
    bool fresh;
    Real *dx = tape_grad_fresh(t, y->inputs[0], &fresh);
    if (dx == NULL) return;
    Affine a = {y->g, dx, (Real)*scale, 0, !fresh};
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, affine_range, &a);
}

Tensor *nn_affine(Tape *t, Tensor *x, double scale, double shift)
{
    TapeOp op = {.op = "affine",
                 .backward = affine_backward,
                 .inputs = &x,
                 .n_inputs = 1,
                 .flops = 2.0 * (double)tensor_size(x)};
    Tensor *y = tape_result(t, &op, x->rank, x->dims);
    double *aux = tape_aux(t, sizeof *aux);
    *aux = scale;
    y->aux = aux;
    if (tape_planning(t)) return y;
    Affine a = {x->v, y->v, (Real)scale, (Real)shift, false};
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, affine_range, &a);
    return y;
}

/* ---- functions of one tensor ---- */

static void exp_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)x;
    mul_forward(dx, dy, y, n);
}

Tensor *nn_exp(Tape *t, Tensor *x)
{
    static const Unary EXP = {"exp", vector_exp, exp_backward};
    return unary_op(t, x, &EXP);
}

static void log_forward(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (Real)log((double)x[i]);
}

static void log_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)y;
    div_forward(dx, dy, x, n);
}

Tensor *nn_log(Tape *t, Tensor *x)
{
    static const Unary LOG = {"log", log_forward, log_backward};
    return unary_op(t, x, &LOG);
}

static void sqrt_forward(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (Real)sqrt((double)x[i]);
}

SIMD_CLONES
static void sqrt_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)x;
    for (size_t i = 0; i < n; i++) dx[i] = (Real)0.5 * dy[i] / y[i];
}

Tensor *nn_sqrt(Tape *t, Tensor *x)
{
    static const Unary SQRT = {"sqrt", sqrt_forward, sqrt_backward};
    return unary_op(t, x, &SQRT);
}

static void square_forward(Real *y, const Real *x, size_t n)
{
    mul_forward(y, x, x, n);
}

SIMD_CLONES
static void square_backward(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n)
{
    (void)y;
    for (size_t i = 0; i < n; i++) dx[i] = 2 * dy[i] * x[i];
}

Tensor *nn_square(Tape *t, Tensor *x)
{
    static const Unary SQUARE = {"square", square_forward, square_backward};
    return unary_op(t, x, &SQUARE);
}
