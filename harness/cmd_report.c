/* `dgbench report`: the results as one HTML page. */
#include "commands.h"
#include "log.h"
#include "read_results.h"
#include "report.h"

static bool run_report(const Args *args, Err *err)
{
    const char *folder = args_text(args, "html"), *path = args_text(args, "results");
    ReportOptions options = {.experiment = args_text(args, "experiment"),
                             .dataset = args_text(args, "dataset"),
                             .rule = args_text(args, "rule"),
                             .excluding = args_text(args, "excluding")};
    if (folder == NULL) return err_set(err, ERR_USAGE, "report: no --html FOLDER to write to");
    if (!report_write(folder, path != NULL ? path : "dgbench.db", &options, err)) return false;
    log_info("%s/index.html", folder);
    return true;
}

static const CliOption options[] = {
    {"html", 0, "FOLDER", "write FOLDER/index.html; made when it is missing", 0},
    OPTION_RESULTS,
    {"experiment", 'e', "NAME", "only this experiment", 0},
    {"dataset", 'd', "NAME", "only this dataset", 0},
    {"rule", 0, "RULE",
     "model selection: training-domain, leave-one-domain-out, oracle, last (default: each "
     "experiment's own)",
     0},
    OPTION_EXCLUDING,
    {0},
};

const Command command_report = {
    .name = "report",
    .operands = "",
    .help = "write the results as one HTML page",
    .about = "Tables, accuracy per held-out domain with intervals, training curves, cost, "
             "hyper-parameters and provenance. The page needs no network and no other file, and "
             "prints.",
    .example = "dgbench report --html out --results quickstart/results.db",
    .options = options,
    .run = run_report,
};
