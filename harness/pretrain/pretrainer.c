/* The loop: batch, update, log, checkpoint; then the model directory. */
#include "pretrainer.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "pretrain_log.h"
#include "pretrain_output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MAX_SCALE = 100; /* of the cosines: Radford et al. 2021, 2.5 */

typedef struct {
    PretrainSetup setup;
    PretrainState state;
    const PretrainHooks *hooks;
    PretrainLog *log;
    ZeroShotResult *results; /* of the last evaluation */
    int n_results;
} Job;

/* ---- one update ---- */

typedef struct {
    double loss;
    int n_shared, n;
} Update;

static Real *log_scale(const Job *job)
{
    Params *params = clip_params(job->setup.clip);
    return params_values(params) + params_get(params, params_find(params, "logit_scale"))->offset;
}

static double lr_at(const PretrainSetup *s, int64_t step)
{
    return s->spec->train.lr * schedule_factor(&s->schedule, step);
}

static Tensor *batch_loss(PretrainSetup *s, const PairBatch *batch)
{
    int size = s->input.size;
    Tensor *x = tape_input(s->tape, batch->x, 4, (int[]){batch->n, size, size, 3});
    Tensor *images = clip_encode_images(s->clip, s->tape, x);
    Tensor *texts = clip_encode_texts(s->clip, s->tape, batch->tokens, batch->n);
    return contrastive_loss(s->tape, images, texts, clip_logit_scale(s->clip, s->tape),
                            batch->targets);
}

static bool update(Update *out, Job *job, Err *err)
{
    PretrainSetup *s = &job->setup;
    int64_t step = job->state.next_step;
    PairBatch batch;
    if (!pair_loader_batch(s->loader, step, &batch, err)) return false;
    tape_begin(s->tape, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)step);
    Tensor *loss = batch_loss(s, &batch);
    *out = (Update){loss->v[0], batch.n_shared, batch.n};
    if (!isfinite(out->loss)) {
        return err_set(err, ERR_FORMAT,
                       "the loss is no finite number at step %lld: the pretraining diverged; a "
                       "smaller train.lr may help",
                       (long long)step);
    }
    Params *params = clip_params(s->clip);
    params_zero_gradients(params);
    tape_backward(s->tape, loss);
    optim_set_lr(s->optimizer, lr_at(s, step));
    optim_step(s->optimizer, params, s->pool);
    Real *scale = log_scale(job);
    *scale = (Real)fmin(fmax((double)*scale, 0), log(MAX_SCALE));
    return true;
}

/* ---- log, evaluation, checkpoint ---- */

static bool evaluate(Job *job, Clip *clip, bool is_last, Err *err)
{
    PretrainSetup *s = &job->setup;
    if (!zero_shot_evaluate(s->zero_shot, job->results, clip, s->tape, err)) return false;
    if (job->hooks->evaluated != NULL)
        job->hooks->evaluated(job->hooks->context, job->state.next_step, is_last, job->results,
                              job->n_results);
    return true;
}

static bool add_line(Job *job, bool is_evaluated, Err *err)
{
    PretrainState *state = &job->state;
    double n = (double)(state->n_losses > 0 ? state->n_losses : 1);
    PretrainLine line = {.step = state->next_step,
                         .loss = state->loss_sum / n,
                         .shared = state->shared_sum / n,
                         .lr = lr_at(&job->setup, state->next_step - 1),
                         .scale = exp((double)*log_scale(job)),
                         .seconds = state->seconds};
    state->loss_sum = state->shared_sum = 0;
    state->n_losses = 0;
    return pretrain_log_add(job->log, &line, is_evaluated ? job->results : NULL, err);
}

static bool is_due(const Job *job, int64_t freq)
{
    int64_t done = job->state.next_step;
    return done % freq == 0 || done == job->setup.spec->train.steps;
}

static bool after_update(Job *job, Err *err)
{
    const PretrainSpec *spec = job->setup.spec;
    bool checkpoint = is_due(job, spec->train.checkpoint_freq);
    if (checkpoint && !evaluate(job, job->setup.clip, false, err)) return false;
    if ((checkpoint || is_due(job, spec->train.log_freq)) && !add_line(job, checkpoint, err))
        return false;
    return !checkpoint || pretrain_checkpoint_save(&job->setup, &job->state, err);
}

static bool stop_here(const Job *job, Err *err)
{
    if (!pretrain_checkpoint_save(&job->setup, &job->state, err)) return false;
    return err_set(err, ERR_INTERRUPTED,
                   "interrupted after step %lld of %lld; the same command goes on from there",
                   (long long)job->state.next_step, (long long)job->setup.spec->train.steps);
}

