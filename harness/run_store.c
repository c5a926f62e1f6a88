/* Translation between the run's parts and the store's plain rows. */
#include "run_store.h"

#include "environment.h"
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- dataset ---- */

bool run_store_dataset(Store *store, int64_t *out, const Dataset *dataset, Err *err)
{
    StoreImage *images = mem_alloc((size_t)dataset->n_images, sizeof *images);
    for (int i = 0; i < dataset->n_images; i++) {
        const DatasetImage *image = &dataset->images[i];
        images[i] = (StoreImage){
            .domain = image->domain,
            .class_index = image->label,
            .path = image->path,
            .concept = image->concept[0] != '\0' ? image->concept : NULL,
            .sha256 = dataset_content(dataset, i),
        };
    }
    StoreDataset info = {
        .name = dataset->name,
        .fingerprint = dataset->fingerprint,
        .domains = dataset->domains,
        .n_domains = dataset->n_domains,
        .classes = dataset->classes,
        .class_texts = dataset->class_texts,
        .n_classes = dataset->n_classes,
        .images = images,
        .n_images = dataset->n_images,
    };
    bool ok = store_dataset(store, out, &info, err);
    free(images);
    return ok;
}

/* ---- experiment ---- */

bool run_store_experiment(Store *store, const RunSpec *spec, Err *err)
{
    StoreExperiment experiment = {
        .name = spec->name,
        .protocol = spec->protocol,
        .selection = RUN_SELECTIONS[spec->eval.selection],
        .scored = RUN_SCORED[spec->eval.scored],
        .stderr_of = RUN_STDERRS[spec->eval.stderr_of],
    };
    return store_experiment(store, &experiment, err);
}

/* ---- run ---- */

/* Hyper-parameters: what a tuned table may differ in. */
static bool is_hparam(const char *key)
{
    return str_starts_with(key, "method.") || str_equal(key, "data.batch_size") ||
           str_equal(key, "net.dropout");
}

static int collect_hparams(StoreHparam *out, const RunSpec *spec, Arena *arena)
{
    const Schema *schema = &spec->keys->schema;
    int n = 0;
    for (int i = 0; i < schema->n_rows; i++) {
        if (!is_hparam(schema->rows[i].key)) continue;
        Str value = {0};
        schema_value_text(&schema->rows[i], spec, &value);
        out[n++] = (StoreHparam){schema->rows[i].key, arena_strdup(arena, str_text(&value))};
        str_done(&value);
    }
    return n;
}

bool run_store_begin(StoreRun **out, Store *store, const RunSetup *setup, int64_t dataset,
                     int64_t resume_step, Err *err)
{
    const RunSpec *spec = setup->spec;
    Environment environment;
    environment_read(&environment);
    StoreHparam *hparams =
        arena_alloc(setup->arena, (size_t)spec->keys->schema.n_rows, sizeof *hparams);
    Str json = {0};
    run_spec_json(spec, &json);
    StoreRunInfo info = {
        .key = setup->key,
        .experiment = spec->name,
        .method = spec->method.label,
        .variant = run_setup_reported(spec),
        .split_rule = SPLIT_KIND_NAMES[spec->data.split],
        .protocol = spec->protocol,
        .spec_json = str_text(&json),
        .dataset = dataset,
        .held_out = setup->held_out_ids,
        .n_held_out = setup->n_held_out,
        .sources = setup->source_ids,
        .n_sources = setup->n_sources,
        .trial = spec->trial,
        .hparams_seed = spec->hparams_seed,
        .seed = spec->seed,
        .steps = stages_most_updates(&setup->stages),
        .threads = setup->n_threads,
        .hparams = hparams,
        .n_hparams = collect_hparams(hparams, spec, setup->arena),
        .environment = {environment.version, environment.commit, environment.compiler,
                        environment.blas, environment.cpu, environment.cores},
    };
    bool ok = store_run_begin(store, out, &info, resume_step, err);
    str_done(&json);
    return ok;
}

/* ---- evaluation ---- */

enum { VARIANT_NAME_SIZE = 64 };

typedef struct {
    char variant[VARIANT_NAME_SIZE];
    char validated[VARIANT_NAME_SIZE]; /* "": validated by itself */
} VariantNames;

/* One set of weights, under all the names that it has: an average that has not begun is the raw
 * weights, and predicting with them once is enough. */
typedef struct {
    StoreRun *run;
    const RunSetup *setup;
    const RunEvaluation *what;
    VariantNames names[RUN_MAX_VARIANTS];
    int n_names;
    double accuracy, nll; /* sums over the sources' out splits */
    int n_validated;
} Evaluation;

static void add_name(Evaluation *e, int variant)
{
    VariantNames *names = &e->names[e->n_names++];
    const char *name = learner_variant_name(e->setup->learner, variant);
    snprintf(names->variant, sizeof names->variant, "%s%s", e->what->stage, name);
    if (e->what->validated_step >= 0)
        snprintf(names->validated, sizeof names->validated, RUN_FIRST_STAGE "%s", name);
}

static Validation validation_of(const Evaluation *e)
{
    int n = e->setup->n_sources;
    if (e->n_validated < n) return (Validation){NAN, NAN};
    return (Validation){e->accuracy / n, e->nll / n};
}

