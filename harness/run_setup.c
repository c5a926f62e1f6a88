/* Names become objects here, once: networks, objectives, averages, domains; unknown ones get one
 * line. */
#include "run_setup.h"

#include "environment.h"
#include "file.h"
#include "registry.h"
#include "rng.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INIT_BYTES = 1 << 30, MAX_NAMES = 64 };

/* ---- names ---- */

MUST_USE static bool unknown_name(Err *err, const char *key, const char *found,
                                  const char *const *names, int n)
{
    const char *nearest = str_nearest(found, names, n);
    if (nearest != NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s: no \"%s\" (did you mean \"%s\"?)", key, found,
                       nearest);
    }
    Str list = {0};
    for (int i = 0; i < n; i++) str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    err_set(err, ERR_NOT_FOUND, "%s: no \"%s\", there are: %s", key, found, str_text(&list));
    str_done(&list);
    return false;
}

MUST_USE static bool find_objective(const Objective **out, const char *name, Err *err)
{
    *out = method_objective(name);
    if (*out != NULL) return true;
    int n;
    const Objective *const *all = method_objectives(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return unknown_name(err, "method.objective", name, names, n);
}

MUST_USE static bool find_averaging(const Averaging **out, const char *name, Err *err)
{
    *out = method_averaging(name);
    if (*out != NULL) return true;
    int n;
    const Averaging *const *all = method_averagings(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return unknown_name(err, "method.averaging", name, names, n);
}

MUST_USE static bool find_schedule(const Schedule **out, const char *name, Err *err)
{
    *out = method_schedule(name);
    if (*out != NULL) return true;
    int n;
    const Schedule *const *all = method_schedules(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return unknown_name(err, "method.schedule", name, names, n);
}

MUST_USE static bool find_domains(RunSetup *s, Err *err)
{
    const Dataset *d = s->dataset;
    s->held_out = arena_alloc(s->arena, (size_t)d->n_domains, sizeof *s->held_out);
    for (int i = 0; i < s->spec->held_out.n; i++) {
        const char *name = s->spec->held_out.items[i];
        int domain = dataset_find_domain(d, name);
        if (domain < 0) return unknown_name(err, "held_out", name, d->domains, d->n_domains);
        s->held_out[domain] = true;
    }
    s->held_out_ids = arena_alloc(s->arena, (size_t)d->n_domains, sizeof *s->held_out_ids);
    s->source_ids = arena_alloc(s->arena, (size_t)d->n_domains, sizeof *s->source_ids);
    for (int i = 0; i < d->n_domains; i++) {
        if (s->held_out[i]) {
            s->held_out_ids[s->n_held_out++] = i;
        } else {
            s->source_ids[s->n_sources++] = i;
        }
    }
    if (s->n_sources > 0) return true;
    return err_set(err, ERR_FORMAT,
                   "held_out: all %d domains of %s, expected at least one to train on",
                   d->n_domains, d->name);
}

/* ---- data ---- */

MUST_USE static bool make_splits(RunSetup *s, Err *err)
{
    static const SplitKind kinds[] = {[SPEC_SPLIT_IMAGE] = SPLIT_IMAGE,
                                      [SPEC_SPLIT_CONCEPT] = SPLIT_CONCEPT,
                                      [SPEC_SPLIT_TAGGED] = SPLIT_TAGGED};
    SplitOptions options = {.kind = kinds[s->spec->data.split],
                            .trial_seed = (int)s->spec->trial,
                            .holdout_fraction = s->spec->data.holdout_fraction};
    s->splits = arena_alloc(s->arena, (size_t)s->dataset->n_domains, sizeof *s->splits);
    for (int i = 0; i < s->dataset->n_domains; i++) {
        options.uda_fraction = s->held_out[i] ? s->spec->data.uda_fraction : 0;
        if (!split_domain(&s->splits[i], s->dataset, i, &options, s->arena, err)) return false;
    }
    return true;
}

static AugmentKind augment_of(const RunSpec *spec)
{
    static const AugmentKind kinds[] = {[SPEC_AUGMENT_NONE] = AUGMENT_NONE,
                                        [SPEC_AUGMENT_FLIP] = AUGMENT_FLIP,
                                        [SPEC_AUGMENT_DOMAINBED] = AUGMENT_DOMAINBED};
    return kinds[spec->data.augment];
}

static InputSpec input_of(const RunSpec *spec, int channels)
{
    int size = (int)spec->data.image_size;
    if (channels != 3) return input_spec_plain(size);
    InputSpec input = {.size = size};
    for (int i = 0; i < 3; i++) {
        input.mean[i] = (float)spec->net.mean.items[i];
        input.std[i] = (float)spec->net.std.items[i];
    }
    return input;
}

bool run_setup_key(char out[SHA256_HEX_SIZE], const RunSpec *spec, const char *dataset_fingerprint,
                   Err *err)
{
    const char *init = spec->net.init;
    char sha256[SHA256_HEX_SIZE];
    if (init[0] != '\0') {
        char *data;
        size_t n_bytes;
        if (!file_read(&data, &n_bytes, init, MAX_INIT_BYTES, err))
            return err_context(err, "net.init");
        uint8_t digest[SHA256_BYTES];
        digest_sha256(digest, data, n_bytes);
        digest_hex(sha256, digest, sizeof digest);
        free(data);
    }
    run_key(out, spec, dataset_fingerprint, init[0] != '\0' ? sha256 : NULL);
    return true;
}

MUST_USE static bool open_parts(RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    DatasetOptions options = {.root = spec->data.root[0] != '\0' ? spec->data.root : NULL,
                              .pool = s->pool};
    if (!dataset_open(&s->dataset, spec->dataset, &options, err)) return false;
    s->input = input_of(spec, s->dataset->channels);
    s->augment = augment_of(spec);
    return find_domains(s, err) && make_splits(s, err) &&
           run_setup_key(s->key, spec, s->dataset->fingerprint, err);
}

bool run_setup_open(RunSetup *setup, const RunSpec *spec, Err *err)
{
    *setup = (RunSetup){.spec = spec, .arena = arena_new()};
    setup->n_threads = spec->train.threads > 0 ? (int)spec->train.threads : thread_count_online();
    setup->pool = thread_pool_new(setup->n_threads);
    if (open_parts(setup, err)) return true;
    run_setup_close(setup);
    return false;
}

/* ---- engine ---- */

static OptimOptions optimizer_of(const MethodSpec *m)
{
    static const OptimKind kinds[] = {[OPTIMIZER_ADAM] = OPTIM_ADAM,
                                      [OPTIMIZER_ADAMW] = OPTIM_ADAMW,
                                      [OPTIMIZER_SGD] = OPTIM_SGD,
                                      [OPTIMIZER_LARS] = OPTIM_LARS};
    return (OptimOptions){
        .kind = kinds[m->optimizer],
        .lr = m->lr,
        .weight_decay = m->weight_decay,
        .momentum = m->momentum,
        .nesterov = m->nesterov,
        .beta1 = m->beta1,
        .beta2 = m->beta2,
        .eps = m->eps,
        .trust = m->trust,
    };
}

static const double *member_hparams(const RunSetup *s, const char *member, const HparamDef *defs,
                                    int n)
{
    double *values = arena_alloc(s->arena, (size_t)n, sizeof *values);
    for (int i = 0; i < n; i++) values[i] = run_spec_extra(s->spec, member, defs[i].name);
    return values;
}

MUST_USE static bool set_objective(LearnerOptions *o, const RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    if (!find_objective(&o->objective, spec->method.objective, err)) return false;
    o->objective_hparams =
        member_hparams(s, o->objective->name, o->objective->hparams, o->objective->n_hparams);
    return true;
}

MUST_USE static bool set_averagings(LearnerOptions *o, const RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    const TextList *names = &spec->method.averaging;
    if (names->n > LEARNER_MAX_AVERAGES) {
        return err_set(err, ERR_FORMAT, "method.averaging: %d averages, expected at most %d",
                       names->n, LEARNER_MAX_AVERAGES);
    }
    for (int i = 0; i < names->n; i++) {
        if (!find_averaging(&o->averagings[i], names->items[i], err)) return false;
    }
    o->n_averagings = names->n;
    o->averaging = (AveragingOptions){
        .start = spec->method.averaging_start,
        .steps = spec->train.steps,
        .ema_decay = spec->method.ema_decay,
        .start_twice = spec->method.compat == COMPAT_ERM_PLUSPLUS,
    };
    for (int i = 0; i < names->n; i++) {
        const Averaging *a = o->averagings[i];
        o->averaging_hparams[i] = member_hparams(s, a->name, a->hparams, a->n_hparams);
    }
    return true;
}

MUST_USE static bool set_schedule(RunSetup *s, Err *err)
{
    const Schedule *kind;
    if (!find_schedule(&kind, s->spec->method.schedule, err)) return false;
    s->schedule = (ScheduleOptions){
        .kind = kind,
        .hparams = member_hparams(s, kind->name, kind->hparams, kind->n_hparams),
        .warm_up = s->spec->method.lr_warm_up,
        .steps = s->spec->train.steps,
    };
    return true;
}

static AverageBatchNorm average_batch_norm_of(const MethodSpec *m)
{
    static const AverageBatchNorm kinds[] = {[AVERAGING_BN_AVERAGE] = AVERAGE_BN_AVERAGE,
                                             [AVERAGING_BN_FORWARD] = AVERAGE_BN_FORWARD,
                                             [AVERAGING_BN_REFRESH] = AVERAGE_BN_REFRESH};
    return m->compat == COMPAT_ERM_PLUSPLUS ? AVERAGE_BN_OWN : kinds[m->averaging_bn];
}

static WarmStart warm_start_of(const MethodSpec *m)
{
    return (WarmStart){
        .updates = m->warm_start,
        .lr = m->warm_start_lr > 0 ? m->warm_start_lr : m->lr,
        .accumulate = m->compat == COMPAT_ERM_PLUSPLUS,
    };
}

static StagesOptions stages_of(const RunSpec *spec)
{
    return (StagesOptions){
        .steps = spec->train.steps,
        .warm_start = spec->method.warm_start,
        .lr = spec->method.lr,
        .auto_lr = spec->method.auto_lr,
        .full_data = spec->method.full_data,
    };
}

/* ---- validation while training ---- */

const char *run_setup_reported(const RunSpec *spec)
{
    if (spec->method.reported[0] != '\0') return spec->method.reported;
    return spec->method.averaging.n > 0 ? spec->method.averaging.items[0] : "raw";
}

MUST_USE static bool check_average(const RunSetup *s, const Averaging *a, Err *err)
{
    const MethodSpec *m = &s->spec->method;
    if (a->needs_validation && m->full_data) {
        return err_set(err, ERR_FORMAT,
                       "method.averaging: %s needs validation images, expected none of its kind "
                       "with method.full_data",
                       a->name);
    }
    if (a->at_the_end && m->auto_lr && str_equal(a->name, run_setup_reported(s->spec))) {
        return err_set(err, ERR_FORMAT,
                       "method.auto_lr: found true, expected false or another method.reported than "
                       "%s, which is there only at the end",
                       a->name);
    }
    return true;
}

/* Who needs the sources' out splits? NULL: nobody. */
static const char *validation_needed_by(const RunSetup *s)
{
    if (s->stages.auto_lr) return "method.auto_lr";
    if (s->stages.full_data) return "method.full_data";
    for (int i = 0; i < s->learner_options.n_averagings; i++) {
        if (s->learner_options.averagings[i]->needs_validation) return "method.averaging";
    }
    return NULL;
}

MUST_USE static bool check_validation(const RunSetup *s, Err *err)
{
    for (int i = 0; i < s->learner_options.n_averagings; i++) {
        if (!check_average(s, s->learner_options.averagings[i], err)) return false;
    }
    const char *key = validation_needed_by(s);
    for (int i = 0; key != NULL && i < s->n_sources; i++) {
        if (s->splits[s->source_ids[i]].n_out > 0) continue;
        return err_set(err, ERR_FORMAT,
                       "%s: source domain %s has no validation images, expected some (see "
                       "data.holdout_fraction)",
                       key, s->dataset->domains[s->source_ids[i]]);
    }
    return true;
}

MUST_USE static bool make_learner(RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    if (!str_equal(spec->method.adapter, "none")) {
        return unknown_name(err, "method.adapter", spec->method.adapter, (const char *[]){"none"},
                            1);
    }
    LearnerOptions *o = &s->learner_options;
    *o = (LearnerOptions){
        .net = {.name = spec->net.name,
                .size = (int)spec->data.image_size,
                .channels = s->dataset->channels,
                .n_classes = s->dataset->n_classes,
                .dropout = spec->net.dropout,
                .seed = (uint64_t)spec->seed},
        .init_path = spec->net.init,
        .freeze_batch_norm = spec->method.batch_norm == BATCH_NORM_FROZEN,
        .head_only = spec->method.trainable == TRAIN_HEAD,
        .optim = optimizer_of(&spec->method),
        .sam_rho = spec->method.sam_rho,
        .average_batch_norm = average_batch_norm_of(&spec->method),
        .warm_start = warm_start_of(&spec->method),
        .label_smoothing = spec->method.label_smoothing,
        .threads = s->pool,
        .seed = (uint64_t)spec->seed,
    };
    s->stages = stages_of(spec);
    return set_objective(o, s, err) && set_averagings(o, s, err) && set_schedule(s, err) &&
           check_validation(s, err) &&
           learner_new(&s->learner, o, err);
}

/* Memory of n images, judged by what one image per source takes: walked with all of them, tensors
 * of a batch that is far too large would have more elements than a tensor may have. */
MUST_USE static bool check_memory(const RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    Learner *l = s->learner;
    int64_t state = (int64_t)learner_state_bytes(l);
    int64_t step = (int64_t)learner_plan_update(l, s->n_sources, s->n_sources).peak_bytes;
    int64_t evaluation = (int64_t)learner_plan_predict(l, 1).peak_bytes;
    char what[128];
    snprintf(what, sizeof what, "%s: one step of %lld images", spec->net.name,
             s->n_sources * (long long)spec->data.batch_size);
    if (!environment_check_memory(state + step * spec->data.batch_size, what, err)) return false;
    snprintf(what, sizeof what, "%s: evaluating %lld images at a time", spec->net.name,
             (long long)spec->eval.batch_size);
    return environment_check_memory(state + evaluation * spec->eval.batch_size, what, err);
}

bool run_setup_learner(RunSetup *s, Err *err)
{
    return make_learner(s, err) && check_memory(s, err);
}

static int loader_workers(const RunSetup *s)
{
    if (s->spec->data.workers > 0) return (int)s->spec->data.workers;
    return s->n_threads > 1 ? s->n_threads : 0;
}

MUST_USE static bool make_loader(RunSetup *s, Err *err)
{
    const DataSpec *data = &s->spec->data;
    LoaderSource *sources = arena_alloc(s->arena, (size_t)s->n_sources, sizeof *sources);
    for (int i = 0; i < s->n_sources; i++) {
        const DomainSplit *split = &s->splits[s->source_ids[i]];
        sources[i] = (LoaderSource){s->source_ids[i], split->in, split->n_in};
    }
    LoaderOptions options = {
        .input = s->input,
        .augment = s->augment,
        .batch_size = (int)data->batch_size,
        .without_replacement = !data->replacement,
        .class_balanced = data->class_balanced,
        .seed = (uint64_t)s->spec->seed,
        .n_workers = loader_workers(s),
    };
    return loader_new(&s->loader, s->dataset, sources, s->n_sources, &options, err);
}

bool run_setup_engine(RunSetup *s, Err *err)
{
    if (!make_loader(s, err)) return false;
    s->evaluator = evaluator_new(&(EvaluatorOptions){
        .dataset = s->dataset,
        .input = s->input,
        .batch_size = (int)s->spec->eval.batch_size,
        .threads = s->pool,
    });
    return true;
}

/* ---- stages ---- */

void run_setup_full_data(RunSetup *s)
{
    for (int i = 0; i < s->n_sources; i++) {
        DomainSplit *split = &s->splits[s->source_ids[i]];
        int *all = arena_alloc(s->arena, (size_t)split->n_in + (size_t)split->n_out, sizeof *all);
        memcpy(all, split->in, (size_t)split->n_in * sizeof *all);
        memcpy(all + split->n_in, split->out, (size_t)split->n_out * sizeof *all);
        split->in = all;
        split->n_in += split->n_out;
        split->n_out = 0;
    }
}

bool run_setup_restart(RunSetup *s, Err *err)
{
    Learner *fresh;
    if (!learner_new(&fresh, &s->learner_options, err)) return false;
    learner_free(s->learner);
    s->learner = fresh;
    loader_free(s->loader);
    s->loader = NULL;
    return make_loader(s, err);
}

double run_setup_train_flops(const RunSetup *s, int64_t n_updates)
{
    const RunSpec *spec = s->spec;
    int n = s->n_sources * (int)spec->data.batch_size;
    double flops = learner_plan_flops(s->learner, n, s->n_sources, n_updates);
    int64_t n_after = n_updates - spec->method.averaging_start;
    if (s->learner_options.average_batch_norm != AVERAGE_BN_REFRESH || n_after <= 0) return flops;
    double refreshed = (double)(n_after / spec->train.checkpoint_freq + 1) *
                       (double)spec->method.averaging_bn_batches * s->learner_options.n_averagings;
    return flops + refreshed * learner_plan_predict(s->learner, n).forward_flops;
}

void run_setup_close(RunSetup *s)
{
    evaluator_free(s->evaluator);
    loader_free(s->loader);
    learner_free(s->learner);
    dataset_close(s->dataset);
    thread_pool_free(s->pool);
    arena_free(s->arena);
    *s = (RunSetup){0};
}
