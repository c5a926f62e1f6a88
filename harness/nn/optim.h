/* Optimisers: one flat loop over the learned part of Params; definitions as torch.optim.
 *
 *     Optimizer *o = optim_new(&(OptimOptions){.kind = OPTIM_ADAM, .lr = 1e-3, .beta1 = .9, .beta2
 * = .999, .eps = 1e-8}, params); tape_backward(t, loss);  optim_step(o, params);
 * params_zero_gradients(params);
 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "params.h"

#include <stdint.h>

typedef enum { OPTIM_SGD, OPTIM_ADAM, OPTIM_ADAMW } OptimKind;

typedef struct {
    OptimKind kind;
    double lr, weight_decay;  /* Adam, SGD: added to the gradient; AdamW: decoupled */
    double momentum;          /* SGD */
    bool nesterov;            /* SGD */
    double beta1, beta2, eps; /* Adam, AdamW */
} OptimOptions;

typedef struct Optimizer Optimizer;

Optimizer *optim_new(const OptimOptions *options, const Params *params);
void optim_free(Optimizer *o); /* NULL is fine */

/* One update of every parameter that is learned and not frozen, from params' gradients (left as
 * they are). Frozen parameters keep their values and slots. */
void optim_step(Optimizer *o, Params *params, ThreadPool *threads);

void optim_set_lr(Optimizer *o, double lr);
double optim_lr(const Optimizer *o);

/* State for checkpoints: n_slots flat arrays of params_size elements (SGD without momentum: 0,
 * with: 1, Adam: 2) and the number of steps taken. */
int optim_slots(const Optimizer *o);
Real *optim_slot(Optimizer *o, int i);
int64_t optim_steps(const Optimizer *o);
void optim_set_steps(Optimizer *o, int64_t steps);

#endif
