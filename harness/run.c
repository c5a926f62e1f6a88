/* One run: is it stored? else train from the last checkpoint or from nothing, evaluate, store. */
#include "run.h"

#include "checkpoint.h"
#include "clock.h"
#include "environment.h"
#include "file.h"
#include "log.h"
#include "params_file.h"
#include "run_setup.h"
#include "run_store.h"
#include "trainer.h"

#include <stdio.h>
#include <string.h>

enum { SHORT_KEY = 16 }; /* digits of the key in folder names */

typedef struct {
    RunSetup setup;
    const RunHooks *hooks;
    Store *store;
    StoreRun *run;
    TrainState state;
    char *folder, *checkpoint_path;
    double loss_shown; /* smoothed, for the progress line */
} Job;

/* ---- hooks of the trainer ---- */

static void tell(Job *job, const char *phase)
{
    if (job->hooks->progress == NULL) return;
    RunProgress p = {job->state.next_step, job->setup.spec->train.steps, job->loss_shown, phase};
    job->hooks->progress(job->hooks->context, &p);
}

static void on_step(void *context, int64_t step, double loss)
{
    Job *job = context;
    job->loss_shown = step == 0 ? loss : 0.9 * job->loss_shown + 0.1 * loss;
    tell(job, "train");
}

MUST_USE static bool save_weights(Job *job, const char *name, Err *err)
{
    return params_save(learner_params(job->setup.learner),
                       file_join(job->setup.arena, job->folder, name), err);
}

/* One transaction first, then the checkpoint file: a kill in between costs the work since the last
 * one, no row. */
static bool on_checkpoint(void *context, int64_t step, double mean_loss, Err *err)
{
    Job *job = context;
    const TrainSpec *train = &job->setup.spec->train;
    tell(job, "evaluate");
    double begin = clock_seconds();
    bool last = job->state.next_step == train->steps;
    if (!run_store_evaluate(job->run, &job->setup, step, last, err)) return false;
    job->state.eval_seconds += clock_seconds() - begin;
    store_train_log(job->run, step, "loss", mean_loss);
    store_train_log(job->run, step, "train_seconds", job->state.train_seconds);
    store_train_log(job->run, step, "data_seconds", job->state.data_seconds);
    store_train_log(job->run, step, "eval_seconds", job->state.eval_seconds);
    if (!store_checkpoint_commit(job->run, step, err)) return false;
    if (train->save == SAVE_ALL) {
        char name[48];
        snprintf(name, sizeof name, "model-%lld.safetensors", (long long)step);
        if (!save_weights(job, name, err)) return false;
    }
    if (job->state.next_step == train->steps) return true;
    return checkpoint_save(job->checkpoint_path, job->setup.key, job->setup.learner, &job->state,
                           err);
}

/* ---- the parts of a run ---- */

MUST_USE static bool make_folder(Job *job, Err *err)
{
    Arena *arena = job->setup.arena;
    char *runs = file_join(arena, job->setup.spec->output, "runs");
    job->folder = arena_printf(arena, "%s/%.*s", runs, SHORT_KEY, job->setup.key);
    job->checkpoint_path = file_join(arena, job->folder, "checkpoint.safetensors");
    return file_make_dirs(job->folder, err);
}

/* A checkpoint that cannot be read is told and the run starts over: it costs time, never a wrong
 * number. */
static void load_checkpoint(Job *job)
{
    Err err = {0};
    if (checkpoint_load(job->checkpoint_path, job->setup.key, job->setup.learner, &job->state,
                        &err)) {
        log_info("run %.*s goes on after step %lld", SHORT_KEY, job->setup.key,
                 (long long)job->state.next_step - 1);
    } else if (err.code != ERR_NOT_FOUND) {
        log_warn("%s; the run starts over", err.text);
    }
}

/* The last step whose rows are complete: rows are written at checkpoints only. */
static int64_t last_stored_step(const Job *job)
{
    int64_t freq = job->setup.spec->train.checkpoint_freq;
    int64_t done = job->state.next_step;
    return done > 0 ? (done - 1) / freq * freq : STORE_FRESH;
}

