/* Convolution on the tape. */
#include "axis_sum.h"
#include "conv.h"
#include "err.h"
#include "ops.h"
#include "parts.h"
#include "sink.h"

typedef struct {
    ConvShape shape;
    bool relu;
} ConvAux;

static SinkProduct sink_product(const ConvShape *shape)
{
    return (SinkProduct){
        .conv = shape, .rows = shape->n * shape->out_h * shape->out_w, .out = shape->m};
}

static void sink_weight(Tape *t, const Tensor *y, Real *scratch)
{
    const ConvAux *aux = y->aux;
    SinkProduct p = sink_product(&aux->shape);
    p.x = y->inputs[0]->v;
    p.y = y->v;
    p.bias = y->inputs[2] != NULL ? y->inputs[2]->v : NULL;
    p.dy = y->g;
    Tensor *w = y->inputs[1];
    w->sink->add(t, w, &p, scratch);
}

static void conv2d_backward(Tape *t, Tensor *y)
{
    const ConvAux *aux = y->aux;
    ThreadPool *threads = tape_threads(t);
    const Tensor *x = y->inputs[0], *w = y->inputs[1];
    bool fresh;
    Real *dx = tape_grad_fresh(t, y->inputs[0], &fresh);
    bool sinks = tape_sink_grads(t, y->inputs[1]);
    Real *dw = sinks ? NULL : tape_grad(t, y->inputs[1]);
    Real *db = tape_grad(t, y->inputs[2]);
    ConvWork work = {tape_scratch(t, y->backward_scratch), threads};
    if (aux->relu) parts_relu_backward(threads, y->g, y->v, tensor_size(y));
    if (db != NULL) {
        axis_sum(threads, &(AxisSum){.x = y->g,
                                     .outer = 1,
                                     .length = (size_t)tensor_rows(y),
                                     .inner = (size_t)aux->shape.m,
                                     .scale = 1,
                                     .out = db});
    }
    if (sinks) sink_weight(t, y, work.scratch);
    if (dw != NULL) conv_backward_weight(&aux->shape, &work, dw, x->v, y->g);
    if (dx != NULL) conv_backward_input(&aux->shape, &work, dx, fresh, y->g, w->v);
    tape_scratch_end(t, work.scratch, y->backward_scratch);
}

static ConvShape conv_shape(const Tensor *x, const Tensor *w, const Tensor *b, const NnConv *o)
{
    char sx[TENSOR_TEXT_SIZE], sw[TENSOR_TEXT_SIZE];
    int groups = o->groups != 0 ? o->groups : 1;
    check(x->rank == 4 && w->rank == 4 && w->dims[3] * groups == x->dims[3],
          "conv2d: x %s against w %s, %d groups", tensor_text(x, sx), tensor_text(w, sw), groups);
    check(b == NULL || (b->rank == 1 && b->dims[0] == w->dims[0]), "conv2d: w %s against bias %s",
          tensor_text(w, sw), tensor_text(b, sx));
    ConvShape s = {.n = x->dims[0],
                   .h = x->dims[1],
                   .w = x->dims[2],
                   .c = x->dims[3],
                   .m = w->dims[0],
                   .kernel_h = w->dims[1],
                   .kernel_w = w->dims[2],
                   .stride = o->stride != 0 ? o->stride : 1,
                   .pad_h = o->pad,
                   .pad_w = o->pad,
                   .dilation = o->dilation != 0 ? o->dilation : 1,
                   .groups = groups};
    conv_shape_complete(&s);
    return s;
}

Tensor *nn_conv2d(Tape *t, Tensor *x, Tensor *w, Tensor *b, NnConv options)
{
    ConvShape s = conv_shape(x, w, b, &options);
    ThreadPool *threads = tape_threads(t);
    size_t scratch_size = conv_scratch_size(&s, threads);
    Tensor *inputs[] = {x, w, b};
    TapeOp op = {.op = "conv2d",
                 .backward = conv2d_backward,
                 .inputs = inputs,
                 .n_inputs = 3,
                 .flops = conv_flops(&s),
                 .matmul_like = true,
                 .backward_scratch = scratch_size};
    if (w->sink != NULL && w->needs_grad) {
        SinkProduct p = sink_product(&s);
        size_t sink_size = w->sink->scratch_size(w, &p, threads);
        op.sink_flops = w->sink->flops(w, &p);
        if (sink_size > scratch_size) op.backward_scratch = sink_size;
    }
    Tensor *y = tape_result(t, &op, 4, (int[]){s.n, s.out_h, s.out_w, s.m});
    ConvAux *aux = y->aux = tape_aux(t, sizeof *aux);
    *aux = (ConvAux){s, options.relu};
    ConvWork work = {tape_scratch(t, scratch_size), threads};
    ConvAfter after = {b != NULL ? b->v : NULL, options.relu};
    if (!tape_planning(t)) conv_forward(&s, &work, y->v, x->v, w->v, &after);
    tape_scratch_end(t, work.scratch, scratch_size);
    return y;
}
