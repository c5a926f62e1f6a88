/* A merge is set up like a run with the settings of its first member, and evaluated like one. */
#include "weight_merge.h"

#include "batch_norm_refresh.h"
#include "clock.h"
#include "environment.h"
#include "file.h"
#include "mem.h"
#include "params_file.h"
#include "run_adapter.h"
#include "run_setup.h"
#include "run_store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_KEY = 16 }; /* digits of the key in folder names */

typedef struct {
    const MemberRun *members;
    int n;
    const WeightMergeOptions *options;
    Arena *arena;
    RunSpec *specs;     /* [n] */
    const char **paths; /* [n] their weights */
    RunSpec spec;       /* of the merge */
    RunSetup setup;
    Store *store;
    StoreRun *run;
    double *sum; /* [params_size] of the weights merged so far */
    int n_merged;
} Merge;

/* ---- members ---- */

static const char *output_of(const Merge *m, const RunSpec *spec)
{
    return m->options->output != NULL ? m->options->output : spec->output;
}

MUST_USE static bool read_member(Merge *m, int i, Err *err)
{
    const MemberRun *member = &m->members[i];
    if (!run_spec_from_json(&m->specs[i], m->options->keys, member->spec_json, m->arena, err))
        return err_context(err, "run %.*s", SHORT_KEY, member->key);
    const char *folder =
        arena_printf(m->arena, "%s/runs/%.*s", output_of(m, &m->specs[i]), SHORT_KEY, member->key);
    m->paths[i] = file_join(m->arena, folder, "model-raw.safetensors");
    if (file_exists(m->paths[i])) return true; /* beside those of an average */
    m->paths[i] = file_join(m->arena, folder, "model.safetensors");
    if (file_exists(m->paths[i])) return true;
    return err_set(err, ERR_NOT_FOUND,
                   "run %.*s: no weights in %s, expected some: runs keep them when they are made "
                   "with train.save=last (or --output says where they are)",
                   SHORT_KEY, member->key, m->paths[i]);
}

/* The dataset that was opened, and the file of net.init, are the ones that the run was made with.
 */
MUST_USE static bool check_key(const Merge *m, int i, Err *err)
{
    char key[SHA256_HEX_SIZE];
    if (!run_setup_key(key, &m->specs[i], m->setup.dataset->fingerprint, err)) return false;
    if (str_equal(key, m->members[i].key)) return true;
    return err_set(err, ERR_FORMAT,
                   "run %.*s: its settings give another key now: %s is not what it was", SHORT_KEY,
                   m->members[i].key,
                   m->specs[i].net.init[0] != '\0' ? m->specs[i].net.init : "the dataset");
}

MUST_USE static bool check_same_inputs(const Merge *m, int i, Err *err)
{
    const RunSpec *a = &m->specs[0], *b = &m->specs[i];
    if (a->net.head != b->net.head) {
        return err_set(err, ERR_FORMAT,
                       "run %.*s: another net.head than run %.*s, expected features of one kind",
                       SHORT_KEY, m->members[i].key, SHORT_KEY, m->members[0].key);
    }
    if (str_equal(a->net.name, b->net.name) && a->data.image_size == b->data.image_size)
        return true;
    return err_set(err, ERR_FORMAT, "run %.*s: %s at %lld pixels, expected %s at %lld as run %.*s",
                   SHORT_KEY, m->members[i].key, b->net.name, (long long)b->data.image_size,
                   a->net.name, (long long)a->data.image_size, SHORT_KEY, m->members[0].key);
}

/* ---- the same initial weights ---- */

MUST_USE static bool initial_digest(uint8_t out[SHA256_BYTES], const Merge *m, int i, Err *err)
{
    NetOptions options = m->setup.learner_options.net;
    RunSpec *spec = &m->specs[i];
    ModelDir *model;
    Net *net = NULL;
    if (!run_model_open(&model, spec, m->arena, err)) return false;
    options.seed = (uint64_t)spec->seed;
    options.model = model;
    options.from_scratch = !spec->net.pretrained;
    bool made = net_new(&net, &options, err);
    model_dir_close(model);
    if (!made) return false;
    bool ok = spec->net.init[0] == '\0' || net_load(net, spec->net.init, err);
    Params *params = net_params(net);
    if (ok) digest_sha256(out, params_values(params), params_size(params) * sizeof(Real));
    net_free(net);
    return ok;
}

MUST_USE static bool check_initialisation(const Merge *m, Err *err)
{
    uint8_t first[SHA256_BYTES], other[SHA256_BYTES];
    if (!initial_digest(first, m, 0, err)) return false;
    for (int i = 1; i < m->n; i++) {
        if (!initial_digest(other, m, i, err)) return false;
        if (memcmp(first, other, sizeof first) == 0) continue;
        return err_set(err, ERR_FORMAT,
                       "runs %.*s and %.*s began with other weights, expected one initialisation: "
                       "a file in net.init that holds the classifier too, or one seed (--ensemble "
                       "merges any)",
                       SHORT_KEY, m->members[0].key, SHORT_KEY, m->members[i].key);
    }
    return true;
}

