/* From a resolved spec to the parts that a run needs: dataset, splits, loader, learner, evaluator.
 */
#ifndef HARNESS_RUN_SETUP_H
#define HARNESS_RUN_SETUP_H

#include "evaluator.h"
#include "learner.h"
#include "loader.h"
#include "run_spec.h"
#include "split.h"

typedef struct {
    const RunSpec *spec;
    Arena *arena;
    ThreadPool *pool;
    int n_threads;
    Dataset *dataset;
    char key[SHA256_HEX_SIZE];
    DomainSplit *splits;           /* [n_domains] */
    bool *held_out;                /* [n_domains] */
    int *held_out_ids, n_held_out; /* domain indices, ascending */
    int *source_ids, n_sources;    /* the other domains */
    InputSpec input;
    AugmentKind augment; /* of training images */
    LearnerOptions learner_options;
    Learner *learner;
    Loader *loader;
    Evaluator *evaluator;
} RunSetup;

/* The run's key; reads the file of net.init. */
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

void run_setup_close(RunSetup *setup); /* in any state after run_setup_open */

#endif
