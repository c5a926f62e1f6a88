/* A weight with low-rank changes: rows of a fixed W0 become
 *
 *     W = W0 + s B A            A [r,...], B [rows,r]: LoRA (Hu et al. 2021, arXiv 2106.09685)
 *     W = diag(m / n) (W0 + s B A), n its row norms, no gradient through n: DoRA (Liu et al. 2024,
 *                               arXiv 2402.09353, eq. 5 and section 4.3)
 *
 * W is computed as a whole, once, and costs forward what W0 costs. Backward goes through a sink
 * (sink.h): with u = x A^T and dy' = s dy diag(m / n),
 *
 *     dB += dy'^T u,   dA += (dy' B)^T x,   dm += sum over rows of dy * (x (W0 + s B A)^T) / n
 *
 * which takes rows * r * (in + out), not rows * in * out. Of a convolution A is a convolution to r
 * channels like W0's, and B a product over channels.
 */
#ifndef NN_LOW_RANK_H
#define NN_LOW_RANK_H

#include "tape.h"

typedef struct {
    int row;      /* the first of the n rows of W0 that change; parts do not overlap */
    Tensor *a;    /* [r, the other dims of W0] */
    Tensor *b;    /* [n,r], of a convolution [n,1,1,r] */
    Tensor *m;    /* [n], or NULL: no magnitudes */
    double scale; /* s */
} NnLowRank;

/* w0 [M,D] or [M,kh,kw,C], no gradient -> the same shape. */
Tensor *nn_low_rank(Tape *t, Tensor *w0, const NnLowRank *parts, int n_parts);

/* [n]: n of rows row, row + 1, ... of w [M,size], as nn_low_rank computes them. */
void low_rank_norms(Real *norms, const Real *w, int n, size_t size);

#endif
