/* `dgbench table`: a table of results. */
#include "commands.h"
#include "domainbed_table.h"
#include "exclusion.h"
#include "read_results.h"
#include "str.h"
#include "tables.h"

/* What DomainBed itself would print for an imported sweep. */
static bool print_as_domainbed(const Args *args, Err *err)
{
    ReadResults r;
    const char *name = args_operand(args, 0);
    if (!args_has(args, "as-domainbed"))
        return err_set(err, ERR_USAGE, "table domainbed: expected --as-domainbed with it");
    if (name != NULL && !str_equal(name, "domainbed"))
        return err_set(err, ERR_USAGE, "--as-domainbed: found table \"%s\", expected domainbed",
                       name);
    if (args_has(args, "excluding"))
        return err_set(
            err, ERR_USAGE,
            "table domainbed: DomainBed keeps no predictions, so nothing can be left out");
    if (!read_results_open(&r, args, err)) return false;
    bool ok = domainbed_table_print(r.db, stdout, args_text(args, "experiment"), r.format, err);
    read_results_close(&r);
    return ok;
}

static bool run_table(const Args *args, Err *err)
{
    if (args_has(args, "list")) {
        table_list(stdout);
        return true;
    }
    const char *name = args_operand(args, 0);
    if (args_has(args, "as-domainbed") || (name != NULL && str_equal(name, "domainbed")))
        return print_as_domainbed(args, err);
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    bool ok = read_results_parameters(&r, args, err) &&
              exclusion_use(r.db, args_text(args, "excluding"), err);
    if (ok) {
        static const char *const parameters[] = {"experiment", "dataset", "rule", "scored",
                                                 "stderr"};
        for (int i = 0; i < 5; i++) read_results_add(&r, args, parameters[i]);
        if (args_has(args, "reference"))
            r.parameters[r.n_parameters++] = (QueryParameter){"reference", "yes"};
        ok = table_print(r.db, stdout, name ? name : "accuracy",
                         (QueryParameters){r.parameters, r.n_parameters}, r.format, err);
    }
    read_results_close(&r);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    OPTION_FORMAT,
    {"experiment", 'e', "NAME", "only this experiment", 0},
    {"dataset", 'd', "NAME", "only this dataset", 0},
    {"rule", 0, "RULE", "model selection: training-domain, leave-one-domain-out, oracle, last", 0},
    {"scored", 0, "SPLIT", "what is scored: in, out, whole, validation", 0},
    {"stderr", 0, "KIND", "standard error: population (as DomainBed) or sample", 0},
    {"reference", 0, NULL, "published values, with their sources, below one's own rows", 0},
    OPTION_PARAM,
    OPTION_EXCLUDING,
    {"list", 'l', NULL, "list the tables there are", 0},
    {"as-domainbed", 0, NULL, "table domainbed: what DomainBed prints for an imported sweep", 0},
    {0},
};

const Command command_table = {
    .name = "table",
    .operands = "[NAME]",
    .max_operands = 1,
    .help = "print a table of results",
    .about =
        "Without a name: accuracy on each held-out domain, methods as rows, mean and standard "
        "error over trials. Each experiment is read as its protocol says (selection rule, "
        "scored split, standard error) unless an option says otherwise.\n"
        "--excluding: accuracies on held-out domains are counted again without the images of a "
        "reviewed list; every table says so.",
    .example = "dgbench table --format md\ndgbench table --rule oracle --dataset emoji-styles\n"
               "dgbench table domainbed --as-domainbed --format latex",
    .options = options,
    .run = run_table,
};