/* ---- means ---- */

MUST_USE static bool load_member(Merge *m, int i, Err *err)
{
    SafeTensors *f;
    if (!safetensors_open(&f, m->paths[i], err)) return false;
    bool ok = params_load(learner_params(m->setup.learner), f, NULL, err);
    safetensors_close(f);
    return ok;
}

/* The weights in use become the mean of those merged so far and member i, which is loaded. */
MUST_USE static bool use_mean_with(Merge *m, int i, Err *err)
{
    Params *params = learner_params(m->setup.learner);
    if (!load_member(m, i, err)) return false;
    Real *w = params_values(params);
    for (size_t k = 0; k < params_size(params); k++)
        w[k] = (Real)((m->sum[k] + (double)w[k]) / (m->n_merged + 1));
    return true;
}

MUST_USE static bool keep_member(Merge *m, int i, Err *err)
{
    Params *params = learner_params(m->setup.learner);
    if (!load_member(m, i, err)) return false;
    for (size_t k = 0; k < params_size(params); k++) m->sum[k] += (double)params_values(params)[k];
    m->n_merged++;
    return true;
}

MUST_USE static bool refresh(Merge *m, Err *err)
{
    return batch_norm_refresh(m->setup.learner, m->setup.loader, 0,
                              m->spec.method.averaging_bn_batches, err);
}

/* Mean over the source domains of their out split's accuracy. */
MUST_USE static bool validate(double *out, Merge *m, Err *err)
{
    const RunSetup *s = &m->setup;
    double sum = 0;
    for (int i = 0; i < s->n_sources; i++) {
        const DomainSplit *split = &s->splits[s->source_ids[i]];
        Prediction *p = mem_alloc((size_t)split->n_out, sizeof *p);
        bool ok = evaluator_predict(s->evaluator, s->learner, p, split->out, split->n_out, err);
        if (ok) sum += metrics_of(p, split->n_out, s->dataset->n_classes).accuracy;
        free(p);
        if (!ok) return false;
    }
    *out = sum / s->n_sources;
    return true;
}

/* Rame et al. 2022, Algorithm 1, restricted selection. */
MUST_USE static bool choose_greedily(Merge *m, Err *err)
{
    double best = -1, accuracy;
    for (int i = 0; i < m->n; i++) {
        if (!use_mean_with(m, i, err) || !refresh(m, err) || !validate(&accuracy, m, err))
            return false;
        if (accuracy < best) continue;
        best = accuracy;
        if (!keep_member(m, i, err)) return false;
    }
    return true;
}

MUST_USE static bool choose_all(Merge *m, Err *err)
{
    for (int i = 0; i < m->n; i++) {
        if (!keep_member(m, i, err)) return false;
    }
    return true;
}

MUST_USE static bool use_merged(Merge *m, Err *err)
{
    Params *params = learner_params(m->setup.learner);
    m->sum = mem_alloc(params_size(params), sizeof *m->sum);
    bool greedy = m->options->kind == MERGE_GREEDY;
    if (!(greedy ? choose_greedily(m, err) : choose_all(m, err))) return false;
    for (size_t k = 0; k < params_size(params); k++)
        params_values(params)[k] = (Real)(m->sum[k] / m->n_merged);
    return refresh(m, err);
}

/* ---- ensembles ---- */

/* Sum of the members' logits: EoA (Arpit et al. 2022, EoA.py), argmax of the sum. */
static bool predict_ensemble(void *context, Prediction *out, const int *images, int n, Err *err)
{
    Merge *m = context;
    const RunSetup *s = &m->setup;
    int k = s->dataset->n_classes;
    float *sums = mem_alloc((size_t)n * (size_t)k, sizeof *sums);
    bool ok = true;
    for (int i = 0; ok && i < m->n; i++) {
        ok = load_member(m, i, err) &&
             evaluator_add_logits(s->evaluator, s->learner, sums, images, n, err);
    }
    for (int i = 0; ok && i < n; i++)
        out[i] =
            prediction_of(sums + (size_t)i * (size_t)k, k, s->dataset->images[images[i]].label);
    free(sums);
    return ok;
}

/* ---- the run ---- */

MUST_USE static bool save_weights(const Merge *m, Err *err)
{
    if (m->options->kind == MERGE_ENSEMBLE) return true;
    char *folder =
        arena_printf(m->arena, "%s/runs/%.*s", output_of(m, &m->spec), SHORT_KEY, m->setup.key);
    return file_make_dirs(folder, err) &&
           params_save(learner_params(m->setup.learner),
                       file_join(m->arena, folder, "model.safetensors"), err);
}

