/* `dgbench run`: one run of an experiment file, its `sweep:` section left aside. */
#include "commands.h"
#include "log.h"
#include "open_experiment.h"
#include "progress.h"
#include "query.h"
#include "run.h"
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

/* Accuracy of every domain at the checkpoint that training-domain validation selects. */
static bool print_accuracies(const char *results, const char *key, Err *err)
{
    static const char sql[] =
        "SELECT eval_info.domain, role, split, n, printf('%.1f', 100 * accuracy) AS \"accuracy "
        "%\", "
        "eval_info.step FROM candidate "
        "JOIN run ON run.id = candidate.run_id AND run.variant = candidate.variant "
        "JOIN eval_info ON eval_info.checkpoint_id = candidate.checkpoint_id "
        "JOIN domain ON domain.id = eval_info.domain_id "
        "WHERE rule = 'training-domain' AND run.key = :key ORDER BY role, domain.position, split";
    Db *db = NULL;
    if (!results_open(&db, results, err)) return false;
    QueryParameter parameter = {"key", key};
    bool ok = query_run(db, stdout, sql, &parameter, 1, FORMAT_TEXT, err);
    results_close(db);
    return ok;
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
    return print_accuracies(spec->results, key, err);
}

static bool run_run(const Args *args, Err *err)
{
    static const OptionKey keys[] = {
        {"held-out", "held_out", true},      {"trial", "trial", false},
        {"results", "results", false},       {"output", "output", false},
        {"threads", "train.threads", false}, {0},
    };
    OpenExperiment e;
    if (!open_experiment(&e, args, keys, err)) return false;
    RunSpec spec;
    bool ok = experiment_single(&spec, e.experiment, e.arena, err) && execute(&spec, err);
    open_experiment_close(&e);
    return ok;
}

static const CliOption options[] = {
    {"held-out", 0, "NAMES", "domains that are never trained on (key held_out)", 0},
    {"trial", 0, "N", "number of the trial; seeds the split (key trial)", 0},
    OPTION_DB,
    OPTION_OUTPUT,
    OPTION_THREADS,
    OPTION_SET,
    {0},
};

const Command command_run = {
    .name = "run",
    .operands = "SPEC.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .help = "train one run, evaluate it, store it",
    .about = "The `sweep:` section of the file is left aside. A run that is stored already is not "
             "made again; one that was interrupted goes on from its last checkpoint. Ctrl-C saves "
             "the state and stops, a second Ctrl-C stops at once.",
    .example = "dgbench run scripts/experiments/quickstart.yaml --held-out line",
    .options = options,
    .run = run_run,
};
