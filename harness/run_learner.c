/* From the spec to a learner: what it trains, how, and whether it can. */
#include "environment.h"
#include "run_adapter.h"
#include "run_names.h"
#include "run_setup.h"
#include "run_weights.h"
#include "str.h"

#include <stdio.h>

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
    if (!run_find_objective(&o->objective, spec->method.objective, err)) return false;
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
        if (!run_find_averaging(&o->averagings[i], names->items[i], err)) return false;
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
    if (!run_find_schedule(&kind, s->spec->method.schedule, err)) return false;
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

static NetTrainable trainable_of(const MethodSpec *m)
{
    static const NetTrainable kinds[] = {[TRAIN_ALL] = NET_TRAIN_ALL,
                                         [TRAIN_HEAD] = NET_TRAIN_HEAD,
                                         [TRAIN_ATTENTION] = NET_TRAIN_ATTENTION,
                                         [TRAIN_ADAPTER] = NET_TRAIN_ADAPTER,
                                         [TRAIN_NONE] = NET_TRAIN_NONE};
    return kinds[m->trainable];
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

int64_t run_setup_most_updates(const RunSpec *spec)
{
    StagesOptions options = stages_of(spec);
    return stages_most_updates(&options);
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

/* What the text tower says of the classes, before anything is trained: a prompt that is too long,
 * or a missing tokenizer, shows at once. */
MUST_USE static bool ask_text_tower(RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    bool zero_shot = spec->net.head == HEAD_ZERO_SHOT;
    if (s->planning || (!zero_shot && !spec->eval.alignment)) return true;
    if (!run_model_classes(&s->classes, spec, s->dataset, s->pool, s->arena, err)) return false;
    if (zero_shot) s->learner_options.net.classifier = run_model_classifier(&s->classes, s->arena);
    return true;
}

MUST_USE static bool make_learner(RunSetup *s, Err *err)
{
    const RunSpec *spec = s->spec;
    LearnerOptions *o = &s->learner_options;
    *o = (LearnerOptions){
        .net = {.name = spec->net.name,
                .size = (int)spec->data.image_size,
                .channels = s->dataset->channels,
                .n_classes = s->dataset->n_classes,
                .dropout = spec->net.dropout,
                .seed = (uint64_t)spec->seed,
                .model = s->model,
                .from_scratch = !spec->net.pretrained,
                .normalise = spec->net.head == HEAD_ZERO_SHOT},
        .init_path = spec->net.init,
        .freeze_batch_norm = spec->method.batch_norm == BATCH_NORM_FROZEN,
        .trainable = trainable_of(&spec->method),
        .optim = optimizer_of(&spec->method),
        .sam_rho = spec->method.sam_rho,
        .average_batch_norm = average_batch_norm_of(&spec->method),
        .warm_start = warm_start_of(&spec->method),
        .label_smoothing = spec->method.label_smoothing,
        .accumulate = (int)spec->train.accumulate,
        .threads = s->pool,
        .seed = (uint64_t)spec->seed,
    };
    s->stages = stages_of(spec);
    if (!s->without_adapter && !run_adapter_set(o, spec, s->arena, err)) return false;
    if (!s->without_adapter && !run_adapter_load_set(o, spec, s->model, s->arena, err))
        return false;
    return set_objective(o, s, err) && set_averagings(o, s, err) && set_schedule(s, err) &&
           check_validation(s, err) && ask_text_tower(s, err) && learner_new(&s->learner, o, err);
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

/* How often running statistics of averages are estimated anew within so many updates after
 * averaging_start. */
static double count_refreshes(const RunSetup *s, int64_t n_after)
{
    const LearnerOptions *o = &s->learner_options;
    int64_t n_checkpoints = n_after / s->spec->train.checkpoint_freq + 1, n = 0;
    for (int i = 0; i < o->n_averagings; i++) {
        const Averaging *a = o->averagings[i];
        bool reported = str_equal(a->name, run_setup_reported(s->spec));
        int64_t every = reported ? 1 : s->spec->eval.averages_every;
        n += a->at_the_end ? 1 : (n_checkpoints + every - 1) / every;
    }
    return (double)n;
}

double run_setup_train_flops(const RunSetup *s, int64_t n_updates)
{
    const RunSpec *spec = s->spec;
    int n = s->n_sources * (int)spec->data.batch_size;
    double flops = learner_plan_flops(s->learner, n, s->n_sources, n_updates);
    int64_t n_after = n_updates - spec->method.averaging_start;
    if (s->learner_options.average_batch_norm != AVERAGE_BN_REFRESH || n_after <= 0) return flops;
    int64_t n_batches = spec->method.averaging_bn_batches;
    double refreshed =
        count_refreshes(s, n_after) * (double)(n_batches < n_updates ? n_batches : n_updates);
    return flops + refreshed * learner_plan_predict(s->learner, n).forward_flops;
}
