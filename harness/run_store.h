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

/* Evaluates the learner's every weight variant on every split that the spec asks for, and hands the
 * rows to run: target domains in, out and uda with per-image outcomes, source domains out (and in
 * with eval.source_train), the latter augmented where eval.source_transform says so. The raw weights
 * come first; the averages are told their validation loss, and those that are only there at the end
 * are left out until the last checkpoint. */
MUST_USE bool run_store_evaluate(StoreRun *run, const RunSetup *setup, int64_t step, bool last,
                                 Err *err);

#endif