static bool train(Job *job, Err *err)
{
    int64_t steps = job->setup.spec->train.steps;
    while (job->state.next_step < steps) {
        if (job->hooks->stop != NULL && *job->hooks->stop) return stop_here(job, err);
        Update done;
        double begin = clock_seconds();
        if (!update(&done, job, err)) return false;
        job->state.next_step++;
        job->state.loss_sum += done.loss;
        job->state.shared_sum += (double)done.n_shared / done.n;
        job->state.n_losses++;
        job->state.seconds += clock_seconds() - begin;
        if (job->hooks->progress != NULL)
            job->hooks->progress(job->hooks->context,
                                 &(PretrainProgress){job->state.next_step, steps, done.loss});
        if (!after_update(job, err)) return false;
    }
    return true;
}

/* ---- begin and end ---- */

/* What the folder holds already. *is_made: all of it. */
static bool look_at_folder(Job *job, bool restart, bool *is_made, Err *err)
{
    char key[SHA256_HEX_SIZE];
    PretrainSetup *s = &job->setup;
    bool has_model = pretrain_finished_key(s->spec, key);
    *is_made = has_model && str_equal(key, s->key) && !restart;
    if (*is_made) return true;
    if (restart) return pretrain_forget(s->spec, err);
    if (has_model) {
        return err_set(err, ERR_FORMAT,
                       "%s: holds the model of another spec or other pairs (key %.12s, expected "
                       "%.12s); name another output, or give --restart",
                       s->spec->output, key, s->key);
    }
    if (pretrain_checkpoint_load(s, &job->state, err)) {
        log_info("%s goes on after step %lld", s->spec->name, (long long)job->state.next_step);
        return true;
    }
    if (err->code == ERR_NOT_FOUND) return true;
    return err_context(err, "name another output, or give --restart");
}

static bool open_log(Job *job, Err *err)
{
    const PretrainSpec *spec = job->setup.spec;
    Arena *arena = arena_new();
    job->n_results = zero_shot_count(job->setup.zero_shot);
    job->results = mem_alloc((size_t)job->n_results, sizeof *job->results);
    zero_shot_describe(job->setup.zero_shot, job->results);
    int64_t last = job->state.next_step > 0 ? job->state.next_step : -1;
    bool ok = pretrain_log_open(&job->log, pretrain_path(spec, "log.csv", arena), last,
                                job->results, job->n_results, err);
    arena_free(arena);
    return ok;
}

/* The model as it was written, bfloat16 and all, is what is judged. */
static bool evaluate_written(Job *job, Err *err)
{
    ModelDir *dir;
    Clip *clip;
    if (!model_dir_open(&dir, job->setup.spec->output, err)) return false;
    bool ok = clip_open(&clip, dir, err);
    if (ok) {
        ok = evaluate(job, clip, true, err);
        clip_free(clip);
    }
    model_dir_close(dir);
    return ok;
}

static bool make(Job *job, Err *err)
{
    if (!open_log(job, err) || !train(job, err)) return false;
    log_debug("waited %.1f s for batches", pair_loader_wait_seconds(job->setup.loader));
    return pretrain_write_model(&job->setup, err) && evaluate_written(job, err) &&
           pretrain_write_report(&job->setup, &job->state, job->results, job->n_results, err);
}

static void say_what(const PretrainSetup *s)
{
    log_info("%s: %d pairs, %d phrases, %d captions; %.2f M parameters, %d threads", s->spec->name,
             s->pairs->n, s->pairs->n_phrases, captions_count(s->captions),
             (double)params_learned_size(clip_params(s->clip)) / 1e6, s->n_threads);
}

bool pretrain_run(PretrainOutcome *out, const PretrainSpec *spec, bool restart,
                  const PretrainHooks *hooks, Err *err)
{
    Job job = {.hooks = hooks};
    bool is_made = false;
    if (!pretrain_setup_open(&job.setup, spec, err)) return false;
    job.setup.version = hooks->version;
    bool ok = file_make_dirs(spec->output, err) && look_at_folder(&job, restart, &is_made, err);
    if (ok && !is_made) {
        say_what(&job.setup);
        ok = make(&job, err);
    }
    *out = is_made ? PRETRAIN_WAS_MADE : PRETRAIN_MADE;
    pretrain_log_close(job.log);
    free(job.results);
    pretrain_setup_close(&job.setup);
    return ok;
}
