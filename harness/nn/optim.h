/* Optimisers: one flat loop over the learned part of Params; definitions as torch.optim.
 *
 *     OptimOptions options = {.kind = OPTIM_ADAM, .lr = 1e-3, .beta1 = .9, .beta2 = .999,
 *                             .eps = 1e-8};
 *     Optimizer *o = optim_new(&options, params);
 *     ...
 *     tape_backward(t, loss);
 *     optim_step(o, params, threads);
 *     params_zero_gradients(params);
 *
 * An update is elementwise, so results do not depend on the number of threads.
 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "params.h"

#include <stdint.h>

typedef enum { OPTIM_SGD, OPTIM_ADAM, OPTIM_ADAMW } OptimKind;

typedef struct {
    OptimKind kind;
    double lr, weight_decay;  /* Adam, SGD: added to the gradient; AdamW: decoupled */
    double momentum;          /* SGD; dampening is 0 */
    bool nesterov;            /* SGD; needs momentum */
    double beta1, beta2, eps; /* Adam, AdamW */
} OptimOptions;

typedef struct Optimizer Optimizer;

/* For this parameter table (which has to be sealed); params is not kept. */
Optimizer *optim_new(const OptimOptions *options, const Params *params);
void optim_free(Optimizer *o); /* NULL is fine */

/* One update of every parameter that is learned and not frozen, from params' gradients (left as
 * they are). Frozen parameters and buffers keep their values, slots and step counts: one that is
 * released later starts with a fresh bias correction, as in PyTorch. */
void optim_step(Optimizer *o, Params *params, ThreadPool *threads);

/* As if it were new: slots and step counts are zero again. */
void optim_reset(Optimizer *o);

void optim_set_lr(Optimizer *o, double lr);
double optim_lr(const Optimizer *o);

/* State for checkpoints, to be saved from and restored into these arrays: n_slots flat arrays of
 * params_size elements (SGD without momentum: 0, with: 1, Adam and AdamW: 2), and the number of
 * updates that each parameter has had, [params_count]. */
int optim_slots(const Optimizer *o);
Real *optim_slot(Optimizer *o, int i);
int64_t *optim_steps(Optimizer *o);

#endif
