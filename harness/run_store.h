/* What a run writes into the results database, in the words of the run: dataset, spec, evaluations.
 */
#ifndef HARNESS_RUN_STORE_H
#define HARNESS_RUN_STORE_H

#include "run_setup.h"
#include "store.h"

/* Registers the dataset; *out is its id in the database. */
MUST_USE bool run_store_dataset(Store *store, int64_t *out, const Dataset *dataset, Err *err);

/* Notes how the spec's experiment is read: protocol, selection, scored split, standard error. The
 * last run or sweep of that name says it. */
MUST_USE bool run_store_experiment(Store *store, const RunSpec *spec, Err *err);

/* Begins the run's rows, or takes them up again after resume_step (STORE_FRESH: from nothing). */
MUST_USE bool run_store_begin(StoreRun **out, Store *store, const RunSetup *setup, int64_t dataset,
                              int64_t resume_step, Err *err);

/* Predictions for n images, in place of the learner's. */
typedef bool RunPredictor(void *context, Prediction *out, const int *images, int n, Err *err);

enum { RUN_MAX_VARIANTS = 1 + LEARNER_MAX_AVERAGES };

/* One checkpoint's evaluation. */
typedef struct {
    int64_t step;            /* as stored: updates of earlier stages count */
    const char *stage;       /* put before the names of variants: "" or RUN_FIRST_STAGE */
    int64_t validated_step;  /* the last weights of stage FULL_DATA: the stored step of the first
                                stage that validates them; else -1 */
    RunPredictor *predictor; /* NULL: the learner */
    void *predictor_context;
    bool done[RUN_MAX_VARIANTS];             /* of each variant */
    Validation validation[RUN_MAX_VARIANTS]; /* of those that are done; NAN without out splits */
} RunEvaluation;

#define RUN_FIRST_STAGE "stage1-"

/* Evaluates the learner's every weight variant that is ready and not done on every split that the
 * spec asks for, and hands the rows to run: target domains in, out and uda with per-image outcomes,
 * source domains out (and in with eval.source_train), the latter augmented where
 * eval.source_transform says so. */
MUST_USE bool run_store_evaluate(StoreRun *run, const RunSetup *setup, RunEvaluation *evaluation,
                                 Err *err);

#endif
