/* One run: is it stored? else train from the last checkpoint or from nothing, evaluate, store. */
#include "run.h"

#include "batch_norm_refresh.h"
#include "checkpoint.h"
#include "clock.h"
#include "environment.h"
#include "file.h"
#include "log.h"
#include "run_adapter.h"
#include "run_alignment.h"
#include "run_setup.h"
#include "run_store.h"
#include "run_weights.h"
#include "trainer.h"

#include <stdio.h>
#include <string.h>

enum { SHORT_KEY = 16 }; /* digits of the key in folder names */

typedef struct {
    RunSetup setup;
    const RunHooks *hooks;
    Store *store;
    int64_t dataset; /* its row */
    StoreRun *run;
    TrainState state;
    char *folder, *checkpoint_path;
    double loss_shown; /* smoothed, for the progress line */
} Job;

/* ---- hooks of the trainer ---- */

static int64_t updates_done(const Job *job)
{
    return job->state.stages.before + job->state.next_step;
}

/* As far as is known now: a second stage is at most as long as the first. */
static int64_t updates_planned(const Job *job)
{
    const Stages *s = &job->state.stages;
    bool another = job->setup.stages.full_data && s->stage == STAGE_VALIDATED;
    return s->before + (another ? 2 : 1) * s->steps;
}

static void tell(Job *job, const char *phase)
{
    if (job->hooks->progress == NULL) return;
    RunProgress p = {updates_done(job), updates_planned(job), job->loss_shown, phase};
    job->hooks->progress(job->hooks->context, &p);
}

static void on_step(void *context, int64_t step, double loss)
{
    Job *job = context;
    job->loss_shown = step == 0 ? loss : 0.9 * job->loss_shown + 0.1 * loss;
    tell(job, "train");
}

/* Running statistics of the averages that are evaluated next, from the last training batches. */
MUST_USE static bool refresh_averages(Job *job, const RunEvaluation *evaluation, Err *err)
{
    RunSetup *s = &job->setup;
    if (s->learner_options.average_batch_norm != AVERAGE_BN_REFRESH) return true;
    double begin = clock_seconds();
    int64_t n = s->spec->method.averaging_bn_batches;
    int64_t n_seen = job->state.next_step * learner_parts(s->learner);
    if (n > n_seen) n = n_seen;
    bool ok = true;
    for (int v = 1; ok && v < learner_n_variants(s->learner); v++) {
        bool is_copy = !s->learner_options.averagings[v - 1]->at_the_end &&
                       average_count(learner_average(s->learner, v - 1)) <= 1;
        if (is_copy || evaluation->done[v] || !learner_variant_is_ready(s->learner, v)) continue;
        learner_use_variant(s->learner, v);
        ok = batch_norm_refresh(s->learner, s->loader, n_seen - n, n, err);
    }
    learner_use_variant(s->learner, 0);
    job->state.train_seconds += clock_seconds() - begin;
    return ok;
}

MUST_USE static bool evaluate_ready(Job *job, RunEvaluation *evaluation, Err *err)
{
    if (!refresh_averages(job, evaluation, err)) return false;
    double begin = clock_seconds();
    bool ok = run_store_evaluate(job->run, &job->setup, evaluation, err);
    job->state.eval_seconds += clock_seconds() - begin;
    return ok;
}

static int reported_variant(const Job *job)
{
    const Learner *l = job->setup.learner;
    const char *name = run_setup_reported(job->setup.spec);
    int v = 0;
    while (!str_equal(learner_variant_name(l, v), name)) v++;
    return v;
}

MUST_USE static bool save_variant(Job *job, int variant, const char *stem, Err *err)
{
    Learner *l = job->setup.learner;
    learner_use_variant(l, variant);
    bool ok = run_weights_save(l, job->folder, stem, err);
    learner_use_variant(l, 0);
    return ok;
}

/* STEM.safetensors: the weights that the run reports; STEM-raw.safetensors: the raw ones, where
 * they are others. An average that is not there yet is not saved. */
MUST_USE static bool save_weights(Job *job, const char *stem, Err *err)
{
    int reported = reported_variant(job);
    Arena *arena = job->setup.arena;
    if (reported != 0 && !save_variant(job, 0, arena_printf(arena, "%s-raw", stem), err))
        return false;
    return !learner_variant_is_ready(job->setup.learner, reported) ||
           save_variant(job, reported, stem, err);
}

