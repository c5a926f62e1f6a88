/* From a resolved spec to the parts that a run needs: dataset, splits, loader, learner, evaluator.
 */
#ifndef HARNESS_RUN_SETUP_H
#define HARNESS_RUN_SETUP_H

#include "evaluator.h"
#include "learner.h"
#include "loader.h"
#include "run_model.h"
#include "run_spec.h"
#include "schedule.h"
#include "split.h"
#include "stages.h"

typedef struct {
    const RunSpec *spec; /* with what a model directory says filled in */
    bool planning;       /* set before run_setup_learner: no text is encoded, a zero-shot classifier
                            has random values */
    bool without_adapter; /* set before run_setup_learner: for weights that it is merged into */
    Arena *arena;
    ThreadPool *pool;
    int n_threads;
    Dataset *dataset;
    char key[SHA256_HEX_SIZE];
    DomainSplit *splits;           /* [n_domains]; from stage FULL_DATA on the sources' out splits
                                      are part of in */
    bool *held_out;                /* [n_domains] */
    int *held_out_ids, n_held_out; /* domain indices, ascending */
    int *source_ids, n_sources;    /* the other domains */
    ModelDir *model;               /* of net clip; else NULL */
    RunClasses classes;            /* where net.head or eval.alignment want them; else zeroed */
    InputSpec input;
    AugmentKind augment; /* of training images */
    StagesOptions stages;
    ScheduleOptions schedule;
    LearnerOptions learner_options;
    Learner *learner;
    Loader *loader;
    Evaluator *evaluator;
} RunSetup;

/* The run's key; reads the files of net.init and net.model. */
MUST_USE bool run_setup_key(char out[SHA256_HEX_SIZE], const RunSpec *spec,
                            const char *dataset_fingerprint, Err *err);

/* Dataset, splits, key; enough to know whether the run is stored already. On failure nothing is
 * left open. */
MUST_USE bool run_setup_open(RunSetup *setup, const RunSpec *spec, Err *err);

/* The learner on top: enough to plan. Fails when a step or an evaluation does not fit into this
 * machine's memory. */
MUST_USE bool run_setup_learner(RunSetup *setup, Err *err);

/* Loader and evaluator on top of the learner; all of it computes, so only when the run has to be
 * made. */
MUST_USE bool run_setup_engine(RunSetup *setup, Err *err);

/* Stage FULL_DATA: all source images are trained on. Before run_setup_engine, or with
 * run_setup_restart after it. */
void run_setup_full_data(RunSetup *setup);

/* A new learner and a new loader, as at the beginning. */
MUST_USE bool run_setup_restart(RunSetup *setup, Err *err);

/* Updates of a run at most: of two stages together, each of which Auto-LR may end early.
 */
int64_t run_setup_most_updates(const RunSpec *spec);

/* Floating-point operations of training: the updates 0 .. n_updates - 1 of one stage, and what its
 * averages take. */
double run_setup_train_flops(const RunSetup *setup, int64_t n_updates);

/* The weights that the run reports. */
const char *run_setup_reported(const RunSpec *spec);

void run_setup_close(RunSetup *setup); /* in any state after run_setup_open */

#endif
