/* The training loop. It knows steps, batches and checkpoints; what is evaluated and stored is the
 * caller's business. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "checkpoint.h"
#include "learner.h"
#include "loader.h"
#include "schedule.h"

#include <signal.h>

typedef struct {
    const StagesOptions *stages;
    const ScheduleOptions *schedule; /* times the stages' learning rate */
    int64_t checkpoint_freq; /* DomainBed's rule: a checkpoint after update s (from 0) when s % freq
                                == 0 or it is the last */
    const volatile sig_atomic_t *stop; /* non-zero: end after the current update; may be NULL */
    /* Called after update `step` at every checkpoint (of a stage of no steps: once, with step 0),
     * with the mean loss since the last one; may move state->stages on, so that the stage ends
     * there. */
    bool (*checkpoint)(void *context, int64_t step, double mean_loss, Err *err);
    void (*step_done)(void *context, int64_t step, double loss); /* may be NULL */
    void *context;
} TrainerOptions;

typedef enum { TRAINER_FINISHED, TRAINER_STOPPED, TRAINER_DIVERGED } TrainerEnd;

/* Trains one stage from state->next_step to state->stages.steps. state is kept up to date for
 * checkpoint_save, also inside the checkpoint callback (where it already counts the update). A loss
 * that is not finite ends with TRAINER_DIVERGED: next_step is the update that failed. False: a
 * batch could not be read or a checkpoint failed. */
MUST_USE bool trainer_run(TrainerEnd *end, Learner *l, Loader *loader, TrainState *state,
                          const TrainerOptions *options, Err *err);

bool trainer_is_checkpoint(int64_t step, int64_t steps, int64_t freq);
int64_t trainer_n_checkpoints(int64_t steps, int64_t freq);

#endif
