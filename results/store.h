/* The results database: the only code that writes it. One SQLite file, shared by any number of
 * processes.
 *
 *     Store *store;
 *     StoreRun *run;
 *     int64_t dataset;
 *     store_open(&store, "results.db", err);                           created when missing
 *     store_dataset(store, &dataset, &info, err);                      idempotent by fingerprint
 *     if (store_run_find(store, &status, &id, key, err) && status == RUN_DONE) return true;
 *     store_run_begin(store, &run, &run_info, resume_step, err);       status is now "running"
 *     store_train_log(run, step, "loss", loss);                        memory only, as often as you
 * like store_eval(run, &eval, outcomes, n);                             memory only
 *     store_checkpoint_commit(run, step, err);                         one short transaction: all
 * of it or nothing store_run_finish(run, RUN_DONE, NULL, &cost, err); store_run_free(run);
 *     store_close(store);
 *
 * Plain ints, doubles and texts go in; indexes (domain, class, image) are positions in the arrays
 * that store_dataset was given, in this order and for good. Everything is copied: pointers are
 * borrowed for the call only. Fractions are in [0,1]; a value that is not finite is stored as NULL.
 *
 * A kill at any moment loses at most what was not committed. Committing a (variant, step) again
 * replaces all that was stored for it. Other writers are waited for (30 s). Tables and views:
 * schema.sql, views.sql, README.md beside this file.
 */
#ifndef RESULTS_STORE_H
#define RESULTS_STORE_H

#include "err.h"

#include <stdint.h>

enum { STORE_VERSION = 4 }; /* PRAGMA user_version that this program writes */

typedef struct Store Store;
typedef struct StoreRun StoreRun;

/* Opens for writing; makes the file when it is missing, and migrates an older version. Fails with
 * one line when the folder can't be written, or the file is no database, not a results file of
 * dgbench, of a newer version, or locked. */
MUST_USE bool store_open(Store **out, const char *path, Err *err);
void store_close(Store *store); /* NULL is fine */

typedef struct {
    int domain;            /* index into StoreDataset.domains */
    int class_index;       /* index into StoreDataset.classes */
    const char *path;      /* relative to the dataset's root */
    const char *concept;   /* what is shown, for concept splits; NULL: not known */
    const uint8_t *sha256; /* 32 bytes of content digest; NULL: not known */
} StoreImage;

typedef struct {
    const char *name;
    const char *fingerprint; /* names the content: registered twice, it is the same dataset */
    const char *const *domains;
    int n_domains;
    const char *const *classes;
    const char *const *class_texts; /* what a prompt calls the class; NULL: the class names */
    int n_classes;
    const StoreImage *images;
    int n_images;
} StoreDataset;

/* Writes the dataset, or finds it when the fingerprint is known (then the sizes have to agree). */
MUST_USE bool store_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset,
                            Err *err);

typedef enum {
    RUN_ABSENT,  /* no such key */
    RUN_RUNNING, /* also what a kill leaves behind */
    RUN_DONE,
    RUN_FAILED,     /* ended by an error */
    RUN_DIVERGED,   /* a loss that is not finite: stored, never averaged */
    RUN_INTERRUPTED /* Ctrl-C or a termination signal; can be resumed */
} RunStatus;

const char *run_status_name(RunStatus status); /* "absent", "running", ... as in the database */

/* *out_run (may be NULL) is only set when the run is there. */
MUST_USE bool store_run_find(Store *store, RunStatus *out_status, int64_t *out_run, const char *key,
                             Err *err);

/* How an experiment's runs are read: what tables select and score when nothing else is asked. */
typedef struct {
    const char *name;
    const char *protocol;  /* name of the preset, "" when there is none */
    const char *selection; /* "training-domain", "leave-one-domain-out", "oracle" or "last" */
    const char *scored;    /* of the held-out domain: "in" (as DomainBed), "out" or "whole" */
    const char
        *stderr_of; /* standard error from the "population" (DomainBed) or "sample" deviation */
} StoreExperiment;

/* Writes the experiment, or replaces how it is read. */
MUST_USE bool store_experiment(Store *store, const StoreExperiment *experiment, Err *err);

