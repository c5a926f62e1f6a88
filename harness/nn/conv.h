/* The one seam for convolutions, on plain arrays: x [N,H,W,C], w [M,kh,kw,C/groups], y [N,OH,OW,M];
 * a cross-correlation as torch.nn.functional.conv2d. OH = (H + 2*pad_h - dilation*(kh-1) - 1) /
 * stride + 1.
 *
 * Behind these functions stand two ways (conv_product.h): gathered patches times weights through
 * gemm.h, for any machine and shape, and vector kernels that read patches where they lie. Another
 * backend can be put here without touching an op. Scratch comes from `scratch`, conv_scratch_size
 * Reals.
 */
#ifndef NN_CONV_H
#define NN_CONV_H

#include "real.h"
#include "thread_pool.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int n, h, w, c; /* input */
    int m;          /* output channels */
    int kernel_h, kernel_w;
    int stride, pad_h, pad_w, dilation, groups;
    int out_h, out_w; /* set by conv_shape_complete */
} ConvShape;

/* Fills out_h, out_w; checks that channels divide by groups and that the output is not empty. */
void conv_shape_complete(ConvShape *s);

double conv_flops(const ConvShape *s); /* forward; multiply and add counted as two */

/* Reals of scratch that each of the three calls below may use, all threads together. */
size_t conv_scratch_size(const ConvShape *s, ThreadPool *threads);

typedef struct {
    Real *scratch;       /* conv_scratch_size Reals */
    ThreadPool *threads; /* NULL: one thread */
} ConvWork;

/* What follows the sum of products while it is still in cache. */
typedef struct {
    const Real *bias; /* [M] or NULL */
    bool relu;        /* max(0, .) after that */
} ConvAfter;

/* y is assigned. */
void conv_forward(const ConvShape *s, const ConvWork *work, Real *y, const Real *x, const Real *w,
                  const ConvAfter *after);

/* dx is assigned when fresh, else added to. */
void conv_backward_input(const ConvShape *s, const ConvWork *work, Real *dx, bool fresh,
                         const Real *dy, const Real *w);

/* dw is added to. */
void conv_backward_weight(const ConvShape *s, const ConvWork *work, Real *dw, const Real *x,
                          const Real *dy);

#endif
