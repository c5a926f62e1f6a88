/* Every op of the engine: the manual. An op checks its shapes (our mistake: abort with both
 * shapes), computes at once and records how to go backward. N batch, H,W size, C channels, K
 * classes, D features, M outputs, T tokens. Definitions are those of the PyTorch function named
 * with each op; each has a gradient check (tests/gradcheck) and a parity test against PyTorch
 * (tests/golden).
 */
#ifndef NN_OPS_H
#define NN_OPS_H

#include "tape.h"

/* ---- op_linear.c: products ---- */

/* x [...,D], w [M,D], b [M] or NULL -> [...,M]: x w^T + b. torch.nn.functional.linear */
Tensor *nn_linear(Tape *t, Tensor *x, Tensor *w, Tensor *b);

/* a [...,M,K], b [...,K,N] -> [...,M,N]; equal leading dims. With transpose_b, b is [...,N,K].
 * torch.matmul */
Tensor *nn_matmul(Tape *t, Tensor *a, Tensor *b, bool transpose_b);

/* ---- op_conv.c ---- */

typedef struct {
    int stride;   /* 0 means 1 */
    int pad;      /* zeros on each side, both directions */
    int dilation; /* 0 means 1 */
    int groups;   /* 0 means 1 */
    bool relu;    /* max(0, .) in the same pass: saves one activation */
} NnConv;

/* x [N,H,W,C], w [M,kh,kw,C/groups], b [M] or NULL -> [N,OH,OW,M]. torch.nn.functional.conv2d */
Tensor *nn_conv2d(Tape *t, Tensor *x, Tensor *w, Tensor *b, NnConv options);

/* ---- op_pool.c ---- */

/* x [N,H,W,C] -> [N,OH,OW,C]; windows past the border count only what exists. torch
 * max_pool2d(kernel, stride, pad) */
Tensor *nn_max_pool(Tape *t, Tensor *x, int kernel, int stride, int pad);

/* torch avg_pool2d with count_include_pad = True (its default): divides by kernel*kernel. */
Tensor *nn_avg_pool(Tape *t, Tensor *x, int kernel, int stride, int pad);

/* x [N,H,W,C] -> [N,C]: mean over H and W. adaptive_avg_pool2d(1) and flatten */
Tensor *nn_global_avg_pool(Tape *t, Tensor *x);

/* ---- op_norm.c ---- */

/* What follows a batch or group norm in the same pass over memory: saves one activation per layer.
 */
typedef struct {
    Tensor *residual; /* added after the normalisation; NULL: none. Same shape as x */
    bool relu;        /* max(0, .) after that */
} NnAfter;

typedef struct {
    Tensor *gamma, *beta; /* [C] each */
    Real *running_mean;   /* [C]; moved by batch statistics when training and not frozen */
    Real *running_var;    /* [C]; unbiased, as PyTorch */
    double momentum, eps; /* PyTorch: 0.1, 1e-5 */
    bool frozen; /* normalise with the running statistics even in training; gamma and beta still
                    learn */
    NnAfter after;
} NnBatchNorm;

/* x [...,C]: over all but the last dim. Training: batch mean and biased variance. torch batch_norm.
 * y = relu(gamma * (x - mean) / sqrt(var + eps) + beta + residual) */
Tensor *nn_batch_norm(Tape *t, Tensor *x, const NnBatchNorm *bn);

/* x [N,H,W,C]: statistics per image over H, W and the C/groups channels of a group. torch
 * group_norm */
Tensor *nn_group_norm(Tape *t, Tensor *x, Tensor *gamma, Tensor *beta, int groups, double eps);

/* x [...,D]: over the last dim; gamma, beta [D]. torch layer_norm */
Tensor *nn_layer_norm(Tape *t, Tensor *x, Tensor *gamma, Tensor *beta, double eps);

/* x [...,D] -> x / max(||x||_2, eps) over the last dim. torch normalize */
Tensor *nn_l2_normalise(Tape *t, Tensor *x, double eps);

/* ---- op_activation.c ---- */

