/* `dgbench sweep`: all runs of an experiment file that are not stored yet, several at a time. */
#include "commands.h"
#include "file.h"
#include "launch.h"
#include "log.h"
#include "open_experiment.h"
#include "run.h"
#include "run_setup.h"
#include "run_store.h"
#include "stop_signal.h"
#include "sweep_plan.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_KEY = 16 };

static void print_plan(const SweepPlan *plan)
{
    for (int i = 0; i < plan->n_runs; i++) {
        const SweepRun *run = &plan->runs[i];
        printf("%.*s  %-12s%s\n", SHORT_KEY, run->key, run_status_name(run->status), run->name);
    }
}

/* A run as a job: one thread unless the file says otherwise, for a sweep fills the cores with runs.
 */
static LaunchJob job_of(const SweepRun *run, const char *logs, Arena *arena)
{
    RunSpec spec = *run->spec;
    if (spec.train.threads == 0) spec.train.threads = 1;
    Str json = {0};
    run_spec_json(&spec, &json);
    LaunchJob job = {
        .name = run->name,
        .input = arena_strdup(arena, str_text(&json)),
        .log_path = arena_printf(arena, "%s/%.*s.log", logs, SHORT_KEY, run->key),
        .steps = run_setup_most_updates(&spec),
    };
    str_done(&json);
    return job;
}

/* What would go wrong in every worker is found before the first one starts: a network that does not
 * exist, a step that does not fit into memory. */
static bool check_first(const SweepPlan *plan, Err *err)
{
    const char *checked = NULL;
    for (int i = 0; i < plan->n_runs; i++) {
        const RunSpec *spec = plan->runs[i].spec;
        if (sweep_run_is_stored(&plan->runs[i])) continue;
        if (checked != NULL && str_equal(checked, spec->method.label)) continue;
        checked = spec->method.label;
        RunPlan cost;
        if (!run_plan(&cost, spec, err)) return false;
    }
    return true;
}

static bool launch(LaunchCount *count, const SweepPlan *plan, int n_jobs, Arena *arena, Err *err)
{
    char *logs = file_join(arena, plan->runs[0].spec->output, "logs");
    if (!check_first(plan, err) || !file_make_dirs(logs, err)) return false;
    LaunchJob *jobs = arena_alloc(arena, (size_t)plan->n_runs, sizeof *jobs);
    int n = 0;
    for (int i = 0; i < plan->n_runs; i++) {
        if (!sweep_run_is_stored(&plan->runs[i])) jobs[n++] = job_of(&plan->runs[i], logs, arena);
    }
    static char program[] = "/proc/self/exe", command[] = "run-worker";
    char *const argv[] = {program, command, NULL};
    /* The runs bring their own threads. */
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    LaunchOptions options = {
        .argv = argv, .n_workers = n_jobs, .stop = stop_signal_install(), .label = "sweep"};
    return launch_all(count, jobs, n, &options, err);
}

static bool tell_result(const LaunchCount *count, const SweepPlan *plan, Err *err)
{
    log_info("%d runs: %d made now, %d stored before, %d diverged, %d failed, %d not finished",
             plan->n_runs, count->made, plan->n_stored + count->stored, count->diverged,
             count->failed, count->interrupted);
    if (count->interrupted > 0) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped with %d of %d runs not finished; the same command goes on",
                       count->interrupted + count->failed, plan->n_runs);
    }
    if (count->failed == 0) return true;
    return err_set(err, ERR_IO, "%d of %d runs failed (see the warnings above)", count->failed,
                   plan->n_runs);
}

/* Also for a sweep with nothing left to run: it may be read in another way than before. */
static bool note_experiment(const RunSpec *spec, Err *err)
{
    Store *store;
    if (!store_open(&store, spec->results, err)) return false;
    bool ok = run_store_experiment(store, spec, err);
    store_close(store);
    return ok;
}

static bool sweep_all(const Args *args, const OpenExperiment *e, int n_jobs, Err *err)
{
    RunSpec first;
    if (!experiment_dataset(&first, e->experiment, 0, e->arena, err)) return false;
    bool dry = args_has(args, "dry-run");
    bool reads = !dry || file_exists(first.results);
    SweepPlan plan;
    if (!sweep_plan_make(&plan, e->experiment, reads ? first.results : NULL, e->arena, err)) {
        return false;
    }
    if (dry) {
        print_plan(&plan);
        return true;
    }
    LaunchCount count = {0};
    bool idle = plan.n_stored == plan.n_runs;
    if (idle && !note_experiment(plan.runs[0].spec, err)) return false;
    if (!idle && !launch(&count, &plan, n_jobs, e->arena, err)) return false;
    return tell_result(&count, &plan, err);
}

static bool run_sweep(const Args *args, Err *err)
{
    OpenExperiment e;
    int n_jobs;
    if (!option_jobs(&n_jobs, args, err)) return false;
    if (!open_experiment(&e, args, sweep_option_keys, err)) return false;
    bool ok = sweep_all(args, &e, n_jobs, err);
    open_experiment_close(&e);
    return ok;
}

static const CliOption options[] = {
    OPTION_JOBS,
    OPTIONS_SWEEP,
    {"dry-run", 'n', NULL, "list the runs with their keys and what is stored, and stop", 0},
    OPTION_DB,
    OPTION_OUTPUT,
    OPTION_THREADS,
    OPTION_SET,
    {0},
};

const Command command_sweep = {
    .name = "sweep",
    .operands = "SPEC.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .help = "train every held-out domain x method x draw x trial",
    .about = "Each run is a process of its own with one thread; a run that is stored already is "
             "skipped, and one that crashes is reported while the others go on. Messages of a "
             "run are in OUTPUT/logs. Ctrl-C saves the state of all runs; the same command then "
             "goes on.",
    .example = "dgbench sweep scripts/experiments/quickstart.yaml --jobs 2\n"
               "dgbench sweep exp.yaml --held-out line,flat --trials 3 --set train.steps=601",
    .options = options,
    .run = run_sweep,
};
