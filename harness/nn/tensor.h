/* A tensor on the tape: shape, values, gradient, and how to go backward through the op that made
 * it.
 *
 * Layout is dense row-major, last dimension fastest; images are [N,H,W,C]. Tensors are made by ops
 * (ops.h) or by tape_* (tape.h), live in the tape's memory and die with its step. Nobody frees one.
 */
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>

enum { TENSOR_MAX_RANK = 5 };

typedef struct Tape Tape;
typedef struct Tensor Tensor;
typedef struct TapeBlock TapeBlock;
typedef struct TensorSink TensorSink;

/* Adds the gradient of y to the gradients of y->inputs (those that need one). y->g is set when it
 * is called. */
typedef void TensorBackward(Tape *t, Tensor *y);

struct Tensor {
    const char *op; /* "conv2d", "param", ...: for messages */
    int rank;
    int dims[TENSOR_MAX_RANK];
    Real *v;         /* values */
    Real *g;         /* gradient of the loss; NULL until somebody adds to it */
    bool needs_grad; /* false: ops skip its gradient */
    bool is_pinned;  /* stays when its scope ends (tape_pin) */
    bool is_leaf;    /* values and gradient are not the tape's (parameters, batches) */
    Tensor *shares;  /* a view (reshape): the tensor whose values it shares; else NULL */
    int n_inputs;
    Tensor **inputs;
    TensorBackward *backward; /* NULL for leaves */
    const TensorSink *sink;   /* takes its gradient in place of g (sink.h); NULL: none */
    void *aux;                /* what backward needs besides inputs and output */
    size_t backward_scratch;  /* Reals of scratch that backward takes */
    TapeBlock *saved;         /* tape memory that is released together with this tensor */
};

size_t tensor_size(const Tensor *x); /* number of elements */

/* Rows and last dimension of x seen as a matrix: the product of all dims but the last, and the last
 * one. */
int tensor_rows(const Tensor *x);
int tensor_columns(const Tensor *x);

bool tensor_same_shape(const Tensor *a, const Tensor *b);

/* "[32,28,28,64]" into out, for messages. Returns out. */
enum { TENSOR_TEXT_SIZE = 80 };
const char *tensor_text(const Tensor *x, char out[TENSOR_TEXT_SIZE]);

#endif
