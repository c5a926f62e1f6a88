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

/* Running statistics (batch norm) of an average. They belong to its weights, and the mean of the
 * raw weights' statistics is not what the averaged network sees. */
typedef enum {
    AVERAGE_BN_AVERAGE, /* averaged like the weights */
    AVERAGE_BN_FORWARD, /* and moved, after each update, by a forward pass of the averaged network
                           over the update's batch: ERM++ (algorithms.py, ERMPlusPlus.update) */
    AVERAGE_BN_OWN,     /* moved by that pass only: the erm_plusplus repository (main_erm.py) */
    AVERAGE_BN_REFRESH  /* averaged, and estimated anew before each evaluation: the caller does it,
                           batch_norm_refresh.h */
} AverageBatchNorm;

/* The first `updates` updates train the head only, by a fresh optimiser; then another fresh one
 * takes everything. The whole network is in training mode meanwhile, as in ERM++: running
 * statistics move. */
typedef struct {
    int64_t updates; /* 0: no warm start */
    double lr;
    bool accumulate; /* gradients of the backbone add up meanwhile, and the first update of
                        everything gets their sum: the erm_plusplus repository, which clears those
                        of the head only (main_erm.py, 568-575) */
} WarmStart;

typedef struct {
    NetOptions net;
    const char *init_path; /* safetensors of initial values; NULL or "": random */
    bool (*load)(const void *context, Net *net, Err *err); /* values over those, when an adapter has
                                                              begun; NULL: none */
    const void *load_context; /* borrowed for as long as learners are made with these options */
    bool freeze_batch_norm;
    NetTrainable trainable;
    OptimOptions optim;
    double sam_rho; /* sharpness-aware minimisation (sam.h); 0: none */
    const Objective *objective;
    const double *objective_hparams; /* copied; values in the order of objective->hparams */
    double label_smoothing;
    const Averaging *averagings[LEARNER_MAX_AVERAGES];
    const double *averaging_hparams[LEARNER_MAX_AVERAGES]; /* copied; of each, in the order of its
                                                              hparams; NULL when it has none */
    int n_averagings;
    AveragingOptions averaging;
    AverageBatchNorm average_batch_norm;
    WarmStart warm_start;
    int accumulate; /* batches per update, whose gradients are averaged; 0: 1. Not with SAM */
    bool average_generators; /* of what an adapter computes from other parameters (net_generate), an
                                average is computed from the average of those; else it is averaged,
                                as everything is */
    ThreadPool *threads;     /* borrowed; NULL: one thread */
    uint64_t seed;           /* of dropout */
} LearnerOptions;

typedef struct Learner Learner;

MUST_USE bool learner_new(Learner **out, const LearnerOptions *options, Err *err);
void learner_free(Learner *l); /* NULL is fine */

typedef struct {
    double loss;
    bool finite; /* false: no update was made */
} LearnerStep;

/* Forward, backward (both twice with SAM), optimiser, averages. step counts updates from 0. */
LearnerStep learner_update(Learner *l, const Batch *batch, int64_t step);

/* One of options.accumulate batches of update `step`, part = 0, 1, ...: forward and backward; after
 * the last one the update is made, and loss is the mean over all. Not finite: no further part
 * follows. */
LearnerStep learner_update_part(Learner *l, const Batch *batch, int64_t step, int part);

int learner_parts(const Learner *l); /* options.accumulate, or 1: the loader's batch step * parts +
                                        part belongs to that part of an update */

/* Of the updates that follow, after the warm start; options.optim.lr until it is called. */
void learner_set_lr(Learner *l, double lr);

/* The rate that update `step` has: the warm start's, or the one set. */
double learner_lr(const Learner *l, int64_t step);

/* At every checkpoint, after the raw weights were evaluated. */
void learner_checkpoint(Learner *l, const AverageCheckpoint *checkpoint);

/* x [n,size,size,channels] -> logits [n,K], clean forward pass with the weights in use. */
void learner_predict(Learner *l, const float *x, int n, float *logits);

/* x [n,size,size,channels] -> features [n,net_n_features], in the same way. */
void learner_features(Learner *l, const float *x, int n, float *features);

/* Variant 0 is "raw"; 1.. are the averages. Training needs variant 0 in use. */
int learner_n_variants(const Learner *l);
const char *learner_variant_name(const Learner *l, int variant);
bool learner_variant_is_ready(const Learner *l, int variant); /* false: nothing to evaluate yet */
bool learner_variant_is_raw(Learner *l, int variant);         /* the same values, bit for bit */
void learner_use_variant(Learner *l, int variant);

/* What one update (after the warm start), and predicting n images, costs, by walking the same code
 * in plan mode. */
TapeCost learner_plan_update(Learner *l, int n_images, int n_sources);
TapeCost learner_plan_predict(Learner *l, int n_images);

/* Floating-point operations of the updates 0 .. n_updates - 1: those of the warm start are cheaper,
 * and averages may take forward passes of their own. */
double learner_plan_flops(Learner *l, int n_images, int n_sources, int64_t n_updates);

/* Parameters that never learn: they have the values that the learner began with. */
bool learner_is_frozen(const Learner *l, int param);

Net *learner_net(Learner *l);
Params *learner_params(Learner *l);
Optimizer *learner_optimizer(Learner *l);
Tape *learner_tape(Learner *l); /* between updates anybody's: the next one begins it anew */
int learner_n_averages(const Learner *l);
Average *learner_average(Learner *l, int i);
bool learner_keeps_gradients(const Learner *l); /* from update to update: part of its state */
size_t learner_state_bytes(const Learner *l);   /* parameters, gradients, optimiser, averages */
size_t learner_peak_bytes(const Learner *l);    /* the above and the tape's peak so far */

#endif
