/* The schedule axis: how the learning rate changes along a run, as a factor on method.lr that
 * depends on the step alone. A member is one file in methods/schedule and a row in
 * methods/registry.c. What follows a validation loss instead is plateau.h.
 *
 *     ScheduleOptions o = {.kind = method_schedule("cosine"), .hparams = values, .warm_up = 100,
 *                          .steps = 5001};
 *     optim_set_lr(optimizer, lr * schedule_factor(&o, step));
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "hparam.h"

#include <stdint.h>

typedef struct {
    const char *name, *help, *source;
    const HparamDef *hparams;
    int n_hparams;
    /* Of update `step` (from 0) of `steps`; hparams: values, in the order of the table. */
    double (*factor)(const double *hparams, int64_t step, int64_t steps);
} Schedule;

typedef struct {
    const Schedule *kind;
    const double *hparams;
    int64_t warm_up; /* so many first updates rise linearly, 1/warm_up .. 1; the schedule has the
                        others. 0: none */
    int64_t steps;   /* planned updates, more than warm_up */
} ScheduleOptions;

double schedule_factor(const ScheduleOptions *o, int64_t step);

#endif
