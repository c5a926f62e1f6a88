/* Dataset, splits, loader, evaluator; the learner is made in run_learner.c. */
#include "run_setup.h"

#include "file_digest.h"
#include "peft_dir.h"
#include "rng.h"
#include "run_names.h"
#include "str.h"

#include <string.h>

/* ---- domains and data ---- */

MUST_USE static bool find_domains(RunSetup *s, Err *err)
{
    const Dataset *d = s->dataset;
    s->held_out = arena_alloc(s->arena, (size_t)d->n_domains, sizeof *s->held_out);
    for (int i = 0; i < s->spec->held_out.n; i++) {
        const char *name = s->spec->held_out.items[i];
        int domain = dataset_find_domain(d, name);
        if (domain < 0) return run_unknown_name(err, "held_out", name, d->domains, d->n_domains);
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

/* spec: what the model directory says is filled in. */
MUST_USE static bool make_key(char out[SHA256_HEX_SIZE], const RunSpec *spec, const ModelDir *model,
                              const char *dataset_fingerprint, Err *err)
{
    char init_digest[SHA256_HEX_SIZE], model_digest[SHA256_HEX_SIZE];
    char adapter_digest[SHA256_HEX_SIZE];
    bool has_adapter = spec->method.adapter_load[0] != '\0';
    bool has_init = spec->net.init[0] != '\0';
    if (has_init && !file_digest(init_digest, spec->net.init, err))
        return err_context(err, "net.init");
    if (model != NULL && !run_model_digest(model_digest, model, err))
        return err_context(err, "net.model");
    if (has_adapter && !peft_dir_digest(adapter_digest, spec->method.adapter_load, err))
        return err_context(err, "method.adapter_load");
    RunWeights weights = {has_init ? init_digest : NULL, model != NULL ? model_digest : NULL,
                          has_adapter ? adapter_digest : NULL};
    run_key(out, spec, dataset_fingerprint, weights);
    return true;
}

bool run_setup_key(char out[SHA256_HEX_SIZE], const RunSpec *spec, const char *dataset_fingerprint,
                   Err *err)
{
    Arena *arena = arena_new();
    RunSpec filled = *spec;
    ModelDir *model = NULL;
    bool ok = run_model_open(&model, &filled, arena, err) &&
              make_key(out, &filled, model, dataset_fingerprint, err);
    model_dir_close(model);
    arena_free(arena);
    return ok;
}

MUST_USE static bool open_parts(RunSetup *s, Err *err)
{
    RunSpec *filled = arena_alloc(s->arena, 1, sizeof *filled);
    *filled = *s->spec;
    if (!run_model_open(&s->model, filled, s->arena, err)) return false;
    const RunSpec *spec = s->spec = filled;
    DatasetOptions options = {.root = spec->data.root[0] != '\0' ? spec->data.root : NULL,
                              .pool = s->pool};
    if (!dataset_open(&s->dataset, spec->dataset, &options, err)) return false;
    s->input = run_model_input(spec, s->dataset->channels);
    s->augment = augment_of(spec);
    return find_domains(s, err) && make_splits(s, err) &&
           make_key(s->key, spec, s->model, s->dataset->fingerprint, err);
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

void run_setup_close(RunSetup *s)
{
    evaluator_free(s->evaluator);
    loader_free(s->loader);
    learner_free(s->learner);
    dataset_close(s->dataset);
    model_dir_close(s->model);
    thread_pool_free(s->pool);
    arena_free(s->arena);
    *s = (RunSetup){0};
}
