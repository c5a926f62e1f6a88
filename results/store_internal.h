/* What store.c, store_run.c and store_checkpoint.c share. */
#ifndef RESULTS_STORE_INTERNAL_H
#define RESULTS_STORE_INTERNAL_H

#include "arena.h"
#include "database.h"
#include "store.h"

struct Store {
    Db *db;
};

/* Brings a database of an older `version` (0: empty) to STORE_VERSION, inside the caller's
 * transaction: scripts number `version` and up, the views, the new version number. */
MUST_USE bool store_apply_scripts(Db *db, int64_t version, Err *err);

/* Ids of one kind of thing in a dataset: thing i has id first + i. */
typedef struct {
    int64_t first, n;
} StoreIds;

/* Rows that wait for the next commit. */
typedef struct {
    int64_t step;
    const char *name; /* in the arena */
    double value;
} StoreLogRow;

typedef struct {
    StoreEval eval; /* texts in the arena */
    StoreOutcome *outcomes;
    int n_outcomes;
    int64_t checkpoint; /* id, while it is being written */
} StoreEvalRow;

struct StoreRun {
    Store *store;
    int64_t id;
    StoreIds domains, classes, images;
    Arena *arena; /* texts and outcomes of the rows that wait */
    StoreLogRow *logs;
    StoreEvalRow *evals;
    int n_logs, log_capacity, n_evals, eval_capacity;
};

/* Domains, classes and images of a dataset. */
MUST_USE bool store_dataset_ids(Store *store, StoreIds *domains, StoreIds *classes,
                                StoreIds *images, int64_t dataset, Err *err);

/* Parts of what the functions of store.h write, inside the caller's transaction. */
MUST_USE bool store_write_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset,
                                  Err *err);
MUST_USE bool store_write_environment(Db *db, int64_t *out, const StoreEnvironment *e, Err *err);
/* run_domain and run.held_out, of a run that has none; needs run->id and run->domains. */
MUST_USE bool store_write_domains(StoreRun *run, const StoreRunInfo *info, Err *err);
MUST_USE bool store_write_hparams(StoreRun *run, const StoreRunInfo *info, Err *err);
/* The derived rows of a run (schema-4.sql), anew: after its status or checkpoints changed. */
MUST_USE bool store_write_derived(Db *db, int64_t run, Err *err);

#endif
