/* What stored runs say about runs that are not made yet: is a run there, how long do such runs
 * take. */
#ifndef RESULTS_RUN_TIME_H
#define RESULTS_RUN_TIME_H

#include "err.h"
#include "query.h"

#include <stdint.h>

/* Whether nothing is left to do for the run of that key: it is done, or diverged. */
MUST_USE bool run_is_stored(Db *db, bool *out, const char *key, Err *err);

typedef struct {
    const char *fingerprint; /* of the dataset */
    const char *method;      /* label */
    const char *model;       /* net.model of net clip, else "" */
    const char *net;
    int64_t image_size;
    const char *cpu; /* of this machine, as environment.h names it */
    int threads;     /* of a run */
} RunTimeQuery;

typedef struct {
    int n_runs;                     /* that were averaged; 0: nothing is known */
    double train_seconds_per_image; /* with waiting for images */
    double eval_seconds_per_image;  /* 0 when no run has evaluated anything */
} RunTime;

/* Mean over the latest finished runs (at most 100) of that dataset, method, network and machine. */
MUST_USE bool run_time_find(RunTime *out, Db *db, const RunTimeQuery *query, Err *err);

#endif
