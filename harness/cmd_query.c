/* `dgbench query`: any SELECT over the results, or one of the named queries. */
#include "commands.h"
#include "exclusion.h"
#include "log.h"
#include "read_results.h"

#include <string.h>

/* One word is a name, maybe a wrong one; SQL has blanks. */
static bool is_one_word(const char *text)
{
    return strpbrk(text, " \t\n") == NULL;
}

static bool run_query(const Args *args, Err *err)
{
    const char *query = args_operand(args, 0);
    if (query == NULL) {
        query_list(stdout);
        return true;
    }
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    bool (*print)(Db *, FILE *, const char *, QueryParameters, Format, Err *) =
        is_one_word(query) ? query_named : query_run;
    bool ok =
        read_results_parameters(&r, args, err) &&
        exclusion_use(r.db, args_text(args, "excluding"), err) &&
        print(r.db, stdout, query, (QueryParameters){r.parameters, r.n_parameters}, r.format, err);
    if (ok && exclusion_sentence(r.db) != NULL) log_info("%s", exclusion_sentence(r.db));
    read_results_close(&r);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS, OPTION_FORMAT, OPTION_PARAM, OPTION_EXCLUDING, {0}};

const Command command_query = {
    .name = "query",
    .operands = "[SQL|NAME]",
    .max_operands = 1,
    .help = "ask the results database: SQL or a named query",
    .about = "Without an operand it lists the named queries. The database can't be changed this "
             "way. Tables and views are described in results/README.md.",
    .example = "dgbench query \"SELECT domain, avg(accuracy) FROM result GROUP BY domain\"",
    .options = options,
    .run = run_query,
};
