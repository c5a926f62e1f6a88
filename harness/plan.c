/* Counting, looking up, costing; and the sums over runs. */
#include "plan.h"

#include "descriptor.h"
#include "file.h"
#include "run_setup.h"
#include "run_time.h"
#include "trainer.h"

#include <stdlib.h>

/* Trials x draws of a row that are looked at one by one; more are taken to be like the first. */
enum { MAX_DRAWS = 4096 };

/* ---- datasets ---- */

static TextList copy_names(const char *const *names, int n, Arena *arena)
{
    TextList list = {.n = n};
    list.items = arena_alloc(arena, (size_t)n, sizeof *list.items);
    for (int i = 0; i < n; i++) list.items[i] = arena_strdup(arena, names[i]);
    return list;
}

/* Domains of a dataset whose images are not here. */
static bool read_descriptor(PlanDataset *out, const RunSpec *spec, Arena *arena, const Err *missing)
{
    Descriptor *d = NULL;
    Err ignored = {0};
    if (!descriptor_load(&d, spec->dataset, NULL, file_cache_dir(arena), arena, &ignored))
        return false;
    const TextList *names = d->domain_names.n > 0 ? &d->domain_names : &d->domains;
    out->domains = *names;
    out->place = arena_strdup(arena, missing->text);
    return names->n > 0;
}

static bool open_dataset(Plan *plan, int i, ThreadPool *pool, Err *err)
{
    RunSpec spec;
    PlanDataset *out = &plan->datasets[i];
    if (!experiment_dataset(&spec, plan->experiment, i, plan->arena, err)) return false;
    *out = (PlanDataset){.name = spec.dataset};
    if (i == 0 && file_exists(spec.results)) plan->results = spec.results;
    if (i == 0 && spec.train.threads > 0) plan->n_threads = (int)spec.train.threads;
    DatasetOptions options = {.root = spec.data.root[0] != '\0' ? spec.data.root : NULL,
                              .pool = pool};
    if (dataset_open(&out->data, spec.dataset, &options, err)) {
        out->domains = copy_names(out->data->domains, out->data->n_domains, plan->arena);
        return true;
    }
    out->data = NULL;
    return err->code == ERR_NOT_FOUND && read_descriptor(out, &spec, plan->arena, err);
}

static bool open_datasets(Plan *plan, TextList *domains, Err *err)
{
    ThreadPool *pool = thread_pool_new(thread_count_online());
    bool ok = true;
    for (int i = 0; ok && i < experiment_n_datasets(plan->experiment); i++) {
        ok = open_dataset(plan, i, pool, err);
        domains[i] = plan->datasets[i].domains;
    }
    thread_pool_free(pool);
    return ok;
}

bool plan_open(Plan *out, const Experiment *e, int n_jobs, Arena *arena, Err *err)
{
    size_t n = (size_t)experiment_n_datasets(e);
    *out = (Plan){.experiment = e, .n_jobs = n_jobs, .n_threads = 1, .arena = arena};
    out->datasets = arena_alloc(arena, n, sizeof *out->datasets);
    TextList *domains = arena_alloc(arena, n, sizeof *domains);
    if (open_datasets(out, domains, err) && experiment_count(&out->count, e, domains, arena, err)) {
        return true;
    }
    plan_close(out);
    return false;
}

void plan_close(Plan *plan)
{
    for (int i = 0; i < experiment_n_datasets(plan->experiment); i++) {
        dataset_close(plan->datasets[i].data);
        plan->datasets[i].data = NULL;
    }
}

/* ---- what a row costs ---- */

/* Sources and evaluated images, averaged over the sets of each kind. Splits are taken to hold out
 * the same share of every domain, which whole concepts do only nearly. */
static void average_sets(const Plan *plan, PlanRow *row)
{
    const ExperimentSets *sets = &plan->count.datasets[row->dataset];
    const Dataset *data = plan->datasets[row->dataset].data;
    const RunSpec *spec = &row->spec;
    double n_all = data->n_images, share_in = 1 - spec->data.holdout_fraction;
    int n[N_SET_KINDS] = {sets->n_single, sets->n - sets->n_single};
    for (int s = 0; s < sets->n; s++) {
        const TextList *set = &sets->sets[s];
        SetKind kind = set->n == 1 ? SET_SINGLE : SET_LARGER;
        double n_held = 0;
        for (int i = 0; i < set->n; i++) {
            int d = dataset_find_domain(data, set->items[i]);
            if (d >= 0) n_held += data->first[d + 1] - data->first[d];
        }
        double n_in = share_in * (spec->eval.source_train ? n_all : n_held);
        row->n_sources[kind] += (double)(data->n_domains - set->n) / n[kind];
        row->eval_images[kind] += ((1 - share_in) * n_all + n_in) * row->cost.n_variants / n[kind];
    }
}

