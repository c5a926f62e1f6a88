/* `dgbench status`: how far the experiments of a results database are. */
#include "commands.h"
#include "read_results.h"

static bool run_status(const Args *args, Err *err)
{
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    QueryParameter parameter = {"experiment", args_text(args, "experiment")};
    int n_parameters = parameter.value != NULL;
    bool ok = query_named(r.db, stdout, "status", (QueryParameters){&parameter, n_parameters},
                          r.format, err);
    read_results_close(&r);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    OPTION_FORMAT,
    {"experiment", 'e', "NAME", "only this experiment", 0},
    {0},
};

const Command command_status = {
    .name = "status",
    .operands = "",
    .help = "count the stored runs of each experiment by status",
    .about = "A run that was killed stays \"running\"; the next sweep takes it up again.",
    .example = "dgbench status --results quickstart/results.db",
    .options = options,
    .run = run_status,
};
