/* The averaging axis: averages of all values (parameters and running statistics) along the
 * trajectory. Each gives one more weight variant to evaluate, at the cost of a flat loop per step.
 * A member is one file in methods/averaging and a row in methods/registry.c: it says what happens
 * with the weights after every update and at every checkpoint. All that it remembers is in its
 * arrays and numbers, which are saved with the run.
 */
#ifndef TRAIN_AVERAGING_H
#define TRAIN_AVERAGING_H

#include "err.h"
#include "hparam.h"
#include "params.h"

#include <stdint.h>

enum { AVERAGE_MAX_NUMBERS = 48, AVERAGE_MAX_ARRAYS = 24 };

typedef struct {
    int64_t start;         /* the first update (counted from 0) whose weights enter */
    int64_t steps;         /* planned updates of the run */
    double ema_decay;      /* of the exponential average */
    bool start_twice;      /* the weights of update start count twice in the simple average */
    const double *hparams; /* of the member, in the order of Averaging.hparams */
} AveragingOptions;

/* What a member works on. */
typedef struct {
    AveragingOptions options;
    size_t size;     /* of an array: params_size */
    Real **arrays;   /* 0: the average itself; the others are the member's own. May be swapped. */
    double *numbers; /* 0: how many weights are in the average; the others are the member's own */
    ThreadPool *threads;
} AverageState;

typedef struct {
    int64_t step;      /* the update that it comes after */
    double source_nll; /* of the raw weights: mean over the source domains of their out split's
                          nll */
    bool last;         /* no update follows */
} AverageCheckpoint;

typedef struct {
    const char *name, *help, *source;
    const HparamDef *hparams;
    int n_hparams;
    bool at_the_end; /* there is no average before the last checkpoint: evaluated only there */
    bool needs_validation; /* source domains need an out split */
    int n_numbers;         /* at least 1 */
    /* Arrays in all; NULL: 1. */
    int (*n_arrays)(const AveragingOptions *options);
    /* The initial weights, before any update; arrays[0] holds them already. NULL: nothing to do. */
    void (*begin)(AverageState *s);
    /* The weights after update `step` (from 0). */
    void (*update)(AverageState *s, const Real *weights, int64_t step);
    /* NULL: nothing to do. */
    void (*checkpoint)(AverageState *s, const AverageCheckpoint *checkpoint);
} Averaging;

/* For members: array += share * (values - array); a share of 1 copies. */
void average_mix(AverageState *s, int array, const Real *values, double share);

typedef struct Average Average;

/* An average of the values that params have now. options: copied, with the hyper-parameters. */
Average *average_new(const Averaging *kind, const AveragingOptions *options, Params *params);
void average_free(Average *a); /* NULL is fine */

/* After update `step` (from 0). */
void average_update(Average *a, Params *params, int64_t step, ThreadPool *threads);

/* At every checkpoint, after its update. */
void average_checkpoint(Average *a, const AverageCheckpoint *checkpoint, ThreadPool *threads);

const char *average_name(const Average *a);
Real *average_values(Average *a); /* [params_size] */
int64_t average_count(const Average *a);
bool average_is_copy(Average *a, Params *params); /* of the values that params have, bit for bit */
bool average_is_ready(const Average *a); /* false: only there at the end, which is not reached */

/* Everything else that it remembers, for checkpoints: array 0 is average_values. */
int average_n_arrays(const Average *a);
Real *average_array(Average *a, int i); /* [params_size] */
int average_n_numbers(const Average *a);
double *average_numbers(Average *a);

#endif
