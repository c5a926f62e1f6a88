/* The specs that come out of an experiment. */
#include "experiment_file.h"
#include "held_out.h"
#include "hparam_grid.h"
#include "protocols.h"
#include "run_layers.h"

#include <string.h>

static bool apply_set(Document *doc, const Experiment *e, const YamlNode *set, Arena *arena,
                      Err *err)
{
    return set == NULL || schema_read(&e->keys->schema, doc, set, e->place, arena, err);
}

/* What comes after the draws: the method's own settings, its point of the grid, then --set. */
static bool apply_last(Document *doc, const Experiment *e, const Entry *method, Arena *arena,
                       Err *err)
{
    if (!apply_set(doc, e, method->set, arena, err)) return false;
    if (method->grid != NULL) {
        int64_t n = hparam_grid_points(method->grid), point = doc->spec.hparams_seed;
        if (point < 0 || point >= n)
            return err_set(err, ERR_FORMAT, "%s: hparams_seed: found %lld, expected 0 to %lld",
                           e->place, (long long)point, (long long)n - 1);
        if (!apply_set(doc, e, hparam_grid_point(method->grid, point, arena), arena, err))
            return false;
    }
    for (int i = 0; i < e->n_sets; i++) {
        if (!schema_set(&e->schema, doc, e->sets[i], arena, err)) return false;
    }
    doc->spec.method.recipe = arena_strdup(arena, method->name);
    doc->spec.method.label = arena_strdup(arena, method->label);
    return true;
}

/* What the file says is drawn, else what its protocol draws for the dataset. */
static HparamRules draw_rules(const Experiment *e, const Entry *dataset, Arena *arena)
{
    const Protocol *protocol = protocol_find(e->doc.spec.protocol);
    if (e->doc.draw != NULL || protocol == NULL) return e->rules;
    HparamRules rules;
    hparams_preset(&rules, protocol_draw(protocol, dataset->name), arena);
    return rules;
}

/* Everything that the runs of one dataset and method have in common, before draws. */
static bool base_spec(Document *out, const Experiment *e, const Entry *dataset, const Entry *method,
                      Arena *arena, Err *err)
{
    RunLayers layers = {.map = e->root,
                        .place = e->place,
                        .recipe = method->name,
                        .protocol = e->doc.spec.protocol,
                        .dataset = dataset->name};
    if (!run_layers_apply(out, &e->schema, e->keys, &layers, arena, err) ||
        !apply_set(out, e, dataset->set, arena, err) || !apply_last(out, e, method, arena, err)) {
        return false;
    }
    out->spec.dataset = arena_strdup(arena, dataset->name);
    out->spec.protocol = e->doc.spec.protocol;
    out->rules = method->grid != NULL ? (HparamRules){0} : draw_rules(e, dataset, arena);
    return run_spec_finish(&out->spec, e->place, arena, err);
}

/* Draws for the trial and hyper-parameter seed that doc has, under what comes after draws. */
static bool draw_spec(Document *doc, const Experiment *e, const Entry *method, Arena *arena,
                      Err *err)
{
    if (doc->spec.hparams_seed == 0) return true; /* base_spec's: no draw, the grid's point 0 */
    RunSpec swept = doc->spec;
    if (!hparams_apply(&doc->spec, &doc->rules, arena, err) ||
        !apply_last(doc, e, method, arena, err)) {
        return false;
    }
    doc->spec.dataset = swept.dataset;
    doc->spec.held_out = swept.held_out;
    doc->spec.trial = swept.trial;
    doc->spec.hparams_seed = swept.hparams_seed;
    doc->spec.seed = swept.seed;
    return run_spec_finish(&doc->spec, e->place, arena, err);
}

bool experiment_single(RunSpec *out, const Experiment *e, Arena *arena, Err *err)
{
    const RunSpec *own = &e->doc.spec;
    const char *label = own->method.label[0] != '\0' ? own->method.label : own->method.recipe;
    Entry method = {own->method.recipe, label, NULL, e->doc.grid},
          dataset = {own->dataset, own->dataset, NULL, NULL};
    for (int i = 0; i < e->datasets.n; i++) {
        bool is_only = e->datasets.n == 1 && own->dataset[0] == '\0';
        if (is_only || str_equal(e->datasets.items[i].name, own->dataset)) {
            dataset = e->datasets.items[i];
        }
    }
    Document doc;
    if (!base_spec(&doc, e, &dataset, &method, arena, err) ||
        !draw_spec(&doc, e, &method, arena, err) ||
        !run_spec_check_ready(&doc.spec, e->place, err)) {
        return false;
    }
    *out = doc.spec;
    return true;
}

int experiment_n_datasets(const Experiment *e)
{
    return e->datasets.n;
}

bool experiment_dataset(RunSpec *out, const Experiment *e, int i, Arena *arena, Err *err)
{
    check(i >= 0 && i < e->datasets.n, "dataset %d of %d", i, e->datasets.n);
    Document doc;
    if (!base_spec(&doc, e, &e->datasets.items[i], &e->methods.items[0], arena, err)) return false;
    if (doc.spec.dataset[0] == '\0') {
        return err_set(err, ERR_FORMAT, "%s: dataset: found nothing, expected a dataset's name",
                       e->place);
    }
    *out = doc.spec;
    return true;
}

