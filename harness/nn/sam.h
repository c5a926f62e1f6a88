/* Sharpness-aware minimisation (Foret et al. 2021, arXiv 2010.01412, eq. 2 and Algorithm 1): the
 * gradient that an optimiser uses is taken at w + rho * g / |g|, with |g| over all that learns.
 *
 *     ... backward at w ...
 *     sam_move(sam, params, rho, threads);
 *     params_zero_gradients(params);
 *     ... backward again, with the same batch and the same random draws ...
 *     sam_move_back(sam, params);
 *     optim_step(o, params, threads);
 */
#ifndef NN_SAM_H
#define NN_SAM_H

#include "params.h"

typedef struct Sam Sam;

Sam *sam_new(const Params *params); /* params is not kept */
void sam_free(Sam *sam);            /* NULL is fine */

/* Keeps all values, and moves those that learn along their gradients. Returns |g|. */
double sam_move(Sam *sam, Params *params, double rho, ThreadPool *threads);

/* The values that sam_move kept, bit for bit: buffers too, so that the second pass leaves no trace
 * in running statistics. */
void sam_move_back(const Sam *sam, Params *params);

#endif
