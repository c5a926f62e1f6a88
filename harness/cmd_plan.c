/* `dgbench plan`: what an experiment would take, before anything runs. */
#include "commands.h"
#include "open_experiment.h"
#include "plan.h"
#include "plan_diff.h"
#include "protocols.h"

#include <string.h>

/* The protocol and what the file changes in it. */
static void print_protocol(const Plan *plan, const RunSpec *spec)
{
    if (spec->protocol[0] == '\0') return;
    ProtocolDeviation *all;
    int n = protocol_deviations(&all, spec, plan->arena);
    printf("protocol %s, as %s on %s%s\n", spec->protocol, spec->method.label, spec->dataset,
           n == 0 ? " in every key" : " but for:");
    for (int i = 0; i < n; i++) {
        printf("  %-24s %s, not %s\n", all[i].key, all[i].value, all[i].preset);
    }
    printf("\n");
}

static void add_option(Str *out, const char *option, const char *value)
{
    str_addf(out, " --%s ", option);
    str_add_shell_word(out, value);
}

static bool selects_part(const char *key)
{
    return str_equal(key, "sweep.trials") || str_equal(key, "sweep.hparams");
}

static bool sets_key(const char *assignment, const char *key)
{
    size_t n = strlen(key);
    return strncmp(assignment, key, n) == 0 && assignment[n] == '=';
}

/* Every --set, those of held-out sets apart from the others; trials and draws are the part's. */
static void add_sets(Str *others, Str *held_out, const Args *args)
{
    for (int i = 0; i < args_count(args, "set"); i++) {
        const char *set = args_nth(args, "set", i);
        if (sets_key(set, "sweep.trials") || sets_key(set, "sweep.hparams")) continue;
        add_option(sets_key(set, "sweep.held_out") ? held_out : others, "set", set);
    }
}

/* The sweep's command line: what was given to plan. */
static PlanCommand sweep_command(const Args *args, Arena *arena)
{
    Str text = {0}, held_out = {0};
    str_add(&text, "dgbench sweep ");
    str_add_shell_word(&text, args_operand(args, 0));
    for (const OptionKey *row = sweep_option_keys; row->option != NULL; row++) {
        Str *out = str_equal(row->option, "held-out") ? &held_out : &text;
        int n = args_count(args, row->option);
        if (n == 0 || selects_part(row->key)) continue;
        for (int i = row->is_list ? 0 : n - 1; i < n; i++) {
            add_option(out, row->option, args_nth(args, row->option, i));
        }
    }
    add_sets(&text, &held_out, args);
    PlanCommand command = {arena_strdup(arena, str_text(&text)),
                           arena_strdup(arena, str_text(&held_out))};
    str_done(&text);
    str_done(&held_out);
    return command;
}

/* Counting comes first on paper, too: it is right even where the cost cannot be told. */
static bool print_plan(Plan *plan, const Args *args, Err *err)
{
    double budget = 0;
    const char *limit = args_text(args, "budget");
    if (limit != NULL && !budget_parse(&budget, limit, err)) return false;
    RunSpec first;
    if (!experiment_dataset(&first, plan->experiment, 0, plan->arena, err)) return false;
    bool ok = plan_cost(plan, err);
    print_protocol(plan, &first);
    plan_print_runs(plan, stdout);
    if (!ok || !plan_time(plan, args_has(args, "measure"), limit != NULL, err)) return false;
    plan_print_cost(plan, stdout);
    plan_print_time(plan, stdout);
    if (limit == NULL) return true;
    PlanCommand command = sweep_command(args, plan->arena);
    return plan_print_budget(plan, budget, &command, stdout, err);
}

static bool plan_experiment(const Args *args, Err *err)
{
    OpenExperiment e;
    Plan plan;
    int n_jobs;
    if (!option_jobs(&n_jobs, args, err)) return false;
    if (!open_experiment(&e, args, sweep_option_keys, err)) return false;
    bool ok = plan_open(&plan, e.experiment, n_jobs, e.arena, err);
    if (ok) {
        ok = print_plan(&plan, args, err);
        plan_close(&plan);
    }
    open_experiment_close(&e);
    return ok;
}

static bool run_plan_command(const Args *args, Err *err)
{
    int n = args_n_operands(args);
    if (!args_has(args, "diff")) {
        if (n == 1) return plan_experiment(args, err);
        return err_set(err, ERR_USAGE, "plan: expected one experiment file, found %d operands", n);
    }
    if (n != 2)
        return err_set(err, ERR_USAGE, "plan --diff: expected two protocols, found %d names", n);
    return plan_diff(stdout, args_operand(args, 0), args_operand(args, 1),
                     args_text(args, "dataset"), err);
}

static const CliOption options[] = {
    {"measure", 0, NULL, "time a few steps, in place of what the results database knows", 0},
    {"budget", 'b', "TIME", "also say which part of the sweep fits into 30m, 8h, 2d", 0},
    {"diff", 0, NULL, "show how two protocols differ (see `dgbench list protocols`)", 0},
    {"dataset", 0, "NAME", "with --diff: as the protocols treat this dataset", 0},
    OPTION_JOBS,
    OPTIONS_SWEEP,
    OPTION_DB,
    OPTION_OUTPUT,
    OPTION_THREADS,
    OPTION_SET,
    {0},
};

const Command command_plan = {
    .name = "plan",
    .operands = "SPEC.yaml | --diff PROTOCOL PROTOCOL",
    .min_operands = 1,
    .max_operands = 2,
    .help = "say what an experiment costs, before anything runs",
    .about = "Counts the runs, those that are stored, and says for each dataset and method what a "
             "run costs: parameters, floating-point operations, memory, and time as measured in "
             "the runs that the results database holds of this machine. A dataset whose images "
             "are not here is counted only. Exit status 1 when a run does not fit into this "
             "machine's memory, or nothing fits into the budget.",
    .example = "dgbench plan scripts/experiments/quickstart.yaml --measure\n"
               "dgbench plan exp.yaml --hparams 20 --set sweep.held_out=single+pairs --budget 8h\n"
               "dgbench plan --diff domainbed-2020 domainbed --dataset domainnet",
    .options = options,
    .run = run_plan_command,
};
