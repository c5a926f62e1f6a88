/* Optimisers: one flat loop over the learned part of Params; definitions as torch.optim, LARS as
 * You et al. 2017 (arXiv 1708.03888) in the form that ERM++ takes.
 *
 *     OptimOptions options = {.kind = OPTIM_ADAM, .lr = 1e-3, .beta1 = .9, .beta2 = .999,
 *                             .eps = 1e-8};
 *     Optimizer *o = optim_new(&options, params);
 *     ...
 *     tape_backward(t, loss);
 *     optim_step(o, params, threads);
 *     params_zero_gradients(params);
 *
 * Results do not depend on the number of threads.
 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "params.h"

#include <stdint.h>

typedef enum { OPTIM_SGD, OPTIM_ADAM, OPTIM_ADAMW, OPTIM_LARS } OptimKind;

typedef struct {
    OptimKind kind;
    double lr, weight_decay;  /* Adam, SGD: added to the gradient; AdamW: decoupled */
    bool decay_matrices_only; /* what has fewer than two dimensions (biases, scales, a temperature)
                                 is not decayed, as OpenCLIP's main.py groups parameters */
    double momentum;          /* SGD, LARS; dampening is 0 */
    bool nesterov;            /* SGD; needs momentum */
    double beta1, beta2, eps; /* Adam, AdamW */
    double trust; /* LARS: the decayed gradient d of a weight w of two dimensions or more
                     is scaled by trust * |w| / |d| (1 when one of them is 0); vectors,
                     which are biases and scales, are neither scaled nor decayed. The
                     scaled gradient goes into SGD's momentum. */
} OptimOptions;

typedef struct Optimizer Optimizer;

/* For this parameter table (which has to be sealed); params is not kept. What is frozen or
 * generated has no slots, and may not learn later. */
Optimizer *optim_new(const OptimOptions *options, const Params *params);
void optim_free(Optimizer *o); /* NULL is fine */

/* One update of every parameter that is learned and not frozen, from params' gradients (left as
 * they are). Parameters that are frozen later keep their values, slots and step counts, as in
 * PyTorch. Each has its own learning rate: lr times its lr_scale. */
void optim_step(Optimizer *o, Params *params, ThreadPool *threads);

/* As if it were new: slots and step counts are zero again. */
void optim_reset(Optimizer *o);

void optim_set_lr(Optimizer *o, double lr);
double optim_lr(const Optimizer *o);

/* State for checkpoints, to be saved from and restored into these arrays: n_slots flat arrays of
 * optim_slot_size elements (SGD and LARS without momentum: 0, with: 1, Adam and AdamW: 2), and the
 * number of updates that each parameter has had, [params_count]. */
int optim_slots(const Optimizer *o);
size_t optim_slot_size(const Optimizer *o);
Real *optim_slot(Optimizer *o, int i);
int64_t *optim_steps(Optimizer *o);

#endif
