/* `dgbench forecast`: accuracy on a domain before anything is trained without it. */
#include "commands.h"
#include "exclusion.h"
#include "forecast.h"
#include "read_results.h"
#include "tables.h"

static const char *results_path(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

static bool make(Forecasts **out, const Args *args, Err *err)
{
    Db *db;
    ForecastOptions options = {.scorer = args_text(args, "scorer"),
                               .method = args_text(args, "method"),
                               .experiment = args_text(args, "experiment"),
                               .dataset = args_text(args, "dataset"),
                               .rule = args_text(args, "rule"),
                               .scored = args_text(args, "scored"),
                               .calibration = args_text(args, "calibration"),
                               .feature = args_text(args, "feature")};
    if (!results_open(&db, results_path(args), err)) return false;
    bool ok = exclusion_use(db, args_text(args, "excluding"), err) &&
              forecasts_make(out, db, &options, err);
    results_close(db);
    return ok;
}

static bool keep(const Forecasts *forecasts, const Args *args, Err *err)
{
    Store *store;
    if (!store_open(&store, results_path(args), err)) return false;
    bool ok = forecasts_store(store, forecasts, err);
    store_close(store);
    return ok;
}

static bool show(const Args *args, Err *err)
{
    static const char *const PARAMETERS[] = {"experiment", "dataset", "method",      "scorer",
                                             "rule",       "scored",  "calibration", "feature"};
    enum { N_PARAMETERS = sizeof PARAMETERS / sizeof PARAMETERS[0] };
    QueryParameter given[N_PARAMETERS];
    ReadResults r;
    int n = 0;
    for (int i = 0; i < N_PARAMETERS; i++) {
        const char *value = args_text(args, PARAMETERS[i]);
        if (value != NULL) given[n++] = (QueryParameter){PARAMETERS[i], value};
    }
    if (!read_results_open(&r, args, err)) return false;
    bool ok = exclusion_use(r.db, args_text(args, "excluding"), err) &&
              table_print(r.db, stdout, "forecast", (QueryParameters){given, n}, r.format, err);
    read_results_close(&r);
    return ok;
}

static bool run_forecast(const Args *args, Err *err)
{
    Forecasts *forecasts = NULL;
    Format format;
    const char *name = args_text(args, "format");
    if (!format_parse(&format, name != NULL ? name : "text", err) || !make(&forecasts, args, err))
        return false;
    bool ok = keep(forecasts, args, err) && show(args, err);
    forecasts_free(forecasts);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    {"scorer", 0, "NAME", "alignment by this scorer (default: every pretrained one)", 0},
    {"method", 'm', "NAME", "only this method", 0},
    {"experiment", 'e', "NAME", "only this experiment", 0},
    {"dataset", 'd', "NAME", "only this dataset", 0},
    {"rule", 0, "RULE",
     "model selection: training-domain, leave-one-domain-out, oracle, last (default: each "
     "experiment's own)",
     0},
    {"scored", 0, "SPLIT", "of a held-out domain: in, out, whole (default: each experiment's own)",
     0},
    {"calibration", 0, "KIND",
     "runs to learn from: unseen (the target in no training set) or seen (default: unseen where "
     "there are such runs)",
     0},
    {"feature", 0, "WHAT",
     "learn from the score, or from the margin: score less that of the nearest class, which "
     "has no level of the domain in it (default: score)",
     0},
    OPTION_EXCLUDING,
    OPTION_FORMAT,
    {0},
};

const Command command_forecast = {
    .name = "forecast",
    .operands = "",
    .help = "forecast the accuracy on a held-out domain from its alignment scores",
    .about =
        "For each domain: P(correct | alignment score) is fitted on what runs got right on the "
        "OTHER domains when those were held out, and averaged over the domain's scores. What was "
        "measured, and two baselines, stand beside it; the row mean |error| says how good it is "
        "(leave one domain out).\n"
        "Needs scores (dgbench score) and predictions of runs on held-out domains. Runs that hold "
        "out two domains make it strict: they never saw the target.\n"
        "All rows are stored (table forecast); dgbench table forecast shows them again.",
    .example = "dgbench forecast\ndgbench forecast --method erm++ --scorer mini-clip --format csv",
    .options = options,
    .run = run_forecast,
};
