/* The objective axis: a loss over the per-domain minibatches of one step. A member is one file in
 * methods/objective and a row in methods/registry.c. */
#ifndef TRAIN_OBJECTIVE_H
#define TRAIN_OBJECTIVE_H

#include "hparam.h"
#include "ops.h"

typedef struct {
    Tape *tape;
    Tensor *features; /* [N,D] */
    Tensor *logits;   /* [N,K] */
    const int *y;     /* [N] labels */
    int n_sources;
    const int *offsets; /* [n_sources + 1]: source s has rows offsets[s] .. offsets[s+1]-1 */
    int64_t step;
    double label_smoothing;
    const double *hparams; /* values, in the order of Objective.hparams */
} ObjectiveInput;

typedef struct {
    const char *name, *help, *source;
    const HparamDef *hparams;
    int n_hparams;
    Tensor *(*loss)(const ObjectiveInput *in); /* scalar */
} Objective;

#endif
