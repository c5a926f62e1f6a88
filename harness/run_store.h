/* What a run writes into the results database, in the words of the run: dataset, spec, evaluations.
 */
#ifndef HARNESS_RUN_STORE_H
#define HARNESS_RUN_STORE_H

#include "run_setup.h"
#include "store.h"

/* Registers the dataset; *out is its id in the database. */
MUST_USE bool run_store_dataset(Store *store, int64_t *out, const Dataset *dataset, Err *err);

/* Begins the run's rows, or takes them up again after resume_step (STORE_FRESH: from nothing). */
MUST_USE bool run_store_begin(StoreRun **out, Store *store, const RunSetup *setup, int64_t dataset,
                              int64_t resume_step, Err *err);

/* Evaluates the learner's every weight variant on every split that the spec asks for, and hands the
 * rows to run: target domains in and out with per-image outcomes, source domains out (and in with
 * eval.source_train). */
MUST_USE bool run_store_evaluate(StoreRun *run, const RunSetup *setup, int64_t step, Err *err);

#endif
