/* `dgbench merge-weights`: stored runs become one model: DiWA, or an ensemble. */
#include "commands.h"
#include "read_results.h"
#include "registry.h"
#include "weight_merge.h"

typedef struct {
    const char *option, *label;
    MergeKind kind;
} Kind;

static const Kind kinds[] = {{"uniform", "diwa-uniform", MERGE_UNIFORM},
                             {"greedy", "diwa-greedy", MERGE_GREEDY},
                             {"ensemble", "ensemble", MERGE_ENSEMBLE}};

MUST_USE static bool read_kind(const Kind **out, const Args *args, Err *err)
{
    *out = NULL;
    for (int i = 0; i < 3; i++) {
        if (!args_has(args, kinds[i].option)) continue;
        if (*out != NULL) {
            return err_set(err, ERR_USAGE, "merge-weights: --%s and --%s, expected one of them",
                           (*out)->option, kinds[i].option);
        }
        *out = &kinds[i];
    }
    if (*out == NULL) *out = &kinds[0];
    return true;
}

static const char *results_of(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

MUST_USE static bool read_members(MemberRuns *out, const Args *args, Arena *arena, Err *err)
{
    MemberQuery query = {.method = args_text(args, "method"),
                         .dataset = args_text(args, "dataset"),
                         .experiment = args_text(args, "experiment"),
                         .held_out = args_text(args, "held-out"),
                         .trial = args_text(args, "trial")};
    if (query.method == NULL)
        return err_set(err, ERR_USAGE, "merge-weights: expected --method, whose runs are merged");
    Db *db;
    if (!results_open(&db, results_of(args), err)) return false;
    bool ok = member_runs_read(out, db, &query, arena, err);
    results_close(db);
    if (!ok || out->n > 0) return ok;
    return err_set(err, ERR_NOT_FOUND,
                   "merge-weights: no run of method \"%s\" is done that fits (see dgbench query "
                   "runs)",
                   query.method);
}

static void tell(const MemberRun *first, int n, const WeightMergeOptions *options,
                 const WeightMergeResult *result)
{
    printf("%s, held out %s, trial %lld: %s ", first->dataset, first->held_out,
           (long long)first->trial, options->label);
    if (result->was_stored) {
        printf("of %d runs is stored already, run %.16s\n", n, result->key);
    } else {
        printf("of %d of %d runs, run %.16s\n", result->n_merged, n, result->key);
    }
}

MUST_USE static bool merge_groups(const MemberRuns *runs, const WeightMergeOptions *options,
                                  Err *err)
{
    for (int first = 0, n; first < runs->n; first += n) {
        WeightMergeResult result;
        n = member_runs_group(runs, first);
        if (!weight_merge(&result, runs->items + first, n, options, err)) return false;
        tell(&runs->items[first], n, options, &result);
    }
    return true;
}

static bool run_merge_weights(const Args *args, Err *err)
{
    const Kind *kind;
    MemberRuns runs = {0};
    if (!read_kind(&kind, args, err)) return false;
    Arena *arena = arena_new();
    RunTables tables = method_tables(arena);
    const char *label = args_text(args, "label");
    WeightMergeOptions options = {.keys = run_keys_new(&tables, arena),
                                  .results = results_of(args),
                                  .output = args_text(args, "output"),
                                  .label = label != NULL ? label : kind->label,
                                  .kind = kind->kind};
    bool ok = read_members(&runs, args, arena, err) && merge_groups(&runs, &options, err);
    arena_free(arena);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    {"method", 'm', "NAME", "whose runs are merged", 0},
    {"held-out", 0, "NAMES", "only runs that hold out this (default: each group of runs)", 0},
    {"trial", 0, "N", "only this trial", 0},
    {"dataset", 'd', "NAME", "only this dataset", 0},
    {"experiment", 'e', "NAME", "only this experiment", 0},
    {"uniform", 0, NULL, "the mean of all weights (the default)", 0},
    {"greedy", 0, NULL, "best validation first, each kept that does not lower the mean's", 0},
    {"ensemble", 0, NULL, "the sum of the logits", 0},
    {"label", 0, "NAME", "what tables call it (diwa-uniform, diwa-greedy or ensemble)", 0},
    {"output", 'o', "DIR", "where the runs' weights are (default: where they were made)", 0},
    {0},
};

const Command command_merge_weights = {
    .name = "merge-weights",
    .operands = "",
    .help = "average the weights of stored runs (DiWA), or sum their logits",
    .about =
        "Runs of a method with the same dataset, held-out domains and trial become one more run, "
        "with its own evaluations; its spec names them. Their final weights have to be saved "
        "(train.save=last), and for an average they have to share their initial weights, "
        "classifier included.\n"
        "For that, train the classifier alone first, then start every run from the weights it "
        "saved.",
    .example = "dgbench run exp.yaml --held-out line -s method.trainable=head -s train.save=last\n"
               "dgbench sweep exp.yaml --held-out line --hparams 20 -s train.save=last "
               "-s net.init=probe.safetensors\n"
               "dgbench merge-weights --method erm --held-out line --greedy",
    .options = options,
    .run = run_merge_weights,
};
