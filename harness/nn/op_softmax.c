/* Softmax and its logarithm over the last dimension. */
#include "ops.h"

#include "err.h"
#include "ranges.h"
#include "softmax_rows.h"
#include "vector_math.h"

#include <math.h>

typedef struct {
    const Tensor *x, *y;
    Real *dx;
    size_t n; /* columns */
    bool fresh;
} Rows;

static Tensor *rows_op(Tape *t, Tensor *x, const char *name, TensorBackward *backward,
                       RangeTask *forward)
{
    check(x->rank >= 1, "%s of rank 0", name);
    TapeOp op = {.op = name,
                 .backward = backward,
                 .inputs = &x,
                 .n_inputs = 1,
                 .flops = 3.0 * (double)tensor_size(x)};
    Tensor *y = tape_result(t, &op, x->rank, x->dims);
    if (tape_planning(t)) return y;
    Rows rows = {.x = x, .y = y, .n = (size_t)tensor_columns(x)};
    ranges_run(tape_threads(t), (size_t)tensor_rows(x), ranges_grain(rows.n), forward, &rows);
    return y;
}

static void rows_backward(Tape *t, Tensor *y, RangeTask *task)
{
    Rows rows = {.x = y->inputs[0], .y = y, .n = (size_t)tensor_columns(y)};
    rows.dx = tape_grad_fresh(t, y->inputs[0], &rows.fresh);
    if (rows.dx == NULL) return;
    ranges_run(tape_threads(t), (size_t)tensor_rows(y), ranges_grain(rows.n), task, &rows);
}

/* ---- softmax ---- */

static void softmax_forward(const void *context, size_t begin, size_t end)
{
    const Rows *rows = context;
    for (size_t r = begin; r < end; r++) {
        (void)softmax_row(rows->y->v + r * rows->n, rows->x->v + r * rows->n, rows->n);
    }
}

static void softmax_backward_range(const void *context, size_t begin, size_t end)
{
    const Rows *rows = context;
    for (size_t r = begin; r < end; r++) {
        size_t at = r * rows->n;
        softmax_backward_row(rows->dx + at, rows->y->g + at, rows->y->v + at, rows->n,
                             !rows->fresh);
    }
}

static void softmax_backward(Tape *t, Tensor *y)
{
    rows_backward(t, y, softmax_backward_range);
}

Tensor *nn_softmax(Tape *t, Tensor *x)
{
    return rows_op(t, x, "softmax", softmax_backward, softmax_forward);
}

/* ---- log softmax: y = x - log sum exp(x); dx = dy - exp(y) * sum(dy) ---- */

static void log_softmax_forward(const void *context, size_t begin, size_t end)
{
    const Rows *rows = context;
    for (size_t r = begin; r < end; r++) {
        const Real *x = rows->x->v + r * rows->n;
        Real *y = rows->y->v + r * rows->n;
        double log_sum = softmax_row(y, x, rows->n);
        for (size_t i = 0; i < rows->n; i++) y[i] = (Real)((double)x[i] - log_sum);
    }
}

static void log_softmax_backward_range(const void *context, size_t begin, size_t end)
{
    const Rows *rows = context;
    for (size_t r = begin; r < end; r++) {
        size_t at = r * rows->n;
        const Real *y = rows->y->v + at, *dy = rows->y->g + at;
        Real *dx = rows->dx + at;
        double sum = 0;
        for (size_t i = 0; i < rows->n; i++) sum += dy[i];
        for (size_t i = 0; i < rows->n; i++) {
            Real p;
            vector_exp(&p, &y[i], 1);
            dx[i] = (rows->fresh ? 0 : dx[i]) + dy[i] - p * (Real)sum;
        }
    }
}

static void log_softmax_backward(Tape *t, Tensor *y)
{
    rows_backward(t, y, log_softmax_backward_range);
}

Tensor *nn_log_softmax(Tape *t, Tensor *x)
{
    return rows_op(t, x, "log_softmax", log_softmax_backward, log_softmax_forward);
}
