/* `dgbench plan`: what an experiment would cost, before anything runs. */
#include "commands.h"
#include "environment.h"
#include "file.h"
#include "open_experiment.h"
#include "run.h"
#include "sweep_plan.h"

static void print_cost(const SweepPlan *plan, const RunPlan *cost, const RunSpec *spec)
{
    int left = plan->n_runs - plan->n_stored;
    printf("runs                    %d (%d stored already)\n", plan->n_runs, plan->n_stored);
    printf("network                 %s at %lld pixels\n", spec->net.name,
           (long long)spec->data.image_size);
    printf("parameters              %.3f million, %.3f million of them trained\n",
           (double)cost->n_parameters / 1e6, (double)cost->n_trainable / 1e6);
    printf("images of a run         %d to train on, %d of the target\n", cost->n_source_images,
           cost->n_target_images);
    printf("FLOPs per step          %.3f billion (%lld steps)\n", cost->step_flops / 1e9,
           (long long)spec->train.steps);
    printf("FLOPs per evaluation    %.3f billion (%d evaluations)\n", cost->eval_flops / 1e9,
           cost->n_checkpoints);
    printf("FLOPs per run           %.3f trillion\n", cost->total_flops / 1e12);
    printf("FLOPs of the runs left  %.3f trillion\n", cost->total_flops * left / 1e12);
    printf("peak memory of a run    %.1f MiB (of which a step's tape %.1f MiB)\n",
           (double)cost->total_peak_bytes / 0x1p20, (double)cost->step_peak_bytes / 0x1p20);
}

static bool plan_all(const OpenExperiment *e, Err *err)
{
    RunSpec first;
    SweepPlan plan;
    if (!experiment_dataset(&first, e->experiment, 0, e->arena, err)) return false;
    const char *results = file_exists(first.results) ? first.results : NULL;
    if (!sweep_plan_make(&plan, e->experiment, results, e->arena, err)) return false;
    RunPlan cost;
    if (!run_plan(&cost, plan.runs[0].spec, err)) return false;
    print_cost(&plan, &cost, plan.runs[0].spec);
    return environment_check_memory(cost.total_peak_bytes, "a run", err);
}

static bool run_plan_command(const Args *args, Err *err)
{
    static const OptionKey keys[] = {{"results", "results", false}, {0}};
    OpenExperiment e;
    if (!open_experiment(&e, args, keys, err)) return false;
    bool ok = plan_all(&e, err);
    open_experiment_close(&e);
    return ok;
}

static const CliOption options[] = {OPTION_DB, OPTION_SET, {0}};

const Command command_plan = {
    .name = "plan",
    .operands = "SPEC.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .help = "say what an experiment costs, before anything runs",
    .about = "Number of runs, parameters, floating-point operations and peak memory, for the first "
             "run of the sweep. Exit status 1 when it does not fit into this machine's memory.",
    .example = "dgbench plan scripts/experiments/quickstart.yaml",
    .options = options,
    .run = run_plan_command,
};