static void add_validation(Evaluation *e, int domain, const char *split, const Metrics *m)
{
    if (e->setup->held_out[domain] || !str_equal(split, "out")) return;
    e->accuracy += m->accuracy;
    e->nll += m->nll;
    e->n_validated++;
}

static void keep_rows(Evaluation *e, int domain, const char *split, const int *images,
                      const Prediction *predictions, int n)
{
    const RunSetup *s = e->setup;
    Metrics m = metrics_of(predictions, n, s->dataset->n_classes);
    add_validation(e, domain, split, &m);
    StoreEval row = {
        .step = e->what->step,
        .domain = domain,
        .split = split,
        .n = m.n,
        .correct = m.correct,
        .nll = m.nll,
        .ece = m.ece,
        .macro_accuracy = m.macro_accuracy,
        .worst_class_accuracy = m.worst_class_accuracy,
        .validated_step = e->what->validated_step,
    };
    bool with_outcomes = s->held_out[domain] && s->spec->eval.outcomes == OUTCOMES_ALL;
    StoreOutcome *outcomes = NULL;
    if (with_outcomes) {
        outcomes = mem_alloc((size_t)n, sizeof *outcomes);
        for (int i = 0; i < n; i++) {
            outcomes[i] =
                (StoreOutcome){images[i], predictions[i].predicted, predictions[i].confidence};
        }
    }
    for (int i = 0; i < e->n_names; i++) {
        const VariantNames *names = &e->names[i];
        row.variant = names->variant;
        row.validated_variant = names->validated[0] != '\0' ? names->validated : NULL;
        store_eval(e->run, &row, outcomes, with_outcomes ? n : 0);
    }
    free(outcomes);
}

MUST_USE static bool evaluate_split(Evaluation *e, int domain, const char *split, const int *images,
                                    int n, Err *err)
{
    if (n == 0) return true;
    Prediction *predictions = mem_alloc((size_t)n, sizeof *predictions);
    const RunEvaluation *what = e->what;
    bool ok = what->predictor != NULL
                  ? what->predictor(what->predictor_context, predictions, images, n, err)
                  : evaluator_predict(e->setup->evaluator, e->setup->learner, predictions, images,
                                      n, err);
    if (ok) keep_rows(e, domain, split, images, predictions, n);
    free(predictions);
    return ok;
}

/* Source images may be augmented: the same pixels for all variants of a step, others at the next.
 */
static void choose_transform(const Evaluation *e, int domain)
{
    const RunSetup *s = e->setup;
    bool augmented = s->spec->eval.source_transform == SOURCE_AUGMENTED && !s->held_out[domain];
    RngStream draws = rng_stream((uint64_t)s->spec->seed, "evaluate");
    evaluator_augment(s->evaluator, augmented ? s->augment : AUGMENT_NONE,
                      rng_sub(draws, (uint64_t)e->what->step));
}

MUST_USE static bool evaluate_domain(Evaluation *e, int domain, Err *err)
{
    const RunSetup *s = e->setup;
    const DomainSplit *split = &s->splits[domain];
    bool with_in = s->held_out[domain] || s->spec->eval.source_train;
    choose_transform(e, domain);
    if (with_in && !evaluate_split(e, domain, "in", split->in, split->n_in, err)) return false;
    return evaluate_split(e, domain, "out", split->out, split->n_out, err) &&
           evaluate_split(e, domain, "uda", split->uda, split->n_uda, err);
}

static bool is_waiting(const RunEvaluation *what, const Learner *l, int variant)
{
    return !what->done[variant] && learner_variant_is_ready(l, variant);
}

/* Evaluates a variant, and with the raw weights all averages that are still their copies. */
MUST_USE static bool evaluate_variant(StoreRun *run, const RunSetup *setup, RunEvaluation *what,
                                      int variant, Err *err)
{
    Learner *l = setup->learner;
    Evaluation e = {.run = run, .setup = setup, .what = what};
    bool same[RUN_MAX_VARIANTS] = {false};
    for (int v = variant; v < learner_n_variants(l); v++) {
        bool copy = variant == 0 && learner_variant_is_raw(l, v);
        same[v] = v == variant || (copy && is_waiting(what, l, v));
        if (same[v]) add_name(&e, v);
    }
    learner_use_variant(l, variant);
    bool ok = true;
    for (int d = 0; ok && d < setup->dataset->n_domains; d++) ok = evaluate_domain(&e, d, err);
    learner_use_variant(l, 0);
    for (int v = variant; v < learner_n_variants(l); v++) {
        if (!same[v]) continue;
        what->validation[v] = validation_of(&e);
        what->done[v] = true;
    }
    return ok;
}

bool run_store_evaluate(StoreRun *run, const RunSetup *setup, RunEvaluation *evaluation, Err *err)
{
    Learner *l = setup->learner;
    bool ok = true;
    for (int v = 0; ok && v < learner_n_variants(l); v++) {
        if (is_waiting(evaluation, l, v)) ok = evaluate_variant(run, setup, evaluation, v, err);
    }
    return ok;
}
