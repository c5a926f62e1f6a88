/* `dgbench plan`: what an experiment would cost, before anything runs. */
#include "bench.h"
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "open_experiment.h"
#include "run.h"
#include "sweep_plan.h"
#include "thread_pool.h"

static void print_runs(const SweepPlan *plan, const RunSpec *spec)
{
    printf("runs                    %d (%d stored already)\n", plan->n_runs, plan->n_stored);
    printf("network                 %s at %lld pixels\n", spec->net.name,
           (long long)spec->data.image_size);
}

static void print_cost(const RunPlan *cost, const RunSpec *spec, int n_left)
{
    printf("parameters              %.3f million, %.3f million of them trained\n",
           (double)cost->n_parameters / 1e6, (double)cost->n_trainable / 1e6);
    printf("images of a run         %d to train on, %d of the target\n", cost->n_source_images,
           cost->n_target_images);
    printf("FLOPs per step          %.3f billion (%lld steps)\n", cost->step_flops / 1e9,
           (long long)spec->train.steps);
    printf("FLOPs per evaluation    %.3f billion (%d evaluations)\n", cost->eval_flops / 1e9,
           cost->n_checkpoints);
    printf("FLOPs per run           %.3f trillion\n", cost->total_flops / 1e12);
    printf("FLOPs of the runs left  %.3f trillion\n", cost->total_flops * n_left / 1e12);
    printf("peak memory of a run    %.1f MiB (of which a step's tape %.1f MiB)\n",
           (double)cost->total_peak_bytes / 0x1p20, (double)cost->step_peak_bytes / 0x1p20);
}

/* Times a few steps on random images; loading images is not in it. */
static bool print_time(const RunPlan *cost, const RunSpec *spec, int n_left, Err *err)
{
    int threads = spec->train.threads > 0 ? (int)spec->train.threads : 1;
    BenchOptions options = {.net = spec->net.name,
                            .size = (int)spec->data.image_size,
                            .channels = cost->channels,
                            .n_classes = cost->n_classes,
                            .batch = cost->step_images,
                            .threads = threads,
                            .warm_up = 1,
                            .steps = 3};
    BenchResult bench;
    if (!bench_training(&bench, &options, err)) return false;
    double seconds = cost->total_flops / (bench.gflops * 1e9);
    int at_once = thread_count_online() / threads > 0 ? thread_count_online() / threads : 1;
    printf("measured                %.1f ms per step, %.1f GFLOP/s, %d thread%s\n",
           1e3 * bench.seconds, bench.gflops, threads, threads > 1 ? "s" : "");
    char one[32], all[32];
    clock_format(one, sizeof one, seconds);
    clock_format(all, sizeof all, seconds * n_left / at_once);
    printf("time of a run           about %s; of the runs left, %d at once: about %s\n", one,
           at_once, all);
    return true;
}

static bool plan_all(const OpenExperiment *e, bool measure, Err *err)
{
    RunSpec first;
    SweepPlan plan;
    if (!experiment_dataset(&first, e->experiment, 0, e->arena, err)) return false;
    const char *results = file_exists(first.results) ? first.results : NULL;
    if (!sweep_plan_make(&plan, e->experiment, results, e->arena, err)) return false;
    const RunSpec *spec = plan.runs[0].spec;
    int n_left = plan.n_runs - plan.n_stored;
    print_runs(&plan, spec);
    RunPlan cost;
    if (!run_plan(&cost, spec, err)) return false;
    print_cost(&cost, spec, n_left);
    return !measure || print_time(&cost, spec, n_left, err);
}

static bool run_plan_command(const Args *args, Err *err)
{
    static const OptionKey keys[] = {{"results", "results", false}, {0}};
    OpenExperiment e;
    if (!open_experiment(&e, args, keys, err)) return false;
    bool ok = plan_all(&e, args_has(args, "measure"), err);
    open_experiment_close(&e);
    return ok;
}

static const CliOption options[] = {
    {"measure", 0, NULL, "also time a few steps, for an estimate in hours", 0},
    OPTION_DB,
    OPTION_SET,
    {0},
};

const Command command_plan = {
    .name = "plan",
    .operands = "SPEC.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .help = "say what an experiment costs, before anything runs",
    .about = "Number of runs, parameters, floating-point operations and peak memory, for the first "
             "run of the sweep. Exit status 1 when it does not fit into this machine's memory.",
    .example = "dgbench plan scripts/experiments/quickstart.yaml --measure",
    .options = options,
    .run = run_plan_command,
};