/* Lists a stored run under one more experiment: for a sweep that skips a run because it is already
 * there. An experiment that is not there yet is read as DomainBed does. Idempotent. */
MUST_USE bool store_run_list(Store *store, int64_t run, const char *experiment, Err *err);

typedef struct {
    const char *name, *value; /* a value that reads as a number is stored as one; NULL: unknown */
} StoreHparam;

typedef struct {
    const char *version, *commit; /* of dgbench */
    const char *compiler;
    const char *blas; /* OpenBLAS core type and version */
    const char *cpu;  /* model name */
    int cores;
} StoreEnvironment;

typedef struct {
    const char *key;        /* hash of the resolved spec and the dataset's fingerprint */
    const char *experiment; /* name of the experiment (sweep) it is made for */
    const char *method;     /* label of the table row: "erm", "erm++" */
    const char *variant; /* the weights this method reports: "raw", "sma", ... ; others are shown on
                            demand */
    const char *split_rule; /* "image" or "concept" */
    const char *protocol;   /* name of the preset, "" when there is none */
    const char *spec_json;  /* fully resolved spec; valid JSON */
    int64_t dataset;        /* from store_dataset */
    const int *held_out;    /* domain indexes; none for a run that trains on every domain */
    int n_held_out;
    const int *sources; /* domain indexes trained on; NULL: every domain that is not held out */
    int n_sources;
    int64_t trial, hparams_seed, seed;
    int64_t steps; /* planned */
    int threads;
    const StoreHparam *hparams;
    int n_hparams;
    StoreEnvironment environment;
} StoreRunInfo;

enum { STORE_FRESH = -1 };

/* Starts a run, or takes an unfinished one up again: rows of steps after resume_step are removed
 * (STORE_FRESH: all of them), earlier ones stay. A run that is done is refused: look with
 * store_run_find first. Free with store_run_free. */
MUST_USE bool store_run_begin(Store *store, StoreRun **out, const StoreRunInfo *info,
                              int64_t resume_step, Err *err);
int64_t store_run_id(const StoreRun *run);

/* One number of the training log ("loss", "penalty", "step_seconds", ...), kept in memory until the
 * next commit. */
void store_train_log(StoreRun *run, int64_t step, const char *name, double value);

typedef struct {
    int64_t step;
    const char *variant; /* "raw", "sma", "ema", "swad", ... */
    int domain;
    const char *split; /* "in", "out" or "uda" */
    int64_t n, correct;
    double nll; /* mean, in nats */
    double ece; /* expected calibration error */
    double macro_accuracy,
        worst_class_accuracy;      /* over the classes that occur; NAN: not measured */
    const char *validated_variant; /* these weights were trained on all source images: what stands
                                      for their validation is the same run's earlier checkpoint */
    int64_t validated_step;        /* (validated_variant, validated_step); NULL: their own */
} StoreEval;

typedef struct {
    int image;     /* index into StoreDataset.images */
    int predicted; /* class index */
    float confidence;
} StoreOutcome;

/* One evaluation, kept in memory until the next commit; outcomes (one per image) may be NULL with
 * n_outcomes 0. */
void store_eval(StoreRun *run, const StoreEval *eval, const StoreOutcome *outcomes, int n_outcomes);

/* Writes all that was kept since the last commit in one transaction and notes that the run got to
 * `step`. On failure nothing is written and everything is still kept: the call may be repeated. */
MUST_USE bool store_checkpoint_commit(StoreRun *run, int64_t step, Err *err);

typedef struct {
    double train_flops;
    double train_seconds, eval_seconds, data_seconds; /* wall clock; data = waiting for images */
    int64_t peak_bytes;
    int64_t n_parameters, n_trainable;
    int64_t
        n_inference; /* of the trained ones, those that are needed once generators are dropped */
} StoreCost;

/* Ends the run: commits what is still kept, sets status, cost and time. message: why it failed, one
 * line, or NULL. Seconds and FLOPs count the whole run, also what earlier, interrupted parts of it
 * took: add them before the call. */
MUST_USE bool store_run_finish(StoreRun *run, RunStatus status, const char *message,
                               const StoreCost *cost, Err *err);

void store_run_free(StoreRun *run); /* does not change the database; NULL is fine */

#endif
