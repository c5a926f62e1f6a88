/* The runs of an experiment against the results that are there. */
#include "sweep_plan.h"

#include "dataset.h"
#include "mem.h"
#include "run_setup.h"

#include <stdlib.h>

typedef struct {
    const Experiment *experiment;
    Dataset **datasets; /* [n_datasets] */
    const char **names; /* as the experiment names them */
    TextList *domains;
    int n_datasets;
    Arena *arena;
} Opened;

static TextList domain_names(const Dataset *dataset, Arena *arena)
{
    TextList list = {.n = dataset->n_domains};
    list.items = arena_alloc(arena, (size_t)list.n, sizeof *list.items);
    for (int i = 0; i < list.n; i++) list.items[i] = arena_strdup(arena, dataset->domains[i]);
    return list;
}

static bool open_dataset(Opened *o, int i, ThreadPool *pool, Err *err)
{
    RunSpec spec;
    if (!experiment_dataset(&spec, o->experiment, i, o->arena, err)) return false;
    DatasetOptions options = {.root = spec.data.root[0] ? spec.data.root : NULL, .pool = pool};
    if (!dataset_open(&o->datasets[i], spec.dataset, &options, err)) return false;
    o->names[i] = spec.dataset;
    o->domains[i] = domain_names(o->datasets[i], o->arena);
    return true;
}

static bool open_datasets(Opened *o, const Experiment *e, Arena *arena, Err *err)
{
    size_t n = (size_t)experiment_n_datasets(e);
    *o = (Opened){.experiment = e, .n_datasets = (int)n, .arena = arena};
    o->datasets = arena_alloc(arena, n, sizeof(Dataset *));
    o->names = arena_alloc(arena, n, sizeof(char *));
    o->domains = arena_alloc(arena, n, sizeof *o->domains);
    ThreadPool *pool = thread_pool_new(thread_count_online());
    bool ok = true;
    for (int i = 0; i < o->n_datasets && ok; i++) ok = open_dataset(o, i, pool, err);
    thread_pool_free(pool);
    return ok;
}

static void close_datasets(Opened *o)
{
    for (int i = 0; i < o->n_datasets; i++) dataset_close(o->datasets[i]);
}

static const Dataset *dataset_of(const Opened *o, const RunSpec *spec)
{
    int i = 0;
    while (!str_equal(o->names[i], spec->dataset)) i++;
    return o->datasets[i];
}

static const char *run_name(const Opened *o, const RunSpec *spec)
{
    Str text = {0};
    if (o->n_datasets > 1) str_addf(&text, "%s, ", spec->dataset);
    str_addf(&text, "%s, held out ", spec->method.label);
    for (int i = 0; i < spec->held_out.n; i++) {
        str_addf(&text, "%s%s", i > 0 ? "+" : "", spec->held_out.items[i]);
    }
    str_addf(&text, ", trial %lld", (long long)spec->trial);
    if (spec->hparams_seed > 0) str_addf(&text, ", draw %lld", (long long)spec->hparams_seed);
    const char *name = arena_strdup(o->arena, str_text(&text));
    str_done(&text);
    return name;
}

static bool look_up(SweepRun *run, Store *store, Err *err)
{
    int64_t id = 0;
    if (store == NULL) return true;
    if (!store_run_find(store, &run->status, &id, run->key, err)) return false;
    return !sweep_run_is_stored(run) || store_run_list(store, id, run->spec->name, err);
}

static bool list_runs(SweepPlan *out, const Opened *o, Store *store, Err *err)
{
    RunSpec *specs;
    int n;
    if (!experiment_runs(&specs, &n, o->experiment, o->domains, o->arena, err)) return false;
    SweepPlan plan = {.n_runs = n};
    plan.runs = arena_alloc(o->arena, (size_t)n, sizeof *plan.runs);
    for (int i = 0; i < n; i++) {
        SweepRun *run = &plan.runs[i];
        *run = (SweepRun){.spec = &specs[i], .name = run_name(o, &specs[i]), .status = RUN_ABSENT};
        const char *fingerprint = dataset_of(o, &specs[i])->fingerprint;
        if (!run_setup_key(run->key, run->spec, fingerprint, err)) return false;
        if (!look_up(run, store, err)) return false;
        plan.n_stored += sweep_run_is_stored(run);
    }
    *out = plan;
    return true;
}

bool sweep_plan_make(SweepPlan *out, const Experiment *e, const char *results, Arena *arena,
                     Err *err)
{
    Opened o;
    Store *store = NULL;
    bool ok = open_datasets(&o, e, arena, err) &&
              (results == NULL || store_open(&store, results, err)) &&
              list_runs(out, &o, store, err);
    store_close(store);
    close_datasets(&o);
    return ok;
}

bool sweep_run_is_stored(const SweepRun *run)
{
    return run->status == RUN_DONE || run->status == RUN_DIVERGED;
}