/* ==== All runs ==== */

/* A dataset given by path counts by its last part, without ".yaml": a moved folder is the same
 * dataset. */
static void add_dataset(Sha256 *sha, const char *dataset)
{
    size_t end = strlen(dataset);
    while (end > 1 && dataset[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && dataset[begin - 1] != '/') begin--;
    if (end - begin > 5 && memcmp(dataset + end - 5, ".yaml", 5) == 0) end -= 5;
    sha256_add(sha, dataset + begin, end - begin);
    sha256_add(sha, "", 1);
}

int64_t experiment_seed(const RunName *name)
{
    Str numbers = {0};
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, "dgbench seed 1");
    str_addf(&numbers, "%lld", (long long)name->base);
    sha256_add_str(sha, str_text(&numbers));
    add_dataset(sha, name->dataset);
    sha256_add_str(sha, name->label);
    str_clear(&numbers);
    str_addf(&numbers, "%lld %lld", (long long)name->hparams_seed, (long long)name->trial);
    sha256_add_str(sha, str_text(&numbers));
    str_done(&numbers);
    for (int i = 0; i < name->held_out.n; i++) sha256_add_str(sha, name->held_out.items[i]);
    uint8_t digest[SHA256_BYTES];
    sha256_done(sha, digest);
    uint32_t first = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                     (uint32_t)digest[2] << 8 | digest[3];
    return first & 0x7fffffffu;
}

static bool is_set_of(const char *set, const char *key)
{
    size_t n = strlen(key);
    return strncmp(set, key, n) == 0 && set[n] == '=';
}

/* A --set of a grid's key would make all its points the same. */
static bool check_grid_sets(const Experiment *e, const YamlNode *grid, Err *err)
{
    for (int k = 0; grid != NULL && k < grid->n_items; k++) {
        for (int i = 0; i < e->n_sets; i++) {
            if (!is_set_of(e->sets[i], grid->keys[k])) continue;
            return err_set(err, ERR_USAGE, "--set %s: the grid gives this key out itself",
                           e->sets[i]);
        }
    }
    return true;
}

/* A --set of a key that the sweep gives out would be lost without a word. */
static bool check_sets(const Experiment *e, Err *err)
{
    const struct {
        const char *key;
        bool swept;
        const char *instead;
    } keys[] = {
        {"trial=", true, "sweep.trials"},
        {"hparams_seed=", true, "sweep.hparams_from"},
        {"held_out=", e->doc.held_out != NULL, "sweep.held_out"},
        {"method.recipe=", e->doc.methods != NULL, "sweep.methods"},
        {"method.label=", e->doc.methods != NULL, "sweep.methods"},
        {"dataset=", e->doc.datasets != NULL, "datasets"},
    };
    for (int m = 0; m < e->methods.n; m++) {
        if (!check_grid_sets(e, e->methods.items[m].grid, err)) return false;
    }
    for (int i = 0; i < e->n_sets; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            if (!keys[k].swept || !str_starts_with(e->sets[i], keys[k].key)) continue;
            return err_set(err, ERR_USAGE,
                           "--set %s: the sweep gives this key out itself, expected %s=...",
                           e->sets[i], keys[k].instead);
        }
    }
    return true;
}

/* The sets of held-out domains of dataset d. */
static bool sets_of(HeldOutSets *out, const Experiment *e, int d, const TextList *domains,
                    Arena *arena, Err *err)
{
    const Entry *dataset = &e->datasets.items[d];
    Document base;
    if (!base_spec(&base, e, dataset, &e->methods.items[0], arena, err)) return false;
    HeldOutQuery query = {e->doc.held_out, base.spec.held_out, dataset->name, *domains, e->place};
    return held_out_sets(out, &query, arena, err);
}

static void add_count(ExperimentCount *count, const char *dataset, const HeldOutSets *sets)
{
    ExperimentSets *out = &count->datasets[count->n_datasets++];
    *out = (ExperimentSets){.dataset = dataset, .sets = sets->items, .n = sets->n};
    for (int i = 0; i < sets->n; i++) out->n_single += sets->items[i].n == 1;
    out->n_runs = (int64_t)sets->n * count->n_methods * count->trials * count->hparams;
    count->n_runs += out->n_runs;
}

