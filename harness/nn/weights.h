/* The seam of reparameterised weights. A network asks for a weight by the id of its parameter and
 * never knows who made it: by default the parameter itself; an adapter or a growth method can put a
 * maker in its place, which builds the weight on the tape out of other parameters (W0 + s*B*A;
 * [A;B] = MLP(z); sum_k a_k T_k).
 *
 *     Weights *w = weights_new(params);
 *     weights_replace(w, id, lora_make, &lora_of_this_matrix);
 *     Tensor *weight = weights_get(w, t, id);   // made once per step, then the same tensor
 *
 * Gradients reach the maker's parameters through the tape. The replaced parameter stays in Params
 * (frozen or not, as the maker's owner decides).
 */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "params.h"

typedef struct Weights Weights;

/* Builds the weight in place of parameter `id` on t; the result has the shape of the parameter. */
typedef Tensor *WeightMaker(void *self, Params *params, Tape *t, int id);

Weights *weights_new(Params *params); /* keeps params (borrowed) */
void weights_free(Weights *w);        /* NULL is fine */

/* make == NULL restores the plain parameter. self is borrowed. */
void weights_replace(Weights *w, int id, WeightMaker *make, void *self);
bool weights_is_replaced(const Weights *w, int id);

Tensor *weights_get(Weights *w, Tape *t, int id);
Params *weights_params(Weights *w);

#endif