static StoreCost cost_of(const Job *job)
{
    const RunSetup *s = &job->setup;
    const Params *params = learner_params(s->learner);
    TapeCost step =
        learner_plan_update(s->learner, s->n_sources * (int)s->spec->data.batch_size, s->n_sources);
    return (StoreCost){
        .train_flops = (step.forward_flops + step.backward_flops) * (double)job->state.next_step,
        .train_seconds = job->state.train_seconds,
        .eval_seconds = job->state.eval_seconds,
        .data_seconds = job->state.data_seconds,
        .peak_bytes = environment_peak_bytes(),
        .n_parameters = (int64_t)params_learned_size(params),
        .n_trainable = (int64_t)params_trainable_size(params),
    };
}

MUST_USE static bool finish(Job *job, TrainerEnd end, Err *err)
{
    StoreCost cost = cost_of(job);
    if (end == TRAINER_STOPPED) {
        if (!checkpoint_save(job->checkpoint_path, job->setup.key, job->setup.learner, &job->state,
                             err))
            return false;
        if (!store_run_finish(job->run, RUN_INTERRUPTED, NULL, &cost, err)) return false;
        return err_set(err, ERR_INTERRUPTED,
                       "interrupted after step %lld of %lld; the same command goes on from there",
                       (long long)job->state.next_step, (long long)job->setup.spec->train.steps);
    }
    if (end == TRAINER_DIVERGED) {
        char message[96];
        snprintf(message, sizeof message, "the loss is not finite at step %lld",
                 (long long)job->state.next_step);
        if (!store_run_finish(job->run, RUN_DIVERGED, message, &cost, err)) return false;
    } else {
        if (job->setup.spec->train.save != SAVE_NONE &&
            !save_weights(job, "model.safetensors", err))
            return false;
        if (!store_run_finish(job->run, RUN_DONE, NULL, &cost, err)) return false;
    }
    (void)remove(job->checkpoint_path); /* nothing to resume any more */
    return true;
}

/* An error while training: the run is marked as failed, with the error's text; err stays as it is.
 */
static void mark_failed(Job *job, const Err *err)
{
    StoreCost cost = cost_of(job);
    Err second = {0};
    if (!store_run_finish(job->run, RUN_FAILED, err->text, &cost, &second))
        log_warn("%s", second.text);
}

MUST_USE static bool train(RunOutcome *out, Job *job, int64_t dataset, Err *err)
{
    RunSetup *s = &job->setup;
    if (!run_setup_learner(s, err) || !run_setup_engine(s, err) || !make_folder(job, err))
        return false;
    load_checkpoint(job);
    if (!run_store_begin(&job->run, job->store, s, dataset, last_stored_step(job), err))
        return false;
    TrainerOptions options = {
        .steps = s->spec->train.steps,
        .checkpoint_freq = s->spec->train.checkpoint_freq,
        .stop = job->hooks->stop,
        .checkpoint = on_checkpoint,
        .step_done = on_step,
        .context = job,
    };
    TrainerEnd end;
    if (!trainer_run(&end, s->learner, s->loader, &job->state, &options, err)) {
        mark_failed(job, err);
        return false;
    }
    *out = end == TRAINER_DIVERGED ? RUN_ENDED_DIVERGED : RUN_MADE;
    return finish(job, end, err);
}

MUST_USE static bool find_or_train(RunOutcome *out, Job *job, Err *err)
{
    RunStatus status;
    int64_t dataset, run;
    if (!store_open(&job->store, job->setup.spec->results, err)) return false;
    if (!run_store_experiment(job->store, job->setup.spec, err)) return false;
    if (!run_store_dataset(job->store, &dataset, job->setup.dataset, err)) return false;
    if (!store_run_find(job->store, &status, &run, job->setup.key, err)) return false;
    if (status == RUN_DONE || status == RUN_DIVERGED) {
        *out = status == RUN_DONE ? RUN_WAS_STORED : RUN_ENDED_DIVERGED;
        return store_run_list(job->store, run, job->setup.spec->name, err);
    }
    return train(out, job, dataset, err);
}

bool run_execute(RunOutcome *out, char *key_out, const RunSpec *spec, const RunHooks *hooks,
                 Err *err)
{
    Job job = {.hooks = hooks};
    if (!run_spec_check_ready(spec, "run", err) || !run_spec_check_weights(spec, "run", err) ||
        !run_setup_open(&job.setup, spec, err)) {
        return false;
    }
    if (key_out != NULL) memcpy(key_out, job.setup.key, sizeof job.setup.key);
    bool ok = find_or_train(out, &job, err);
    store_run_free(job.run);
    store_close(job.store);
    run_setup_close(&job.setup);
    return ok;
}
