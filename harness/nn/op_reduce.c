/* Sums and means over everything or over one axis, in double. */
#include "ops.h"

#include "axis_sum.h"
#include "err.h"
#include "ranges.h"

/* x seen as [outer, length, inner]; y = scale * sum over length. */
typedef struct {
    size_t outer, length, inner;
    double scale;
    const Real *dy;
    Real *dx;
    bool fresh;
} Reduce;

static void spread_value(const Reduce *r, size_t begin, size_t end)
{
    for (size_t i = begin; i < end;) {
        size_t o = i / r->length, stop = (o + 1) * r->length < end ? (o + 1) * r->length : end;
        Real v = (Real)r->scale * r->dy[o];
        if (r->fresh) {
            for (; i < stop; i++) r->dx[i] = v;
        } else {
            for (; i < stop; i++) r->dx[i] += v;
        }
    }
}

static void spread_rows(const Reduce *r, size_t begin, size_t end)
{
    Real scale = (Real)r->scale;
    for (size_t i = begin; i < end;) {
        size_t row = i / r->inner, stop = (row + 1) * r->inner < end ? (row + 1) * r->inner : end;
        const Real *dy = r->dy + row / r->length * r->inner + i % r->inner;
        size_t n = stop - i;
        Real *dx = r->dx + i;
        if (r->fresh) {
            for (size_t k = 0; k < n; k++) dx[k] = scale * dy[k];
        } else {
            for (size_t k = 0; k < n; k++) dx[k] += scale * dy[k];
        }
        i = stop;
    }
}

/* Elements [begin, end) of dx. */
static void spread(const void *context, size_t begin, size_t end)
{
    const Reduce *r = context;
    if (r->inner == 1) {
        spread_value(r, begin, end);
    } else {
        spread_rows(r, begin, end);
    }
}

static void reduce_backward(Tape *t, Tensor *y)
{
    Reduce *r = y->aux;
    r->dx = tape_grad_fresh(t, y->inputs[0], &r->fresh);
    r->dy = y->g;
    if (r->dx == NULL) return;
    ranges_run(tape_threads(t), tensor_size(y->inputs[0]), RANGE_GRAIN, spread, r);
}

static Tensor *reduce(Tape *t, const char *name, Tensor *x, Reduce shape, int rank, const int *dims)
{
    TapeOp op = {.op = name,
                 .backward = reduce_backward,
                 .inputs = &x,
                 .n_inputs = 1,
                 .flops = (double)tensor_size(x)};
    Tensor *y = tape_result(t, &op, rank, dims);
    Reduce *r = tape_aux(t, sizeof *r);
    *r = shape;
    y->aux = r;
    if (tape_planning(t)) return y;
    axis_sum(tape_threads(t), &(AxisSum){.x = x->v,
                                         .outer = r->outer,
                                         .length = r->length,
                                         .inner = r->inner,
                                         .scale = r->scale,
                                         .out = y->v,
                                         .fresh = true});
    return y;
}

Tensor *nn_sum(Tape *t, Tensor *x)
{
    Reduce all = {.outer = 1, .length = tensor_size(x), .inner = 1, .scale = 1};
    return reduce(t, "sum", x, all, 1, (int[]){1});
}

Tensor *nn_mean(Tape *t, Tensor *x)
{
    Reduce all = {.outer = 1, .length = tensor_size(x), .inner = 1};
    all.scale = 1 / (double)all.length;
    return reduce(t, "mean", x, all, 1, (int[]){1});
}

static Tensor *reduce_axis(Tape *t, const char *name, Tensor *x, int axis, bool mean)
{
    check(axis >= 0 && axis < x->rank, "%s: axis %d of rank %d", name, axis, x->rank);
    Reduce r = {.outer = 1, .length = (size_t)x->dims[axis], .inner = 1, .scale = 1};
    if (mean) r.scale = 1 / (double)r.length;
    int dims[TENSOR_MAX_RANK] = {1}, rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (i < axis) r.outer *= (size_t)x->dims[i];
        if (i > axis) r.inner *= (size_t)x->dims[i];
        if (i != axis) dims[rank++] = x->dims[i];
    }
    return reduce(t, name, x, r, rank > 0 ? rank : 1, dims);
}

Tensor *nn_sum_axis(Tape *t, Tensor *x, int axis)
{
    return reduce_axis(t, "sum_axis", x, axis, false);
}

Tensor *nn_mean_axis(Tape *t, Tensor *x, int axis)
{
    return reduce_axis(t, "mean_axis", x, axis, true);
}
