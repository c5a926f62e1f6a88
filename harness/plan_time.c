/* Seconds per image: from runs that were made, or from a few steps made now. */
#include "bench.h"
#include "environment.h"
#include "file.h"
#include "plan.h"
#include "run_time.h"

/* Work of one measured step: enough for a stable rate, over in a second on a slow core. */
#define MEASURED_FLOPS 3e10

/* From finished runs of the same dataset, method, network, thread count and processor. */
static bool time_from_runs(const Plan *plan, PlanRow *row, Db *db, Err *err)
{
    Environment here;
    RunTime found = {0};
    environment_read(&here);
    RunTimeQuery query = {
        .fingerprint = plan->datasets[row->dataset].data->fingerprint,
        .method = plan->count.methods[row->method],
        .net = row->spec.net.name,
        .model = row->spec.net.model,
        .image_size = row->cost.image_size,
        .cpu = here.cpu,
        .threads = plan->n_threads,
    };
    if (!run_time_find(&found, db, &query, err)) return false;
    if (found.n_runs == 0) return true;
    row->time = (PlanTime){
        .train_seconds_per_image = found.train_seconds_per_image,
        .eval_seconds_per_image = found.eval_seconds_per_image,
        .source = arena_printf(plan->arena, "mean of %d run%s in %s", found.n_runs,
                               found.n_runs > 1 ? "s" : "", file_base_name(plan->results)),
    };
    return true;
}

static bool same_work(const PlanRow *a, const PlanRow *b)
{
    return a->is_known && str_equal(a->spec.net.name, b->spec.net.name) &&
           a->cost.image_size == b->cost.image_size && a->cost.channels == b->cost.channels &&
           a->cost.step_images == b->cost.step_images && a->cost.step_flops == b->cost.step_flops &&
           a->cost.eval_flops == b->cost.eval_flops;
}

/* Full steps on random images: loading images is not in it. */
static bool measure(const Plan *plan, PlanRow *row, const ModelDir *model, Err *err)
{
    const RunPlan *cost = &row->cost;
    double per_image = cost->step_flops / cost->step_images;
    double n = MEASURED_FLOPS / per_image;
    int batch = n < 4 ? 4 : (int)n;
    if (n > cost->step_images || batch > cost->step_images) batch = cost->step_images;
    BenchOptions options = {.net = row->spec.net.name,
                            .model = model,
                            .size = (int)cost->image_size,
                            .channels = cost->channels,
                            .n_classes = cost->n_classes,
                            .batch = batch,
                            .threads = plan->n_threads,
                            .warm_up = 1,
                            .steps = 3};
    BenchResult bench;
    if (!bench_training(&bench, &options, err)) return false;
    double n_eval = (double)cost->eval_images;
    row->time = (PlanTime){
        .train_seconds_per_image = per_image / (bench.gflops * 1e9),
        .eval_seconds_per_image = n_eval > 0 ? cost->eval_flops / n_eval / (bench.gflops * 1e9) : 0,
        .source =
            arena_printf(plan->arena, "steps of %d images now: %.1f GFLOP/s", batch, bench.gflops),
    };
    return true;
}

static bool measure_once(const Plan *plan, int i, Err *err)
{
    for (int k = 0; k < i; k++) {
        if (!same_work(&plan->rows[k], &plan->rows[i]) || plan->rows[k].time.source == NULL)
            continue;
        plan->rows[i].time = plan->rows[k].time;
        return true;
    }
    ModelDir *model = NULL;
    const char *folder = plan->rows[i].spec.net.model;
    if (folder[0] != '\0' && !model_dir_open(&model, folder, err)) return false;
    bool ok = measure(plan, &plan->rows[i], model, err);
    model_dir_close(model);
    return ok;
}

bool plan_time(Plan *plan, bool force, bool needed, Err *err)
{
    Db *db = NULL;
    if (!force && plan->results != NULL && !results_open(&db, plan->results, err)) return false;
    bool ok = true;
    for (int i = 0; ok && i < plan->n_rows; i++) {
        PlanRow *row = &plan->rows[i];
        if (!row->is_known) continue;
        if (db != NULL) ok = time_from_runs(plan, row, db, err);
        if (ok && row->time.source == NULL && (force || needed)) ok = measure_once(plan, i, err);
    }
    results_close(db);
    return ok;
}
