/* Runs the kernels block by block over the threads. */
#include "unary.h"

#include "err.h"
#include "ranges.h"

typedef struct {
    const Unary *unary;
    const Tensor *x, *y;
    Real *dx;
    bool fresh;
} UnaryWork;

static size_t block_size(size_t i, size_t end)
{
    return end - i < UNARY_BLOCK ? end - i : (size_t)UNARY_BLOCK;
}

static void forward_range(const void *context, size_t begin, size_t end)
{
    const UnaryWork *w = context;
    for (size_t i = begin; i < end; i += UNARY_BLOCK) {
        w->unary->forward(w->y->v + i, w->x->v + i, block_size(i, end));
    }
}

static void backward_range(const void *context, size_t begin, size_t end)
{
    const UnaryWork *w = context;
    Real block[UNARY_BLOCK];
    for (size_t i = begin; i < end; i += UNARY_BLOCK) {
        size_t n = block_size(i, end);
        Real *dx = w->fresh ? w->dx + i : block;
        w->unary->backward(dx, w->y->g + i, w->x->v + i, w->y->v + i, n);
        for (size_t k = 0; !w->fresh && k < n; k++) w->dx[i + k] += block[k];
    }
}

static void unary_backward(Tape *t, Tensor *y)
{
    const Unary *const *u = y->aux;
    UnaryWork w = {.unary = *u, .x = y->inputs[0], .y = y};
    w.dx = tape_grad_fresh(t, y->inputs[0], &w.fresh);
    if (w.dx == NULL) return;
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, backward_range, &w);
}

Tensor *unary_op(Tape *t, Tensor *x, const Unary *u)
{
    TapeOp op = {.op = u->name,
                 .backward = unary_backward,
                 .inputs = &x,
                 .n_inputs = 1,
                 .flops = (double)tensor_size(x)};
    Tensor *y = tape_result(t, &op, x->rank, x->dims);
    const Unary **aux = tape_aux(t, sizeof *aux);
    *aux = u;
    y->aux = aux;
    if (tape_planning(t)) return y;
    UnaryWork w = {.unary = u, .x = x, .y = y};
    ranges_run(tape_threads(t), tensor_size(y), RANGE_GRAIN, forward_range, &w);
    return y;
}
