/* The state of a run between two updates, in one safetensors file: values, optimiser slots,
 * averages, counters; without what never learns, which a new learner has anyway. All randomness is
 * a function of the step, so this is everything: a resumed run is bit-identical to one never
 * stopped. Written to a temporary name, synced and renamed: there is always a whole checkpoint or
 * none.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "learner.h"
#include "stages.h"

/* What the trainer carries from step to step besides the learner. */
typedef struct {
    Stages stages;
    int64_t next_step; /* updates done in this stage */
    double loss_sum;   /* since the last line of the training log */
    int64_t n_losses;
    double train_seconds, eval_seconds, data_seconds;
} TrainState;

/* key names the run: a checkpoint of another run is refused on load. */
MUST_USE bool checkpoint_save(const char *path, const char *key, Learner *l,
                              const TrainState *state, Err *err);

/* ERR_NOT_FOUND when there is none (then nothing was changed). */
MUST_USE bool checkpoint_load(const char *path, const char *key, Learner *l, TrainState *state,
                              Err *err);

#endif
