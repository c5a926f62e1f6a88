/* A vector made by a small network from a learned input, instead of being learned itself: OP-LoRA's
 * reparameterisation (arXiv 2412.10362, eq. 4, biases written out).
 *
 *     h = relu(W1 z + c1),   v = W2 h + c2        z [Z], W1 [H,Z], c1 [H], W2 [P,H], c2 [P]
 *
 *     generator_forward(&size, &values, h, v);
 *     ...                                          g = dL/dv, [P], by whatever reads v
 *     generator_backward(&size, &values, h, g, &gradients);
 *
 * No data goes in: once per update of the parameters is enough, also when g is summed over several
 * batches.
 */
#ifndef NN_GENERATOR_H
#define NN_GENERATOR_H

#include "real.h"

typedef struct {
    int inputs, width, outputs; /* Z, H, P */
} GeneratorSize;

/* Values, or their gradients. Borrowed. */
typedef struct {
    Real *z, *w1, *c1, *w2, *c2;
} GeneratorArrays;

/* h [H] and v [P] are written. */
void generator_forward(const GeneratorSize *size, const GeneratorArrays *values, Real *h, Real *v);

/* h: as forward left it; g: dL/dv, [P]. The gradients are set, not added to. In the calling thread,
 * as forward. */
void generator_backward(const GeneratorSize *size, const GeneratorArrays *values, const Real *h,
                        const Real *g, const GeneratorArrays *gradients);

#endif
