/* Writing runs that were made elsewhere, many in one transaction: for imports.
 *
 *     store_bulk_begin(store, err);
 *     for each run: store_bulk_run(store, &run, err);     replaces all that was stored of it
 *     store_bulk_commit(store, err);                      or store_bulk_rollback(store)
 *
 * Checkpoints get ascending ids in the order given, which is the order of the source: readers that
 * need it sort by checkpoint.id.
 */
#ifndef RESULTS_STORE_BULK_H
#define RESULTS_STORE_BULK_H

#include "store.h"

typedef struct {
    int domain;        /* index */
    const char *split; /* "in", "out" or "uda" */
    double accuracy;   /* of a number of images that is not known */
} StoreBulkEval;

typedef struct {
    const char *name;
    double value; /* not finite: NULL */
} StoreBulkNumber;

typedef struct {
    int64_t step;
    const char *variant;    /* no two checkpoints of a run have the same step and variant */
    double source_accuracy; /* NAN: not known */
    const StoreBulkEval *evals;
    int n_evals;
    const StoreBulkNumber *numbers; /* training log of the step; of variant "raw" only */
    int n_numbers;
} StoreBulkCheckpoint;

typedef struct {
    const StoreRunInfo *info; /* its key says which run it is */
    const char *origin;       /* where it came from; unchanged when the run is there */
    RunStatus status;
    const char *message; /* NULL: none */
    int64_t last_step;
    double train_seconds; /* NAN: not known */
    int64_t peak_bytes;   /* 0: not known */
    const StoreBulkCheckpoint *checkpoints;
    int n_checkpoints;
} StoreBulkRun;

MUST_USE bool store_bulk_begin(Store *store, Err *err);
MUST_USE bool store_bulk_commit(Store *store, Err *err); /* rolled back when it fails */
void store_bulk_rollback(Store *store);

/* Like store_dataset, inside the transaction. */
MUST_USE bool store_bulk_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset,
                                 Err *err);

/* Writes the run with all its rows; what was stored under the same key is replaced. Fails only for
 * what the database does: then roll back. */
MUST_USE bool store_bulk_run(Store *store, const StoreBulkRun *run, Err *err);

/* What is there of a run, compared with what is meant to be there. */
typedef struct {
    bool found;
    bool same; /* status, origin and content */
    bool same_origin;
    int64_t run;
    int64_t n_checkpoints;
} StoreBulkFound;

/* content: text of $.results.sha256 in the run's spec, the digest of what it was imported from. */
MUST_USE bool store_bulk_find(Store *store, StoreBulkFound *out, const StoreBulkRun *run,
                              const char *content, Err *err);

#endif