/* At most 1000 datasets x 1000 methods x 80,200 sets x 1000 trials x 10,000 draws: fits. */
bool experiment_count(ExperimentCount *out, const Experiment *e, const TextList *domains,
                      Arena *arena, Err *err)
{
    if (!check_sets(e, err)) return false;
    size_t n_datasets = (size_t)e->datasets.n, n_methods = (size_t)e->methods.n;
    ExperimentCount count = {.n_methods = e->methods.n,
                             .trials = e->doc.trials,
                             .hparams = e->doc.hparams,
                             .hparams_from = e->doc.hparams_from};
    count.datasets = arena_alloc(arena, n_datasets, sizeof *count.datasets);
    const char **labels = arena_alloc(arena, n_methods, sizeof *labels);
    for (int m = 0; m < e->methods.n; m++) labels[m] = e->methods.items[m].label;
    count.methods = labels;
    for (int d = 0; d < e->datasets.n; d++) {
        HeldOutSets sets;
        if (!sets_of(&sets, e, d, &domains[d], arena, err)) return false;
        add_count(&count, e->datasets.items[d].name, &sets);
    }
    *out = count;
    return true;
}

/* One run: base is what it has in common with the others of its dataset and method. */
static bool make_run(RunSpec *out, const Experiment *e, const Document *base,
                     const ExperimentPick *pick, Arena *arena, Err *err)
{
    Document doc = *base;
    RunSpec *spec = &doc.spec;
    spec->trial = pick->trial;
    spec->hparams_seed = e->doc.hparams_from + pick->draw;
    spec->held_out = *pick->held_out;
    RunName name = {spec->seed,     spec->dataset,      spec->method.label,
                    spec->held_out, spec->hparams_seed, spec->trial};
    spec->seed = experiment_seed(&name);
    if (!draw_spec(&doc, e, &e->methods.items[pick->method], arena, err) ||
        !run_spec_check_ready(spec, e->place, err)) {
        return false;
    }
    *out = *spec;
    return true;
}

bool experiment_run(RunSpec *out, const Experiment *e, const ExperimentPick *pick, Arena *arena,
                    Err *err)
{
    const Entry *dataset = &e->datasets.items[pick->dataset];
    const Entry *method = &e->methods.items[pick->method];
    Document base;
    return base_spec(&base, e, dataset, method, arena, err) &&
           make_run(out, e, &base, pick, arena, err);
}

typedef struct {
    const Experiment *e;
    ExperimentCount count;
    Document *bases; /* n_datasets x n_methods */
    const TextList *domains;
    RunSpec *runs;
    int n;
    Arena *arena;
} Plan;

static Document *base_of(const Plan *plan, int dataset, int method)
{
    return plan->bases + (size_t)dataset * (size_t)plan->e->methods.n + (size_t)method;
}

static bool prepare(Plan *plan, Err *err)
{
    const Experiment *e = plan->e;
    if (!experiment_count(&plan->count, e, plan->domains, plan->arena, err)) return false;
    if (plan->count.n_runs > EXPERIMENT_MAX_RUNS) {
        return err_set(err, ERR_FORMAT, "%s: the sweep has %lld runs, expected at most %d",
                       e->place, (long long)plan->count.n_runs, EXPERIMENT_MAX_RUNS);
    }
    size_t n_bases = (size_t)e->datasets.n * (size_t)e->methods.n;
    plan->bases = arena_alloc(plan->arena, n_bases, sizeof *plan->bases);
    plan->runs = arena_alloc(plan->arena, (size_t)plan->count.n_runs, sizeof *plan->runs);
    for (int d = 0; d < e->datasets.n; d++) {
        for (int m = 0; m < e->methods.n; m++) {
            const Entry *dataset = &e->datasets.items[d], *method = &e->methods.items[m];
            if (!base_spec(base_of(plan, d, m), e, dataset, method, plan->arena, err)) return false;
        }
    }
    return true;
}

/* One run per hyper-parameter seed for what pick names otherwise. */
static bool add_runs(Plan *plan, ExperimentPick pick, Err *err)
{
    const Experiment *e = plan->e;
    const Document *base = base_of(plan, pick.dataset, pick.method);
    const TextList *domains = &plan->domains[pick.dataset];
    for (pick.draw = 0; pick.draw < e->doc.hparams; pick.draw++) {
        RunSpec *run = &plan->runs[plan->n++];
        if (!make_run(run, e, base, &pick, plan->arena, err) ||
            !run_spec_check_domains(run, domains, e->place, err)) {
            return false;
        }
    }
    return true;
}

bool experiment_runs(RunSpec **out, int *n_out, const Experiment *e, const TextList *domains,
                     Arena *arena, Err *err)
{
    Plan plan = {.e = e, .domains = domains, .arena = arena};
    if (!prepare(&plan, err)) return false;
    int n_jobs = e->datasets.n * e->methods.n;
    for (int64_t trial = 0; trial < e->doc.trials; trial++) {
        for (int job = 0; job < n_jobs; job++) {
            ExperimentPick pick = {
                .dataset = job / e->methods.n, .method = job % e->methods.n, .trial = trial};
            const ExperimentSets *sets = &plan.count.datasets[pick.dataset];
            for (int s = 0; s < sets->n; s++) {
                pick.held_out = &sets->sets[s];
                if (!add_runs(&plan, pick, err)) return false;
            }
        }
    }
    check(plan.n == plan.count.n_runs, "%d runs made, %lld counted", plan.n,
          (long long)plan.count.n_runs);
    *out = plan.runs;
    *n_out = plan.n;
    return true;
}