/* Averages that only stand beside the reported weights may wait for a later checkpoint. */
static void set_waiting(RunEvaluation *evaluation, const Job *job, bool waiting)
{
    for (int v = 1; v < learner_n_variants(job->setup.learner); v++) {
        if (v != reported_variant(job)) evaluation->done[v] = waiting;
    }
}

/* Evaluates; the stage may end by what comes out, and then averages that are there only at its end
 * are evaluated as well. */
MUST_USE static bool evaluate(Job *job, int64_t step, Err *err)
{
    const StagesOptions *options = &job->setup.stages;
    Stages *stages = &job->state.stages;
    bool validated = stages->stage == STAGE_VALIDATED;
    RunEvaluation evaluation = {
        .step = stages->before + step,
        .stage = options->full_data && validated ? RUN_FIRST_STAGE : "",
        .validated_step = -1,
    };
    if (!validated && step == stages->steps - 1)
        evaluation.validated_step = stages_repeated_step(stages, options);
    const RunSpec *spec = job->setup.spec;
    bool wait = step / spec->train.checkpoint_freq % spec->eval.averages_every != 0;
    if (wait) set_waiting(&evaluation, job, true);
    if (!evaluate_ready(job, &evaluation, err)) return false;
    if (validated && (options->auto_lr || options->full_data))
        stages_checkpoint(stages, options, step, evaluation.validation[reported_variant(job)]);
    bool last = step >= stages->steps - 1; /* of no steps, 0 */
    learner_checkpoint(job->setup.learner,
                       &(AverageCheckpoint){step, evaluation.validation[0].nll, last});
    if (wait) set_waiting(&evaluation, job, false);
    return !last || evaluate_ready(job, &evaluation, err);
}

static void keep_log(Job *job, int64_t step, double mean_loss)
{
    const TrainState *state = &job->state;
    int64_t at = state->stages.before + step;
    if (state->stages.steps > 0) {
        store_train_log(job->run, at, "loss", mean_loss);
        store_train_log(job->run, at, "lr", learner_lr(job->setup.learner, step));
    }
    if (job->setup.stages.full_data)
        store_train_log(job->run, at, "stage", state->stages.stage == STAGE_VALIDATED ? 1 : 2);
    store_train_log(job->run, at, "train_seconds", state->train_seconds);
    store_train_log(job->run, at, "data_seconds", state->data_seconds);
    store_train_log(job->run, at, "eval_seconds", state->eval_seconds);
}

static bool is_last_stage(const Job *job)
{
    return !job->setup.stages.full_data || job->state.stages.stage == STAGE_FULL_DATA;
}

/* One transaction first, then the checkpoint file: a kill in between costs the work since the last
 * one, no row. */
static bool on_checkpoint(void *context, int64_t step, double mean_loss, Err *err)
{
    Job *job = context;
    int64_t at = job->state.stages.before + step;
    tell(job, "evaluate");
    if (!evaluate(job, step, err)) return false;
    keep_log(job, step, mean_loss);
    if (!store_checkpoint_commit(job->run, at, err)) return false;
    if (job->setup.spec->train.save == SAVE_ALL) {
        char stem[48];
        snprintf(stem, sizeof stem, "model-%lld", (long long)at);
        if (!save_weights(job, stem, err)) return false;
    }
    if (step >= job->state.stages.steps - 1 && is_last_stage(job)) return true;
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
                 (long long)updates_done(job) - 1);
    } else if (err.code != ERR_NOT_FOUND) {
        log_warn("%s; the run starts over", err.text);
    }
}

/* The last step whose rows are complete: rows are written at checkpoints only. */
static int64_t last_stored_step(const Job *job)
{
    int64_t freq = job->setup.spec->train.checkpoint_freq;
    const Stages *stages = &job->state.stages;
    int64_t done = job->state.next_step;
    if (done == 0) return stages->before - 1; /* STORE_FRESH in the first stage */
    return stages->before + (done == stages->steps ? done - 1 : (done - 1) / freq * freq);
}

static StoreCost cost_of(const Job *job)
{
    const RunSetup *s = &job->setup;
    const Params *params = learner_params(s->learner);
    double flops = run_setup_train_flops(s, job->state.stages.before) +
                   run_setup_train_flops(s, job->state.next_step);
    return (StoreCost){
        .train_flops = flops,
        .train_seconds = job->state.train_seconds,
        .eval_seconds = job->state.eval_seconds,
        .data_seconds = job->state.data_seconds,
        .peak_bytes = environment_peak_bytes(),
        .n_parameters = (int64_t)params_learned_size(params),
        .n_trainable = (int64_t)params_trainable_size(params),
        .n_inference = run_adapter_n_inference(s->learner),
    };
}

