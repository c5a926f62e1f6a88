/* `dgbench merge`: several results databases become one. */
#include "commands.h"
#include "file.h"
#include "log.h"
#include "merge.h"

#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Without --into the first operand is the target. */
static const char *target_of(const Args *args)
{
    const char *into = args_text(args, "into");
    return into != NULL ? into : args_operand(args, 0);
}

static bool is_source(const Args *args, int i)
{
    return !same_file(args_operand(args, i), target_of(args));
}

static void print_part(int64_t n, const char *what)
{
    if (n > 0) printf(", %lld %s", (long long)n, what);
}

static void print_counts(const char *source, const MergeCounts *c)
{
    printf("%s: %lld run%s added", source, (long long)c->added, c->added == 1 ? "" : "s");
    print_part(c->completed, "completed (unfinished here)");
    print_part(c->same, "the same in both");
    print_part(c->kept, "kept (further here)");
    print_part(c->conflicts, c->conflicts == 1 ? "conflict" : "conflicts");
    putchar('\n');
}

/* Nothing is touched before every file is known to be good. */
static bool check_files(const Args *args, Err *err)
{
    const char *target = target_of(args);
    int n_sources = 0;
    if (args_text(args, "into") == NULL && args_n_operands(args) < 2)
        return err_set(err, ERR_USAGE, "merge: one file, expected two or more, or --into");
    if ((args_text(args, "into") == NULL || file_size(target) > 0) && !merge_check(target, err))
        return false;
    for (int i = 0; i < args_n_operands(args); i++) {
        if (!is_source(args, i)) continue;
        n_sources++;
        if (!merge_check(args_operand(args, i), err)) return false;
    }
    return n_sources > 0 ||
           err_set(err, ERR_USAGE, "merge: every file is the one that is merged into");
}

static bool merge_files_into(Store *store, const Args *args, int64_t *conflicts, Err *err)
{
    for (int i = 0; i < args_n_operands(args); i++) {
        const char *source = args_operand(args, i);
        MergeCounts counts;
        if (!is_source(args, i)) continue;
        if (!merge_source(store, source, stdout, &counts, err)) return false;
        print_counts(source, &counts);
        *conflicts += counts.conflicts;
    }
    return true;
}

static bool run_merge(const Args *args, Err *err)
{
    Store *store;
    int64_t conflicts = 0;
    if (!check_files(args, err) || !store_open(&store, target_of(args), err)) return false;
    bool ok = merge_files_into(store, args, &conflicts, err);
    store_close(store);
    if (!ok || conflicts == 0) return ok;
    return err_set(err, ERR_FORMAT,
                   "%s: %lld conflict%s, see above; what was there before is kept, the rest is "
                   "merged",
                   target_of(args), (long long)conflicts, conflicts == 1 ? "" : "s");
}

static const CliOption options[] = {
    {"into", 'i', "FILE", "the database to merge into, made when missing (default: the first)", 0},
    {0},
};

const Command command_merge = {
    .name = "merge",
    .operands = "FILE [FILE...]",
    .min_operands = 1,
    .max_operands = 10000,
    .help = "merge results databases",
    .about =
        "Runs are the same when their keys are, datasets when their content is. A run that is "
        "done in one file and unfinished in the other is taken where it is done.\n"
        "A run that ended in both with other numbers is a conflict: it is reported, stays as it "
        "is in the file merged into, and the exit status is 1.\n"
        "Files that are merged from are only read. After a crash, the same command completes the "
        "merge. Don't merge into a database while a sweep writes the same runs to it.",
    .example = "dgbench merge here.db machine-2.db machine-3.db\n"
               "dgbench merge machine-*.db --into all.db",
    .options = options,
    .run = run_merge,
};