Tensor *nn_relu(Tape *t, Tensor *x);
Tensor *nn_gelu(Tape *t, Tensor *x);       /* x * Phi(x), exact (erf) */
Tensor *nn_quick_gelu(Tape *t, Tensor *x); /* x * sigmoid(1.702 x), as CLIP */
Tensor *nn_sigmoid(Tape *t, Tensor *x);
Tensor *nn_tanh(Tape *t, Tensor *x);

/* With TAPE_TRAINING: zero with probability p, others scaled by 1/(1-p). Else x itself. Draws are
 * stateless. */
Tensor *nn_dropout(Tape *t, Tensor *x, double p);

/* ---- op_softmax.c ---- */

Tensor *nn_softmax(Tape *t, Tensor *x);     /* over the last dim */
Tensor *nn_log_softmax(Tape *t, Tensor *x); /* over the last dim */

/* ---- op_attention.c ---- */

/* q, k, v [N,T,D], D = heads * d -> [N,T,D]: softmax(q k^T / sqrt(d)) v per head; causal: position
 * i sees j <= i. torch scaled_dot_product_attention. q and k, v may have different T ([N,Tq,D],
 * [N,Tk,D]; not when causal). */
Tensor *nn_attention(Tape *t, Tensor *q, Tensor *k, Tensor *v, int heads, bool causal);

/* ---- op_elementwise.c ---- b has the shape of a, or of a's last dims (then it is repeated over
 * the leading ones), or is a scalar ([1]); its gradient is summed accordingly. */
Tensor *nn_add(Tape *t, Tensor *a, Tensor *b);
Tensor *nn_sub(Tape *t, Tensor *a, Tensor *b);
Tensor *nn_mul(Tape *t, Tensor *a, Tensor *b);
Tensor *nn_div(Tape *t, Tensor *a, Tensor *b);
Tensor *nn_affine(Tape *t, Tensor *x, double scale, double shift); /* scale * x + shift */
Tensor *nn_exp(Tape *t, Tensor *x);
Tensor *nn_log(Tape *t, Tensor *x);
Tensor *nn_sqrt(Tape *t, Tensor *x);
Tensor *nn_square(Tape *t, Tensor *x);

/* ---- op_shape.c ---- */

Tensor *nn_reshape(Tape *t, Tensor *x, int rank, const int *dims);
Tensor *nn_permute(Tape *t, Tensor *x,
                   const int *order); /* dim i of the result is dim order[i] of x */
Tensor *nn_concat(Tape *t, Tensor *const *parts, int n, int axis);
Tensor *nn_slice(Tape *t, Tensor *x, int axis, int begin, int end); /* [begin, end) along axis */
/* table [V,D], ids: n values in [0,V) (checked), copied -> [n,D]. torch embedding. In a plan ids
 * and labels are not read. */
Tensor *nn_embedding(Tape *t, Tensor *table, const int *ids, int n);
/* x [R,...]: rows ids[0..n) of the first dim; an id may repeat (gradients add up). torch
 * index_select(0) */
Tensor *nn_gather_rows(Tape *t, Tensor *x, const int *ids, int n);

/* ---- op_reduce.c ---- sums in double */

Tensor *nn_sum(Tape *t, Tensor *x);  /* all elements -> [1] */
Tensor *nn_mean(Tape *t, Tensor *x); /* all elements -> [1] */
/* Over one axis, which disappears (rank 1 becomes [1]). */
Tensor *nn_sum_axis(Tape *t, Tensor *x, int axis);
Tensor *nn_mean_axis(Tape *t, Tensor *x, int axis);

/* ---- op_loss.c ---- */

typedef struct {
    double label_smoothing;    /* in [0,1) */
    const Real *class_weights; /* [K] or NULL; the mean divides by the sum of weights, as PyTorch */
    bool per_sample;           /* [N] losses instead of their mean */
} NnCrossEntropy;

/* logits z [N,K], y: N labels in [0,K) (checked), copied -> [1], mean negative log-likelihood in
 * nats. options NULL: plain. torch cross_entropy */
Tensor *nn_cross_entropy(Tape *t, Tensor *z, const int *y, const NnCrossEntropy *options);

#endif