static PlanDraw draw_of(const Plan *plan, const PlanRow *row, const RunSpec *spec)
{
    const ExperimentSets *sets = &plan->count.datasets[row->dataset];
    const TrainSpec *first = &row->spec.train;
    double n_stages = (double)row->cost.n_checkpoints /
                      (double)trainer_n_checkpoints(first->steps, first->checkpoint_freq);
    return (PlanDraw){
        .train_images = n_stages * (double)spec->train.steps * (double)spec->data.batch_size,
        .n_checkpoints = n_stages * (double)trainer_n_checkpoints(spec->train.steps,
                                                                  spec->train.checkpoint_freq),
        .n_left = {sets->n_single, sets->n - sets->n_single},
    };
}

/* Hyper-parameters that are drawn (a batch size) change what a run costs. */
static bool read_draws(Plan *plan, PlanRow *row, Err *err)
{
    const ExperimentCount *count = &plan->count;
    int64_t n = count->trials * count->hparams;
    row->draws_differ = n <= MAX_DRAWS;
    row->draws = arena_alloc(plan->arena, row->draws_differ ? (size_t)n : 1, sizeof *row->draws);
    row->draws[0] = draw_of(plan, row, &row->spec);
    Arena *scratch = arena_new();
    ExperimentPick pick = {row->dataset, row->method, &row->spec.held_out, 0, 0};
    bool ok = true;
    for (int64_t i = 1; row->draws_differ && ok && i < n; i++) {
        RunSpec spec;
        pick.trial = i / count->hparams;
        pick.draw = i % count->hparams;
        ok = experiment_run(&spec, plan->experiment, &pick, scratch, err);
        if (ok) row->draws[i] = draw_of(plan, row, &spec);
    }
    arena_free(scratch);
    return ok;
}

static bool cost_row(Plan *plan, PlanRow *row, Err *err)
{
    const ExperimentSets *sets = &plan->count.datasets[row->dataset];
    ExperimentPick pick = {row->dataset, row->method, &sets->sets[0], 0, 0};
    if (!experiment_run(&row->spec, plan->experiment, &pick, plan->arena, err)) return false;
    if (plan->datasets[row->dataset].data == NULL) return true;
    if (!run_plan(&row->cost, &row->spec, err) || !read_draws(plan, row, err)) return false;
    average_sets(plan, row);
    row->is_known = true;
    return true;
}

/* ---- what is stored ---- */

static int row_of(const Plan *plan, const RunSpec *spec)
{
    int d = 0, m = 0;
    while (!str_equal(plan->datasets[d].name, spec->dataset)) d++;
    while (!str_equal(plan->count.methods[m], spec->method.label)) m++;
    return d * plan->count.n_methods + m;
}

static bool look_up(Plan *plan, Db *db, const RunSpec *spec, Err *err)
{
    PlanRow *row = &plan->rows[row_of(plan, spec)];
    const Dataset *data = plan->datasets[row->dataset].data;
    char key[SHA256_HEX_SIZE];
    bool stored = false;
    if (data == NULL) return true; /* its fingerprint is not known, so neither is the key */
    if (!run_setup_key(key, spec, data->fingerprint, err)) return false;
    if (!run_is_stored(db, &stored, key, err)) return false;
    if (!stored) return true;
    int64_t draw = spec->hparams_seed - plan->count.hparams_from;
    int64_t i = row->draws_differ ? spec->trial * plan->count.hparams + draw : 0;
    row->draws[i].n_left[spec->held_out.n == 1 ? SET_SINGLE : SET_LARGER]--;
    plan->n_stored[row->dataset]++;
    return true;
}

