/* Ops that move elements: reshape, permute, concat, slice, rows by index. */
#include "ops.h"

#include "err.h"
#include "ranges.h"

#include <string.h>

/* to (+)= from */
static void put(Real *to, const Real *from, size_t n, bool add)
{
    if (!add) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    for (size_t i = 0; i < n; i++) to[i] += from[i];
}

Tensor *nn_reshape(Tape *t, Tensor *x, int rank, const int *dims)
{
    return tape_view(t, "reshape", x, rank, dims);
}

/* ---- permute ---- */

/* A walk over the result in its own order; x is reached by strides. */
typedef struct {
    int rank;
    int dims[TENSOR_MAX_RANK];       /* of the result */
    size_t strides[TENSOR_MAX_RANK]; /* in x, of each dimension of the result */
    const Real *x;
    Real *y;
    const Real *dy;
    Real *dx;
    bool fresh;
} Permute;

/* Offset in x of the first element of row r of the result. */
static size_t row_offset(const Permute *p, size_t r)
{
    size_t offset = 0;
    for (int i = p->rank - 2; i >= 0; i--) {
        offset += r % (size_t)p->dims[i] * p->strides[i];
        r /= (size_t)p->dims[i];
    }
    return offset;
}

static void permute_forward(const void *context, size_t begin, size_t end)
{
    const Permute *p = context;
    size_t n = (size_t)p->dims[p->rank - 1], stride = p->strides[p->rank - 1];
    for (size_t r = begin; r < end; r++) {
        const Real *x = p->x + row_offset(p, r);
        Real *y = p->y + r * n;
        for (size_t i = 0; i < n; i++) y[i] = x[i * stride];
    }
}

static void permute_backward_range(const void *context, size_t begin, size_t end)
{
    const Permute *p = context;
    size_t n = (size_t)p->dims[p->rank - 1], stride = p->strides[p->rank - 1];
    for (size_t r = begin; r < end; r++) {
        Real *dx = p->dx + row_offset(p, r);
        const Real *dy = p->dy + r * n;
        if (p->fresh) {
            for (size_t i = 0; i < n; i++) dx[i * stride] = dy[i];
        } else {
            for (size_t i = 0; i < n; i++) dx[i * stride] += dy[i];
        }
    }
}

static void permute_run(Tape *t, const Permute *p, size_t size, RangeTask *task)
{
    size_t n = (size_t)p->dims[p->rank - 1];
    ranges_run(tape_threads(t), size / n, ranges_grain(n), task, p);
}

static void permute_backward(Tape *t, Tensor *y)
{
    Permute *p = y->aux;
    p->dx = tape_grad_fresh(t, y->inputs[0], &p->fresh);
    p->dy = y->g;
    if (p->dx != NULL) permute_run(t, p, tensor_size(y), permute_backward_range);
}

Tensor *nn_permute(Tape *t, Tensor *x, const int *order)
{
    check(x->rank >= 1, "permute of rank 0");
    Permute *p = tape_aux(t, sizeof *p);
    p->rank = x->rank;
    unsigned seen = 0;
    for (int i = 0; i < x->rank; i++) {
        check(order[i] >= 0 && order[i] < x->rank && !(seen >> order[i] & 1u),
              "permute: order[%d] = %d of rank %d", i, order[i], x->rank);
        seen |= 1u << order[i];
        p->dims[i] = x->dims[order[i]];
        p->strides[i] = 1;
        for (int k = order[i] + 1; k < x->rank; k++) p->strides[i] *= (size_t)x->dims[k];
    }
    TapeOp op = {.op = "permute", .backward = permute_backward, .inputs = &x, .n_inputs = 1};
    Tensor *y = tape_result(t, &op, x->rank, p->dims);
    y->aux = p;
    p->x = x->v;
    p->y = y->v;
    if (!tape_planning(t)) permute_run(t, p, tensor_size(y), permute_forward);
    return y;
}

/* ---- blocks: an axis seen as [outer, axis * inner], of which concat and slice copy parts ---- */

typedef struct {
    const Real *from;
    Real *to;
    size_t from_stride, to_stride; /* from one outer row to the next */
    size_t width;                  /* elements to copy of each */
    bool add;
} Block;

static void block_range(const void *context, size_t begin, size_t end)
{
    const Block *b = context;
    for (size_t o = begin; o < end; o++) {
        put(b->to + o * b->to_stride, b->from + o * b->from_stride, b->width, b->add);
    }
}

static void block_copy(Tape *t, size_t outer, const Block *b)
{
    ranges_run(tape_threads(t), outer, ranges_grain(b->width), block_range, b);
}

/* Product of the dims [from, to). */
static size_t dims_product(const Tensor *x, int from, int to)
{
    size_t n = 1;
    for (int i = from; i < to; i++) n *= (size_t)x->dims[i];
    return n;
}

static void axis_check(const Tensor *x, int axis, const char *op)
{
    check(axis >= 0 && axis < x->rank, "%s: axis %d of rank %d", op, axis, x->rank);
}

/* ---- concat ---- */

static void concat_backward(Tape *t, Tensor *y)
{
    int axis = *(const int *)y->aux;
    size_t outer = dims_product(y, 0, axis), stride = dims_product(y, axis, y->rank), at = 0;
    for (int i = 0; i < y->n_inputs; i++) {
        size_t width = dims_product(y->inputs[i], axis, y->rank);
        bool fresh;
        Real *dx = tape_grad_fresh(t, y->inputs[i], &fresh);
        Block b = {y->g + at, dx, stride, width, width, !fresh};
        if (dx != NULL) block_copy(t, outer, &b);
        at += width;
    }
}

