/* `dgbench status`: how far the experiments of a results database are. */
#include "commands.h"
#include "read_results.h"

static const char sql[] =
    "SELECT experiment, dataset, method, "
    "sum(n_runs) FILTER (WHERE status = 'done') AS done, "
    "sum(n_runs) FILTER (WHERE status = 'running') AS running, "
    "sum(n_runs) FILTER (WHERE status = 'interrupted') AS interrupted, "
    "sum(n_runs) FILTER (WHERE status = 'failed') AS failed, "
    "sum(n_runs) FILTER (WHERE status = 'diverged') AS diverged "
    "FROM run_count WHERE :experiment IS NULL OR experiment = :experiment "
    "GROUP BY experiment, dataset, method ORDER BY experiment, dataset, method";

static bool run_status(const Args *args, Err *err)
{
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    const char *experiment = args_text(args, "experiment");
    QueryParameter parameter = {"experiment", experiment};
    bool ok = query_run(r.db, stdout, sql, &parameter, 1, r.format, err);
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
