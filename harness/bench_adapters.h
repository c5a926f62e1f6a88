/* What adapters cost in training, beside full fine-tuning of the same network: updates on one
 * random batch, those of the methods taking turns, so that all see the same machine. */
#ifndef HARNESS_BENCH_ADAPTERS_H
#define HARNESS_BENCH_ADAPTERS_H

#include "bench.h"

enum { BENCH_MAX_METHODS = 16 }; /* full fine-tuning and every member of the adapter axis */

typedef struct {
    BenchOptions net;   /* steps: updates of each method that are timed */
    const char *target; /* of adapters: a preset or a pattern */
    int rank;
} BenchAdapterOptions;

typedef struct {
    const char *method;  /* "full", or an adapter's name */
    size_t trained;      /* values that the optimiser moves, classifier included */
    size_t inference;    /* of these, those that are left without generators */
    double seconds;      /* of an update, median */
    double cpu_seconds;  /* the same in CPU time of all threads */
    double update_flops; /* without the optimiser and the generators */
    size_t bytes;        /* peak of the tape, and state_bytes */
    size_t state_bytes;  /* values, gradients, slots of the optimiser */
} BenchAdapterRow;

/* rows: full fine-tuning first, then the members in the order of their table. Error: as
 * bench_training's; a target or a rank that does not fit the network. */
MUST_USE bool bench_adapters(BenchAdapterRow rows[BENCH_MAX_METHODS], int *n_rows,
                             const BenchAdapterOptions *options, Err *err);

#endif
