/* One run, from a resolved spec to rows in the database: opens the dataset, splits, trains,
 * evaluates at every checkpoint, stores. A run that is already stored as done is not made again; an
 * unfinished one goes on from its last checkpoint, bit-identical to one that was never stopped.
 */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "err.h"
#include "run_spec.h"

#include <signal.h>
#include <stdint.h>

typedef struct {
    int64_t step, steps; /* updates done, of how many */
    double loss;         /* mean since the last call */
    const char *phase;   /* "train", "evaluate" */
} RunProgress;

typedef struct {
    const volatile sig_atomic_t
        *stop; /* becomes non-zero on Ctrl-C: checkpoint and return ERR_INTERRUPTED; may be NULL */
    void (*progress)(void *context, const RunProgress *p); /* after every step; may be NULL */
    void *context;
} RunHooks;

typedef enum { RUN_WAS_STORED, RUN_MADE, RUN_ENDED_DIVERGED } RunOutcome;

/* key_out (65 bytes, may be NULL) gets the run's key as soon as it is known. */
MUST_USE bool run_execute(RunOutcome *out, char *key_out, const RunSpec *spec,
                          const RunHooks *hooks, Err *err);

/* What the run would cost, without computing: PLAN mode. */
typedef struct {
    int64_t n_parameters, n_trainable;
    double step_flops;   /* forward and backward of one update */
    double eval_flops;   /* one checkpoint's evaluation */
    int64_t eval_images; /* that it looks at, once per weight variant */
    int n_variants;      /* of weights */
    int n_checkpoints;
    int64_t n_updates; /* of all stages, at most: auto_lr may stop earlier */
    double total_flops;
    int64_t step_peak_bytes;  /* tape memory of one update */
    int64_t total_peak_bytes; /* with parameters, gradients, optimiser, averages, batches */
    int n_source_images, n_target_images;
    int step_images, channels, n_classes; /* of one update's batch */
    int64_t image_size;                   /* in pixels */
} RunPlan;
MUST_USE bool run_plan(RunPlan *out, const RunSpec *spec, Err *err);

#endif
