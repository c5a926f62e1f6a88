/* `dgbench run`: one run of an experiment file, its `sweep:` section left aside. */
#include "commands.h"
#include "log.h"
#include "open_experiment.h"
#include "progress.h"
#include "run.h"
#include "run_again.h"
#include "run_report.h"
#include "stop_signal.h"

static void show_progress(void *context, const RunProgress *p)
{
    Progress *bar = context;
    char note[64];
    if (bar->total == 0) {
        progress_begin(bar, "training", p->steps, "steps");
        progress_start_at(bar, p->step - 1);
    }
    snprintf(note, sizeof note, "loss %.4f, %s", p->loss, p->phase);
    progress_update(bar, p->step, note);
}

static bool execute(const RunSpec *spec, Err *err)
{
    Progress bar = {0};
    RunHooks hooks = {stop_signal_install(), show_progress, &bar};
    RunOutcome outcome;
    char key[SHA256_HEX_SIZE];
    bool ok = run_execute(&outcome, key, spec, &hooks, err);
    if (bar.total > 0) progress_end(&bar);
    if (!ok) return false;
    if (outcome == RUN_ENDED_DIVERGED) {
        return err_set(err, ERR_FORMAT,
                       "the run diverged: its loss is no finite number any more, "
                       "it is stored as diverged in %s",
                       spec->results);
    }
    if (outcome == RUN_WAS_STORED) log_info("this run is stored already in %s", spec->results);
    return run_report_print(stdout, spec->results, key, err);
}

/* The seed that a sweep of the file gives this run: it is the same run, with the same key. */
static int64_t sweep_seed(const RunSpec *spec)
{
    return experiment_seed(&(RunName){
        .base = spec->seed,
        .dataset = spec->dataset,
        .label = spec->method.label,
        .held_out = spec->held_out,
        .hparams_seed = spec->hparams_seed,
        .trial = spec->trial,
    });
}

static bool run_stored_again(const Args *args, Err *err)
{
    const char *results = args_text(args, "results"), *into = args_text(args, "into");
    const char *output = args_text(args, "output");
    static const char *const of_files[] = {"held-out", "trial", "set"};
    for (size_t i = 0; i < sizeof of_files / sizeof of_files[0]; i++) {
        if (!args_has(args, of_files[i])) continue;
        return err_set(err, ERR_USAGE, "run --again: found --%s, expected the run as it is stored",
                       of_files[i]);
    }
    int64_t threads = 0;
    if (!args_int(args, &threads, "threads", 1, 1024, err)) return false;
    RunAgainOptions options = {.run = args_text(args, "again"),
                               .results = results != NULL ? results : "dgbench.db",
                               .into = into != NULL ? into : "again.db",
                               .output = output != NULL ? output : "dgbench-again",
                               .threads = (int)threads};
    Progress bar = {0};
    RunHooks hooks = {stop_signal_install(), show_progress, &bar};
    bool ok = run_again(&options, &hooks, err);
    if (bar.total > 0) progress_end(&bar);
    return ok;
}

static bool check_operands(const Args *args, Err *err)
{
    int n = args_n_operands(args);
    if (args_has(args, "again")) {
        return n == 0 || err_set(err, ERR_USAGE,
                                 "run --again: found \"%s\", expected no file: the "
                                 "stored spec is taken",
                                 args_operand(args, 0));
    }
    if (args_has(args, "into"))
        return err_set(err, ERR_USAGE, "run: --into is for --again, expected --results");
    return n == 1 || err_set(err, ERR_USAGE, "run: expected SPEC.yaml, or --again RUN");
}

static bool run_run(const Args *args, Err *err)
{
    static const OptionKey keys[] = {
        {"held-out", "held_out", true},      {"trial", "trial", false},
        {"results", "results", false},       {"output", "output", false},
        {"threads", "train.threads", false}, {0},
    };
    OpenExperiment e;
    if (!check_operands(args, err)) return false;
    if (args_has(args, "again")) return run_stored_again(args, err);
    if (!open_experiment(&e, args, keys, err)) return false;
    RunSpec spec;
    bool ok = experiment_single(&spec, e.experiment, e.arena, err);
    if (ok) {
        spec.seed = sweep_seed(&spec);
        ok = execute(&spec, err);
    }
    open_experiment_close(&e);
    return ok;
}

static const CliOption options[] = {
    {"held-out", 0, "NAMES", "domains that are never trained on (key held_out)", 0},
    {"trial", 0, "N", "number of the trial; seeds the split (key trial)", 0},
    {"again", 0, "RUN", "make a stored run once more, by its number or its key's beginning", 0},
    {"into", 0, "FILE", "with --again: database that it is made in (default: again.db)", 0},
    OPTION_DB,
    OPTION_OUTPUT,
    OPTION_THREADS,
    OPTION_SET,
    {0},
};

const Command command_run = {
    .name = "run",
    .operands = "SPEC.yaml | --again RUN",
    .min_operands = 0,
    .max_operands = 1,
    .help = "train one run, evaluate it, store it",
    .about =
        "The `sweep:` section of the file is left aside; the run is the one that a sweep would "
        "make with this held-out domain and trial. A run that is stored already is not "
        "made again; one that was interrupted goes on from its last checkpoint. Ctrl-C saves "
        "the state and stops, a second Ctrl-C stops at once.\n"
        "--again takes a run's stored spec, makes it in another database and compares every "
        "evaluation: exit status 1 when one came out otherwise.",
    .example = "dgbench run scripts/experiments/quickstart.yaml --held-out line\n"
               "dgbench run --again 3f9a01c2 --results dgbench.db --into again.db",
    .options = options,
    .run = run_run,
};