MUST_USE static bool evaluate(Merge *m, double begin, Err *err)
{
    RunEvaluation evaluation = {.step = m->spec.train.steps - 1, .stage = "", .validated_step = -1};
    if (m->options->kind == MERGE_ENSEMBLE) {
        evaluation.predictor = predict_ensemble;
        evaluation.predictor_context = m;
        m->n_merged = m->n;
    } else if (!use_merged(m, err)) {
        return false;
    }
    if (!run_store_evaluate(m->run, &m->setup, &evaluation, err)) return false;
    store_train_log(m->run, evaluation.step, "merged_runs", m->n_merged);
    if (!store_checkpoint_commit(m->run, evaluation.step, err) || !save_weights(m, err))
        return false;
    const Params *params = learner_params(m->setup.learner);
    StoreCost cost = {.eval_seconds = clock_seconds() - begin,
                      .peak_bytes = environment_peak_bytes(),
                      .n_parameters = (int64_t)params_learned_size(params),
                      .n_trainable = (int64_t)params_trainable_size(params),
                      .n_inference = run_adapter_n_inference(m->setup.learner)};
    return store_run_finish(m->run, RUN_DONE, NULL, &cost, err);
}

/* Stored already, or made now: the key follows from the members alone. */
MUST_USE static bool find_or_make(WeightMergeResult *out, Merge *m, double begin, Err *err)
{
    RunStatus status;
    int64_t dataset;
    if (!store_open(&m->store, m->options->results, err)) return false;
    if (!run_store_dataset(m->store, &dataset, m->setup.dataset, err)) return false;
    if (!store_run_find(m->store, &status, NULL, m->setup.key, err)) return false;
    memcpy(out->key, m->setup.key, sizeof out->key);
    out->was_stored = status == RUN_DONE;
    if (out->was_stored) return true;
    if (!run_setup_engine(&m->setup, err) ||
        !run_store_begin(&m->run, m->store, &m->setup, dataset, STORE_FRESH, err))
        return false;
    if (!evaluate(m, begin, err)) return false;
    out->n_merged = m->n_merged;
    return true;
}

/* The first member's settings, without what happens only along a trajectory. */
static void make_spec(Merge *m)
{
    RunSpec *spec = &m->spec;
    *spec = m->specs[0];
    spec->method.label = arena_strdup(m->arena, m->options->label);
    spec->method.averaging.n = 0;
    spec->method.reported = arena_strdup(m->arena, "");
    spec->method.auto_lr = spec->method.full_data = spec->eval.alignment = false;
    spec->merge.kind = (int)m->options->kind;
    spec->merge.members = (TextList){arena_alloc(m->arena, (size_t)m->n, sizeof(char *)), m->n};
    for (int i = 0; i < m->n; i++)
        spec->merge.members.items[i] = arena_strdup(m->arena, m->members[i].key);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

MUST_USE static bool check_members(Merge *m, Err *err)
{
    for (int i = 0; i < m->n; i++) {
        if (!check_key(m, i, err) || !check_same_inputs(m, i, err)) return false;
        if (m->options->kind != MERGE_GREEDY || isfinite(m->members[i].source_accuracy)) continue;
        return err_set(err, ERR_FORMAT,
                       "run %.*s has no validation of its last weights, which --greedy goes by",
                       SHORT_KEY, m->members[i].key);
    }
    return m->options->kind == MERGE_ENSEMBLE || check_initialisation(m, err);
}

MUST_USE static bool merge_members(WeightMergeResult *out, Merge *m, Err *err)
{
    double begin = clock_seconds();
    for (int i = 0; i < m->n; i++) {
        if (!read_member(m, i, err)) return false;
    }
    make_spec(m);
    qsort(m->spec.merge.members.items, (size_t)m->n, sizeof(char *), compare_texts);
    if (!run_setup_open(&m->setup, &m->spec, err)) return false;
    m->setup.without_adapter = true; /* what members saved is merged with theirs */
    return run_setup_learner(&m->setup, err) && check_members(m, err) &&
           find_or_make(out, m, begin, err);
}

bool weight_merge(WeightMergeResult *out, const MemberRun *members, int n,
                  const WeightMergeOptions *options, Err *err)
{
    check(options->kind != MERGE_NONE, "a merge of kind none");
    if (n < 2) {
        return err_set(err, ERR_FORMAT, "%s, held out %s, trial %lld: %d run, expected two or more",
                       members[0].dataset, members[0].held_out, (long long)members[0].trial, n);
    }
    Merge m = {.members = members, .n = n, .options = options, .arena = arena_new()};
    m.specs = arena_alloc(m.arena, (size_t)n, sizeof *m.specs);
    m.paths = arena_alloc(m.arena, (size_t)n, sizeof *m.paths);
    *out = (WeightMergeResult){0};
    bool ok = merge_members(out, &m, err);
    free(m.sum);
    store_run_free(m.run);
    store_close(m.store);
    if (m.setup.arena != NULL) run_setup_close(&m.setup);
    arena_free(m.arena);
    return ok;
}