static void concat_check(const Tensor *a, const Tensor *b, int axis)
{
    char sa[TENSOR_TEXT_SIZE], sb[TENSOR_TEXT_SIZE];
    bool fits = a->rank == b->rank;
    for (int i = 0; fits && i < a->rank; i++) fits = i == axis || a->dims[i] == b->dims[i];
    check(fits, "concat along %d: %s and %s", axis, tensor_text(a, sa), tensor_text(b, sb));
}

Tensor *nn_concat(Tape *t, Tensor *const *parts, int n, int axis)
{
    check(n >= 1, "concat of %d tensors", n);
    axis_check(parts[0], axis, "concat");
    int dims[TENSOR_MAX_RANK];
    memcpy(dims, parts[0]->dims, sizeof dims);
    for (int i = 1; i < n; i++) {
        concat_check(parts[0], parts[i], axis);
        dims[axis] += parts[i]->dims[axis];
    }
    TapeOp op = {.op = "concat", .backward = concat_backward, .inputs = parts, .n_inputs = n};
    Tensor *y = tape_result(t, &op, parts[0]->rank, dims);
    int *aux = tape_aux(t, sizeof *aux);
    *aux = axis;
    y->aux = aux;
    if (tape_planning(t)) return y;
    size_t outer = dims_product(y, 0, axis), stride = dims_product(y, axis, y->rank), at = 0;
    for (int i = 0; i < n; i++) {
        size_t width = dims_product(parts[i], axis, y->rank);
        block_copy(t, outer, &(Block){parts[i]->v, y->v + at, width, stride, width, false});
        at += width;
    }
    return y;
}

/* ---- slice ---- */

typedef struct {
    size_t outer, stride, first, width;
} Slice;

static void slice_backward(Tape *t, Tensor *y)
{
    const Slice *s = y->aux;
    Real *dx = tape_grad(t, y->inputs[0]);
    if (dx == NULL) return;
    block_copy(t, s->outer, &(Block){y->g, dx + s->first, s->width, s->stride, s->width, true});
}

Tensor *nn_slice(Tape *t, Tensor *x, int axis, int begin, int end)
{
    axis_check(x, axis, "slice");
    check(begin >= 0 && begin < end && end <= x->dims[axis], "slice [%d, %d) of %d", begin, end,
          x->dims[axis]);
    Slice *s = tape_aux(t, sizeof *s);
    size_t inner = dims_product(x, axis + 1, x->rank);
    *s = (Slice){dims_product(x, 0, axis), (size_t)x->dims[axis] * inner, (size_t)begin * inner,
                 (size_t)(end - begin) * inner};
    int dims[TENSOR_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = end - begin;
    TapeOp op = {.op = "slice", .backward = slice_backward, .inputs = &x, .n_inputs = 1};
    Tensor *y = tape_result(t, &op, x->rank, dims);
    y->aux = s;
    if (tape_planning(t)) return y;
    block_copy(t, s->outer, &(Block){x->v + s->first, y->v, s->stride, s->width, s->width, false});
    return y;
}

/* ---- rows by index ---- */

typedef struct {
    const int *ids; /* [n] */
    size_t n, width;
    const Real *x, *dy;
    Real *y, *dx;
} Gather;

static void gather_forward(const void *context, size_t begin, size_t end)
{
    const Gather *g = context;
    for (size_t i = begin; i < end; i++) {
        put(g->y + i * g->width, g->x + (size_t)g->ids[i] * g->width, g->width, false);
    }
}

/* Columns [begin, end) of all rows: ids may repeat, so rows cannot be cut. */
static void gather_backward_range(const void *context, size_t begin, size_t end)
{
    const Gather *g = context;
    for (size_t i = 0; i < g->n; i++) {
        put(g->dx + (size_t)g->ids[i] * g->width + begin, g->dy + i * g->width + begin, end - begin,
            true);
    }
}

static void gather_backward(Tape *t, Tensor *y)
{
    enum { MIN_COLUMNS = 64 };
    Gather *g = y->aux;
    g->dx = tape_grad(t, y->inputs[0]);
    g->dy = y->g;
    if (g->dx == NULL) return;
    size_t grain = ranges_grain(g->n) > MIN_COLUMNS ? ranges_grain(g->n) : (size_t)MIN_COLUMNS;
    ranges_run(tape_threads(t), g->width, grain, gather_backward_range, g);
}

static Tensor *gather(Tape *t, const char *name, Tensor *x, const int *ids, int n)
{
    check(x->rank >= 1 && n >= 1, "%s: %d rows of rank %d", name, n, x->rank);
    int dims[TENSOR_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[0] = n;
    TapeOp op = {.op = name, .backward = gather_backward, .inputs = &x, .n_inputs = 1};
    Tensor *y = tape_result(t, &op, x->rank, dims);
    if (tape_planning(t)) return y;
    int *copy = tape_aux(t, (size_t)n * sizeof *copy);
    for (int i = 0; i < n; i++) {
        check(ids[i] >= 0 && ids[i] < x->dims[0], "%s: id %d of %d", name, ids[i], x->dims[0]);
        copy[i] = ids[i];
    }
    Gather *g = tape_aux(t, sizeof *g);
    *g = (Gather){
        .ids = copy, .n = (size_t)n, .width = tensor_size(y) / (size_t)n, .x = x->v, .y = y->v};
    y->aux = g;
    ranges_run(tape_threads(t), g->n, ranges_grain(g->width), gather_forward, g);
    return y;
}

Tensor *nn_embedding(Tape *t, Tensor *table, const int *ids, int n)
{
    check(table->rank == 2, "embedding: table of rank %d", table->rank);
    return gather(t, "embedding", table, ids, n);
}

Tensor *nn_gather_rows(Tape *t, Tensor *x, const int *ids, int n)
{
    return gather(t, "gather_rows", x, ids, n);
}
