/* A learner is what a method works with: network, parameters, tape, optimiser, averages. It updates
 * on a batch of per-domain minibatches and predicts with any of its weight variants.
 *
 *     Learner *l;
 *     if (!learner_new(&l, &options, err)) return false;
 *     LearnerStep s = learner_update(l, &batch, step);
 *     learner_use_variant(l, 1);                 // the first average
 *     learner_predict(l, x, n, logits);
 *     learner_use_variant(l, 0);                 // back to the raw weights
 *     learner_free(l);
 */
#ifndef TRAIN_LEARNER_H
#define TRAIN_LEARNER_H

#include "averaging.h"
#include "err.h"
#include "loader.h"
#include "net.h"
#include "objective.h"
#include "optim.h"

enum { LEARNER_MAX_AVERAGES = 8 };

typedef struct {
    NetOptions net;
    const char *init_path; /* safetensors of initial values; NULL or "": random */
    bool freeze_batch_norm;
    bool head_only; /* only PARAM_HEAD parameters learn */
    OptimOptions optim;
    const Objective *objective;
    const double *objective_hparams; /* copied; values in the order of objective->hparams */
    double label_smoothing;
    const Averaging *averagings[LEARNER_MAX_AVERAGES];
    const double *averaging_hparams[LEARNER_MAX_AVERAGES]; /* copied; of each, in the order of its
                                                              hparams; NULL when it has none */
    int n_averagings;
    AveragingOptions averaging;
    ThreadPool *threads; /* borrowed; NULL: one thread */
    uint64_t seed;       /* of dropout */
} LearnerOptions;

typedef struct Learner Learner;

MUST_USE bool learner_new(Learner **out, const LearnerOptions *options, Err *err);
void learner_free(Learner *l); /* NULL is fine */

typedef struct {
    double loss;
    bool finite; /* false: no update was made */
} LearnerStep;

/* Forward, backward, optimiser, averages. step counts updates from 0. */
LearnerStep learner_update(Learner *l, const Batch *batch, int64_t step);

/* At every checkpoint, between the evaluation of the raw weights and that of the averages. */
void learner_checkpoint(Learner *l, const AverageCheckpoint *checkpoint);

/* x [n,size,size,channels] -> logits [n,K], clean forward pass with the weights in use. */
void learner_predict(Learner *l, const float *x, int n, float *logits);

/* Variant 0 is "raw"; 1.. are the averages. Training needs variant 0 in use. */
int learner_n_variants(const Learner *l);
const char *learner_variant_name(const Learner *l, int variant);
bool learner_variant_is_ready(const Learner *l, int variant); /* false: nothing to evaluate yet */
void learner_use_variant(Learner *l, int variant);

/* What one update, and predicting n images, costs, by walking the same code in plan mode. */
TapeCost learner_plan_update(Learner *l, int n_images, int n_sources);
TapeCost learner_plan_predict(Learner *l, int n_images);

Net *learner_net(Learner *l);
Params *learner_params(Learner *l);
Optimizer *learner_optimizer(Learner *l);
Tape *learner_tape(Learner *l); /* between updates anybody's: the next one begins it anew */
int learner_n_averages(const Learner *l);
Average *learner_average(Learner *l, int i);
size_t learner_state_bytes(const Learner *l); /* parameters, gradients, optimiser, averages */
size_t learner_peak_bytes(const Learner *l);  /* the above and the tape's peak so far */

#endif
