/* Products: linear layers and batched matrix products, all through gemm.h. */
#include "ops.h"

#include "axis_sum.h"
#include "err.h"
#include "gemm.h"
#include "ranges.h"
#include "sink.h"

#include <string.h>

/* ---- linear ---- */

typedef struct {
    Real *y;
    const Real *b;
    size_t columns;
} FillRows;

static void fill_rows(const void *context, size_t begin, size_t end)
{
    const FillRows *f = context;
    for (size_t r = begin; r < end; r++) {
        memcpy(f->y + r * f->columns, f->b, f->columns * sizeof *f->y);
    }
}

static void linear_forward(Tape *t, Tensor *y, const Tensor *x, const Tensor *w, const Tensor *b)
{
    int rows = tensor_rows(x), d = tensor_columns(x), m = w->dims[0];
    if (b != NULL) { /* first the bias: the product is added to it in the same pass */
        FillRows fill = {y->v, b->v, (size_t)m};
        ranges_run(tape_threads(t), (size_t)rows, ranges_grain((size_t)m), fill_rows, &fill);
    }
    gemm_threads(tape_threads(t), &(Gemm){.transpose_b = true,
                                          .m = rows,
                                          .n = m,
                                          .k = d,
                                          .alpha = 1,
                                          .beta = b != NULL ? 1 : 0,
                                          .a = x->v,
                                          .b = w->v,
                                          .c = y->v});
}

static SinkProduct sink_product(const Tensor *x, const Tensor *w, const Tensor *b, const Tensor *y)
{
    return (SinkProduct){.rows = tensor_rows(x),
                         .out = w->dims[0],
                         .x = x->v,
                         .y = y != NULL ? y->v : NULL,
                         .bias = b != NULL ? b->v : NULL,
                         .dy = y != NULL ? y->g : NULL};
}

static void sink_weight(Tape *t, Tensor *y)
{
    Tensor *w = y->inputs[1];
    SinkProduct p = sink_product(y->inputs[0], w, y->inputs[2], y);
    Real *scratch = tape_scratch(t, y->backward_scratch);
    w->sink->add(t, w, &p, scratch);
    tape_scratch_end(t, scratch, y->backward_scratch);
}

/* dx = dy w */
static void linear_backward_input(Tape *t, const Tensor *y, Real *dx, bool fresh)
{
    const Tensor *x = y->inputs[0], *w = y->inputs[1];
    gemm_threads(tape_threads(t), &(Gemm){.m = tensor_rows(x),
                                          .n = tensor_columns(x),
                                          .k = w->dims[0],
                                          .alpha = 1,
                                          .beta = fresh ? 0 : 1,
                                          .a = y->g,
                                          .b = w->v,
                                          .c = dx});
}

/* dw = dy^T x */
static void linear_backward_weight(Tape *t, const Tensor *y, Real *dw, bool fresh)
{
    const Tensor *x = y->inputs[0], *w = y->inputs[1];
    gemm_threads(tape_threads(t), &(Gemm){.transpose_a = true,
                                          .m = w->dims[0],
                                          .n = tensor_columns(x),
                                          .k = tensor_rows(x),
                                          .alpha = 1,
                                          .beta = fresh ? 0 : 1,
                                          .a = y->g,
                                          .b = x->v,
                                          .c = dw});
}

static void linear_backward(Tape *t, Tensor *y)
{
    Tensor *w = y->inputs[1];
    bool fresh_x = false, fresh_w = false, fresh_b = false;
    Real *dx = tape_grad_fresh(t, y->inputs[0], &fresh_x);
    bool sinks = tape_sink_grads(t, w);
    Real *dw = sinks ? NULL : tape_grad_fresh(t, w, &fresh_w);
    Real *db = tape_grad_fresh(t, y->inputs[2], &fresh_b);
    if (dx != NULL) linear_backward_input(t, y, dx, fresh_x);
    if (dw != NULL) linear_backward_weight(t, y, dw, fresh_w);
    if (sinks) sink_weight(t, y);
    if (db != NULL) {
        axis_sum(tape_threads(t), &(AxisSum){.x = y->g,
                                             .outer = 1,
                                             .length = (size_t)tensor_rows(y),
                                             .inner = (size_t)w->dims[0],
                                             .scale = 1,
                                             .out = db,
                                             .fresh = fresh_b});
    }
}