/* Of the weights that the run reports. */
MUST_USE static bool store_alignment(Job *job, Err *err)
{
    if (!job->setup.spec->eval.alignment) return true;
    double begin = clock_seconds();
    tell(job, "align");
    bool ok = run_alignment_store(job->store, store_run_id(job->run), job->dataset, &job->setup,
                                  reported_variant(job), err);
    job->state.eval_seconds += clock_seconds() - begin;
    return ok;
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
                       (long long)updates_done(job), (long long)updates_planned(job));
    }
    if (end == TRAINER_DIVERGED) {
        char message[96];
        snprintf(message, sizeof message, "the loss is not finite at step %lld",
                 (long long)updates_done(job));
        if (!store_run_finish(job->run, RUN_DIVERGED, message, &cost, err)) return false;
    } else {
        if (job->setup.spec->train.save != SAVE_NONE && !save_weights(job, "model", err))
            return false;
        if (!store_alignment(job, err)) return false;
        cost.eval_seconds = job->state.eval_seconds;
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

/* On with the next stage: a new learner on all source images. */
MUST_USE static bool begin_next_stage(Job *job, Err *err)
{
    job->state.next_step = 0;
    run_setup_full_data(&job->setup);
    return run_setup_restart(&job->setup, err);
}

/* All stages, from where job->state is. */
MUST_USE static bool train_stages(TrainerEnd *end, Job *job, Err *err)
{
    RunSetup *s = &job->setup;
    TrainerOptions options = {
        .stages = &s->stages,
        .schedule = &s->schedule,
        .checkpoint_freq = s->spec->train.checkpoint_freq,
        .stop = job->hooks->stop,
        .checkpoint = on_checkpoint,
        .step_done = on_step,
        .context = job,
    };
    for (;;) {
        if (!trainer_run(end, s->learner, s->loader, &job->state, &options, err)) return false;
        if (*end != TRAINER_FINISHED || !stages_next(&job->state.stages, &s->stages)) return true;
        if (!begin_next_stage(job, err)) return false;
    }
}

MUST_USE static bool train(RunOutcome *out, Job *job, Err *err)
{
    RunSetup *s = &job->setup;
    if (!run_setup_learner(s, err) || !make_folder(job, err)) return false;
    stages_init(&job->state.stages, &s->stages);
    load_checkpoint(job);
    if (job->state.stages.stage == STAGE_FULL_DATA) run_setup_full_data(s);
    if (!run_setup_engine(s, err)) return false;
    if (!run_store_begin(&job->run, job->store, s, job->dataset, last_stored_step(job), err))
        return false;
    TrainerEnd end;
    if (!train_stages(&end, job, err)) {
        mark_failed(job, err);
        return false;
    }
    *out = end == TRAINER_DIVERGED ? RUN_ENDED_DIVERGED : RUN_MADE;
    return finish(job, end, err);
}

MUST_USE static bool find_or_train(RunOutcome *out, Job *job, Err *err)
{
    RunStatus status;
    int64_t run;
    if (!store_open(&job->store, job->setup.spec->results, err)) return false;
    if (!run_store_experiment(job->store, job->setup.spec, err)) return false;
    if (!run_store_dataset(job->store, &job->dataset, job->setup.dataset, err)) return false;
    if (!store_run_find(job->store, &status, &run, job->setup.key, err)) return false;
    if (status == RUN_DONE || status == RUN_DIVERGED) {
        *out = status == RUN_DONE ? RUN_WAS_STORED : RUN_ENDED_DIVERGED;
        return store_run_list(job->store, run, job->setup.spec->name, err);
    }
    return train(out, job, err);
}

bool run_execute(RunOutcome *out, char *key_out, const RunSpec *spec, const RunHooks *hooks,
                 Err *err)
{
    Job job = {.hooks = hooks};
    if (spec->merge.kind != MERGE_NONE) {
        return err_set(
            err, ERR_FORMAT,
            "merge.kind: this run is a merge of %d others, which `dgbench merge-weights` "
            "makes",
            spec->merge.members.n);
    }
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