static bool look_up_all(Plan *plan, Err *err)
{
    const ExperimentCount *count = &plan->count;
    size_t n = (size_t)count->n_datasets;
    if (count->n_runs > EXPERIMENT_MAX_RUNS && plan->results != NULL) return true;
    if (count->trials * count->hparams > MAX_DRAWS && plan->results != NULL) return true;
    plan->n_stored = arena_alloc(plan->arena, n, sizeof *plan->n_stored);
    if (plan->results == NULL) return true;
    TextList *domains = arena_alloc(plan->arena, n, sizeof *domains);
    for (size_t i = 0; i < n; i++) domains[i] = plan->datasets[i].domains;
    Arena *scratch = arena_new();
    RunSpec *runs;
    int n_runs = 0;
    Db *db = NULL;
    bool ok = results_open(&db, plan->results, err) &&
              experiment_runs(&runs, &n_runs, plan->experiment, domains, scratch, err);
    for (int i = 0; ok && i < n_runs; i++) ok = look_up(plan, db, &runs[i], err);
    results_close(db);
    arena_free(scratch);
    return ok;
}

bool plan_cost(Plan *plan, Err *err)
{
    const ExperimentCount *count = &plan->count;
    int n = count->n_datasets * count->n_methods;
    plan->rows = arena_alloc(plan->arena, (size_t)n, sizeof *plan->rows);
    for (plan->n_rows = 0; plan->n_rows < n; plan->n_rows++) {
        PlanRow *row = &plan->rows[plan->n_rows];
        row->dataset = plan->n_rows / count->n_methods;
        row->method = plan->n_rows % count->n_methods;
        if (!cost_row(plan, row, err)) return false;
    }
    return look_up_all(plan, err);
}

/* ---- sums ---- */

const PlanDraw *plan_draw(const Plan *plan, const PlanRow *row, int64_t trial, int64_t draw)
{
    return &row->draws[row->draws_differ ? trial * plan->count.hparams + draw : 0];
}

static double train_images(const PlanRow *row, const PlanDraw *draw, SetKind kind)
{
    return draw->train_images * row->n_sources[kind];
}

static double eval_images(const PlanRow *row, const PlanDraw *draw, SetKind kind)
{
    return draw->n_checkpoints * row->eval_images[kind];
}

double plan_run_flops(const PlanRow *row, const PlanDraw *draw, SetKind kind)
{
    const RunPlan *cost = &row->cost;
    double per_eval_image =
        cost->eval_images > 0 ? cost->eval_flops / (double)cost->eval_images : 0;
    return train_images(row, draw, kind) * cost->step_flops / cost->step_images +
           eval_images(row, draw, kind) * per_eval_image;
}

double plan_run_seconds(const PlanRow *row, const PlanDraw *draw, SetKind kind)
{
    return train_images(row, draw, kind) * row->time.train_seconds_per_image +
           eval_images(row, draw, kind) * row->time.eval_seconds_per_image;
}

static void add_draw(PlanSum *sum, const PlanRow *row, const PlanDraw *draw, SetKind kind,
                     int64_t times)
{
    int64_t n = draw->n_left[kind] * times;
    if (n == 0) return;
    double seconds = plan_run_seconds(row, draw, kind);
    sum->n_left += n;
    sum->flops += (double)n * plan_run_flops(row, draw, kind);
    sum->seconds += (double)n * seconds;
    if (seconds > sum->longest_seconds) sum->longest_seconds = seconds;
}

PlanSum plan_sum(const Plan *plan, const PlanRow *row, BudgetPart part)
{
    PlanSum sum = {0};
    SetKind last = part.larger_sets ? SET_LARGER : SET_SINGLE;
    if (!row->is_known) return sum;
    for (SetKind kind = SET_SINGLE; kind <= last; kind++) {
        if (!row->draws_differ) {
            add_draw(&sum, row, &row->draws[0], kind, part.trials * part.draws);
            continue;
        }
        for (int64_t t = 0; t < part.trials; t++) {
            for (int64_t h = 0; h < part.draws; h++) {
                add_draw(&sum, row, plan_draw(plan, row, t, h), kind, 1);
            }
        }
    }
    return sum;
}

BudgetPart plan_whole(const Plan *plan)
{
    BudgetPart whole = {plan->count.hparams, plan->count.trials, false};
    for (int d = 0; d < plan->count.n_datasets; d++) {
        whole.larger_sets |= plan->count.datasets[d].n > plan->count.datasets[d].n_single;
    }
    return whole;
}

double plan_wall_seconds(const Plan *plan, const PlanSum *sum)
{
    double spread = sum->seconds / plan->n_jobs;
    return spread > sum->longest_seconds ? spread : sum->longest_seconds;
}