Tensor *nn_linear(Tape *t, Tensor *x, Tensor *w, Tensor *b)
{
    char sx[TENSOR_TEXT_SIZE], sw[TENSOR_TEXT_SIZE];
    check(x->rank >= 1 && w->rank == 2 && tensor_columns(x) == w->dims[1], "x %s against w %s",
          tensor_text(x, sx), tensor_text(w, sw));
    check(b == NULL || (b->rank == 1 && b->dims[0] == w->dims[0]), "b %s against w %s",
          tensor_text(b, sx), tensor_text(w, sw));
    int dims[TENSOR_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank - 1] = w->dims[0];
    Tensor *inputs[] = {x, w, b};
    TapeOp op = {.op = "linear",
                 .backward = linear_backward,
                 .inputs = inputs,
                 .n_inputs = 3,
                 .flops = 2.0 * (double)tensor_size(x) * w->dims[0],
                 .matmul_like = true};
    if (w->sink != NULL && w->needs_grad) {
        SinkProduct p = sink_product(x, w, b, NULL);
        op.sink_flops = w->sink->flops(w, &p);
        op.backward_scratch = w->sink->scratch_size(w, &p, tape_threads(t));
    }
    Tensor *y = tape_result(t, &op, x->rank, dims);
    if (!tape_planning(t)) linear_forward(t, y, x, w, b);
    return y;
}

/* ---- matmul ---- */

/* The same product for each of n_matrices; strides in elements from one matrix to the next. */
typedef struct {
    Gemm gemm;
    size_t stride_a, stride_b, stride_c;
} Batch;

static void batch_task(void *context, int i, int thread)
{
    (void)thread;
    const Batch *batch = context;
    Gemm g = batch->gemm;
    g.a += (size_t)i * batch->stride_a;
    g.b += (size_t)i * batch->stride_b;
    g.c += (size_t)i * batch->stride_c;
    gemm(&g);
}

static void batch_run(ThreadPool *threads, int n_matrices, Gemm g)
{
    if (n_matrices == 1) {
        gemm_threads(threads, &g);
        return;
    }
    Batch batch = {g, (size_t)g.m * (size_t)g.k, (size_t)g.k * (size_t)g.n,
                   (size_t)g.m * (size_t)g.n};
    thread_pool_run(threads, n_matrices, batch_task, &batch);
}

typedef struct {
    int n_matrices, m, n, k;
    bool transpose_b;
} MatmulShape;

static void matmul_backward(Tape *t, Tensor *y)
{
    const MatmulShape *s = y->aux;
    Tensor *a = y->inputs[0], *b = y->inputs[1];
    bool fresh;
    Real *da = tape_grad_fresh(t, a, &fresh);
    if (da != NULL) { /* da = dy b^T */
        batch_run(tape_threads(t), s->n_matrices,
                  (Gemm){.transpose_b = !s->transpose_b,
                         .m = s->m,
                         .n = s->k,
                         .k = s->n,
                         .alpha = 1,
                         .beta = fresh ? 0 : 1,
                         .a = y->g,
                         .b = b->v,
                         .c = da});
    }
    Real *db = tape_grad_fresh(t, b, &fresh);
    if (db != NULL) { /* db = a^T dy; of the transposed b: dy^T a */
        batch_run(tape_threads(t), s->n_matrices,
                  (Gemm){.transpose_a = true,
                         .m = s->transpose_b ? s->n : s->k,
                         .n = s->transpose_b ? s->k : s->n,
                         .k = s->m,
                         .alpha = 1,
                         .beta = fresh ? 0 : 1,
                         .a = s->transpose_b ? y->g : a->v,
                         .b = s->transpose_b ? a->v : y->g,
                         .c = db});
    }
}

Tensor *nn_matmul(Tape *t, Tensor *a, Tensor *b, bool transpose_b)
{
    char sa[TENSOR_TEXT_SIZE], sb[TENSOR_TEXT_SIZE];
    int rank = a->rank;
    bool fits = rank >= 2 && rank == b->rank &&
                memcmp(a->dims, b->dims, (size_t)(rank - 2) * sizeof *a->dims) == 0 &&
                a->dims[rank - 1] == b->dims[rank - (transpose_b ? 1 : 2)];
    check(fits, "a %s against b %s%s", tensor_text(a, sa), tensor_text(b, sb),
          transpose_b ? " transposed" : "");
    MatmulShape *s = tape_aux(t, sizeof *s);
    *s = (MatmulShape){tensor_rows(a) / a->dims[rank - 2], a->dims[rank - 2],
                       b->dims[rank - (transpose_b ? 2 : 1)], a->dims[rank - 1], transpose_b};
    int dims[TENSOR_MAX_RANK];
    memcpy(dims, a->dims, sizeof dims);
    dims[rank - 1] = s->n;
    Tensor *inputs[] = {a, b};
    TapeOp op = {.op = "matmul",
                 .backward = matmul_backward,
                 .inputs = inputs,
                 .n_inputs = 2,
                 .flops = 2.0 * (double)tensor_size(a) * s->n,
                 .matmul_like = true};
    Tensor *y = tape_result(t, &op, rank, dims);
    y->aux = s;
    if (tape_planning(t)) return y;
    batch_run(tape_threads(t), s->n_matrices,
              (Gemm){.transpose_b = transpose_b,
                     .m = s->m,
                     .n = s->n,
                     .k = s->k,
                     .alpha = 1,
                     .a = a->v,
                     .b = b->v,
                     .c = y->v});
    return y;
}
