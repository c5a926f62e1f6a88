/* Batch, update, checkpoint; nothing else. */
#include "trainer.h"

#include "clock.h"

bool trainer_is_checkpoint(int64_t step, int64_t steps, int64_t freq)
{
    return step % freq == 0 || step == steps - 1;
}

int64_t trainer_n_checkpoints(int64_t steps, int64_t freq)
{
    int64_t n = steps == 0 ? 1 : (steps - 1) / freq + 1;
    return steps == 0 || (steps - 1) % freq == 0 ? n : n + 1;
}

MUST_USE static bool one_checkpoint(TrainState *state, const TrainerOptions *o, Err *err)
{
    double mean = state->n_losses > 0 ? state->loss_sum / (double)state->n_losses : 0;
    state->loss_sum = 0;
    state->n_losses = 0;
    return o->checkpoint(o->context, state->next_step - 1, mean, err);
}

MUST_USE static bool one_part(LearnerStep *out, int part, Learner *l, Loader *loader,
                              TrainState *state, Err *err)
{
    double begin = clock_seconds();
    Batch batch;
    int64_t step = state->next_step;
    if (!loader_batch(loader, step * learner_parts(l) + part, &batch, err)) return false;
    double loaded = clock_seconds();
    *out = learner_update_part(l, &batch, step, part);
    state->data_seconds += loaded - begin;
    state->train_seconds += clock_seconds() - loaded;
    return true;
}

MUST_USE static bool one_step(LearnerStep *out, Learner *l, Loader *loader, TrainState *state,
                              const TrainerOptions *o, Err *err)
{
    learner_set_lr(l, stages_lr(&state->stages, o->stages, state->next_step) *
                          schedule_factor(o->schedule, state->next_step));
    *out = (LearnerStep){.finite = true};
    for (int part = 0; out->finite && part < learner_parts(l); part++) {
        if (!one_part(out, part, l, loader, state, err)) return false;
    }
    return true;
}

bool trainer_run(TrainerEnd *end, Learner *l, Loader *loader, TrainState *state,
                 const TrainerOptions *o, Err *err)
{
    while (state->next_step < state->stages.steps) {
        if (o->stop != NULL && *o->stop) {
            *end = TRAINER_STOPPED;
            return true;
        }
        LearnerStep step;
        if (!one_step(&step, l, loader, state, o, err)) return false;
        if (!step.finite) {
            *end = TRAINER_DIVERGED;
            return true;
        }
        state->loss_sum += step.loss;
        state->n_losses++;
        int64_t done = state->next_step++;
        if (o->step_done != NULL) o->step_done(o->context, done, step.loss);
        if (trainer_is_checkpoint(done, state->stages.steps, o->checkpoint_freq) &&
            !one_checkpoint(state, o, err))
            return false;
    }
    *end = TRAINER_FINISHED;
    return state->stages.steps > 0 || o->checkpoint(o->context, 0, 0, err);
}
