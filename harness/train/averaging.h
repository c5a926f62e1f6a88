/* The averaging axis: averages of all values (parameters and running statistics) along the
 * trajectory. Each gives one more weight variant to evaluate, at the cost of a flat loop per step.
 * A member is one file in methods/averaging and a row in methods/registry.c: it says what share the
 * newest weights get.
 */
#ifndef TRAIN_AVERAGING_H
#define TRAIN_AVERAGING_H

#include "params.h"

#include <stdint.h>

typedef struct {
    int64_t start;    /* the first update (counted from 0) whose weights enter */
    double ema_decay; /* of the exponential average */
} AveragingOptions;

typedef struct {
    const char *name, *help, *source;
    /* average += share * (weights - average). n_averaged: how many weights are in the average
     * already (0: the result is 1, the average becomes the weights). */
    double (*share)(const AveragingOptions *options, int64_t n_averaged);
} Averaging;

typedef struct Average Average;

Average *average_new(const Averaging *kind, const AveragingOptions *options, const Params *params);
void average_free(Average *a); /* NULL is fine */

/* After update `step` (from 0): before options.start the average is a copy of the weights. */
void average_update(Average *a, Params *params, int64_t step, ThreadPool *threads);

const char *average_name(const Average *a);
Real *average_values(Average *a); /* [params_size] */
int64_t average_count(const Average *a);
void average_set_count(Average *a,
                       int64_t n_averaged); /* when state is loaded into average_values */

#endif
