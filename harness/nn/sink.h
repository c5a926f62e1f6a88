/* For weights that are made of smaller ones: what takes their gradient product by product, so that
 * it is never computed as a whole (low_rank.h). An op that multiplies by a weight w with w->sink
 * hands over what it multiplied, when it goes backward, in place of adding to w's gradient;
 * nn_linear and nn_conv2d do so, in any other op a weight with a sink is our mistake.
 *
 * The gradients that a sink adds to are those of w->inputs (tape_sink_grads asks for them).
 */
#ifndef NN_SINK_H
#define NN_SINK_H

#include "conv.h"
#include "tape.h"

/* y = x w^T + bias, or the convolution of this shape. */
typedef struct {
    const ConvShape *conv;         /* NULL: a linear product */
    int rows, out;                 /* of y [rows,out]; convolution: rows = N*OH*OW */
    const Real *x, *y, *bias, *dy; /* y: the result, where dy is 0 it may be another (relu); bias
                                      may be NULL */
} SinkProduct;

struct TensorSink {
    /* Reals of scratch that add takes; p has its sizes only. */
    size_t (*scratch_size)(const Tensor *w, const SinkProduct *p, ThreadPool *threads);
    double (*flops)(const Tensor *w, const SinkProduct *p); /* of add */
    void (*add)(Tape *t, Tensor *w, const SinkProduct *p, Real *scratch);
};

#endif
