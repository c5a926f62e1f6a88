/* `dgbench import`: results of another program into the results database. */
#include "commands.h"
#include "import_domainbed.h"
#include "mem.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

/* The folder's own name, also for "sweep/". */
static char *folder_name(const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    size_t begin = n;
    while (begin > 0 && folder[begin - 1] != '/') begin--;
    char *name = mem_alloc(n - begin + 1, 1);
    memcpy(name, folder + begin, n - begin);
    return name;
}

static bool import_into(Store *store, const Args *args, Err *err)
{
    const char *folder = args_operand(args, 1);
    const char *given = args_text(args, "experiment");
    char *name = given != NULL ? mem_strdup(given) : folder_name(folder);
    ImportSummary summary;
    bool ok = import_domainbed(store, &summary, folder, name, err);
    printf("experiment      %s\n", name);
    import_summary_print(stdout, &summary);
    free(name);
    return ok;
}

static bool run_import(const Args *args, Err *err)
{
    const char *source = args_operand(args, 0);
    const char *path = args_text(args, "results");
    Store *store;
    if (!str_equal(source, "domainbed"))
        return err_set(err, ERR_USAGE, "import: found \"%s\", expected domainbed", source);
    if (!import_domainbed_check(args_operand(args, 1), err)) return false;
    if (!store_open(&store, path != NULL ? path : "dgbench.db", err)) return false;
    bool ok = import_into(store, args, err);
    store_close(store);
    return ok;
}

static const char *const words[] = {"domainbed", NULL};

static const CliOption options[] = {
    {"results", 'r', "FILE", "results database, made when missing (default: dgbench.db)", 0},
    {"experiment", 'e', "NAME", "what the runs are listed under (default: name of the folder)", 0},
    {0},
};

const Command command_import = {
    .name = "import",
    .operands = "domainbed DIR",
    .min_operands = 2,
    .max_operands = 2,
    .help = "read a sweep folder of DomainBed into a results database",
    .about =
        "DIR holds a folder per run, as DomainBed's sweep leaves it: results.jsonl, the marker "
        "done, out.txt. Importing again adds what is new.\n"
        "A run without the marker is stored as interrupted and averaged in no table but "
        "`table domainbed --as-domainbed`. Of records of the same step the last one counts, "
        "the others are kept as variant superseded. A run that can't be used is named, the "
        "others are imported, and the exit status is 1.",
    .example = "dgbench import domainbed ~/sweeps/vlcs --results old.db\n"
               "dgbench table domainbed --as-domainbed --results old.db",
    .words = words,
    .options = options,
    .run = run_import,
};
