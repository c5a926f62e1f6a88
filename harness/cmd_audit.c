/* `dgbench audit`: images whose labels look wrong, and the lists that people make of them. */
#include "commands.h"
#include "dataset.h"
#include "exclusion.h"
#include "file.h"
#include "label_audit.h"
#include "log.h"
#include "read_results.h"
#include "review.h"
#include "thread_pool.h"
#include "thumbnail.h"

#include <stdlib.h>

enum { TOP_DEFAULT = 200, TOP_MOST = 5000, THUMBNAIL_SIDE = 144 };

static const char *results_path(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

/* ---- pictures -------------------------------------------------------------------------------- */

typedef struct {
    const Dataset *dataset;
    Image scratch;
} Pictures;

static bool add_picture(Str *out, void *context, int position, Err *err)
{
    Pictures *p = context;
    ImageView view;
    if (!dataset_pixels(p->dataset, position, &view, &p->scratch, err)) return false;
    thumbnail_data_uri(out, &view, THUMBNAIL_SIDE);
    return true;
}

/* The dataset of the results, with the content that they are about. */
static bool open_dataset(Dataset **out, const LabelAudit *audit, const char *root, ThreadPool *pool,
                         Err *err)
{
    AuditedDataset known = label_audit_dataset(audit);
    if (root == NULL && known.root[0] != '\0') root = known.root;
    Dataset *d;
    if (!dataset_open(&d, known.descriptor, &(DatasetOptions){.pool = pool, .root = root}, err))
        return err_context(err,
                           "audit: the images of %s are needed for the contact sheet "
                           "(--dataset-root DIR says where they are, --csv-only does without)",
                           known.name);
    if (!str_equal(d->fingerprint, known.fingerprint)) {
        err_set(err, ERR_FORMAT,
                "audit: %s has another content here (fingerprint %.8s) than in the results (%.8s)",
                known.name, d->fingerprint, known.fingerprint);
        dataset_close(d);
        return false;
    }
    *out = d;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_csv(const LabelAudit *audit, const char *path, Err *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    check(out != NULL, "out of memory for %s", path);
    label_audit_csv(out, audit);
    (void)fclose(out);
    bool ok = file_write_atomic(path, text, n, err);
    free(text);
    return ok;
}

static bool write_page(const LabelAudit *audit, const char *path, const char *root, Err *err)
{
    ThreadPool *pool = thread_pool_new(thread_count_online());
    Pictures pictures = {0};
    Dataset *dataset = NULL;
    Str page = {0};
    bool ok = open_dataset(&dataset, audit, root, pool, err);
    if (ok) {
        pictures.dataset = dataset;
        ok = label_audit_page(&page, audit, "audit.csv",
                              &(LabelAuditPictures){add_picture, &pictures}, err) &&
             file_write_atomic(path, page.text, page.n, err);
    }
    str_done(&page);
    image_done(&pictures.scratch);
    dataset_close(dataset);
    thread_pool_free(pool);
    return ok;
}

static bool write_files(const Args *args, const LabelAudit *audit, Err *err)
{
    Arena *arena = arena_new();
    const char *folder = args_text(args, "out");
    const char *csv = file_join(arena, folder, "audit.csv");
    const char *page = file_join(arena, folder, "index.html");
    bool with_page = !args_has(args, "csv-only"), ok = true;
    if (review_has_verdicts(csv))
        ok = err_set(err, ERR_USAGE,
                     "%s: has verdicts in it, and would be written anew; take another --out", csv);
    ok = ok && file_make_dirs(folder, err) &&
         (!with_page || write_page(audit, page, args_text(args, "dataset-root"), err)) &&
         write_csv(audit, csv, err);
    if (ok) {
        log_info("%s", csv);
        if (with_page) log_info("%s", page);
    }
    arena_free(arena);
    return ok;
}

static bool rank_images(const Args *args, Err *err)
{
    Db *db;
    LabelAudit *audit = NULL;
    int64_t top = TOP_DEFAULT;
    if (args_text(args, "out") == NULL)
        return err_set(err, ERR_USAGE, "audit: no --out DIR to write to");
    if (!args_int(args, &top, "top", 1, TOP_MOST, err) ||
        !results_open(&db, results_path(args), err))
        return false;
    LabelAuditOptions options = {.dataset = args_text(args, "dataset"),
                                 .scorer = args_text(args, "scorer"),
                                 .experiment = args_text(args, "experiment"),
                                 .rule = args_text(args, "rule"),
                                 .top = (int)top};
    bool ok = exclusion_use(db, args_text(args, "excluding"), err) &&
              label_audit_make(&audit, db, &options, err);
    results_close(db);
    ok = ok && write_files(args, audit, err);
    if (ok && label_audit_n_unranked(audit) > 0)
        log_info(
            "%d images are not ranked: no score, no run that held their domain out, or left out",
            label_audit_n_unranked(audit));
    label_audit_free(audit);
    return ok;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool apply(const Args *args, Err *err)
{
    Store *store;
    ExclusionCounts n;
    const char *path = args_text(args, "apply"), *name = args_text(args, "name");
    if (!file_exists(results_path(args)))
        return err_set(err, ERR_NOT_FOUND, "%s: can't be read (no such file)", results_path(args));
    if (!store_open(&store, results_path(args), err)) return false;
    bool ok = review_store(store, &n, path, name, err);
    store_close(store);
    if (!ok) return false;
    Arena *arena = arena_new();
    printf("%s: %lld excluded, %lld kept, %lld without a verdict%s\n",
           name != NULL ? name : review_name(path, arena), (long long)n.excluded, (long long)n.kept,
           (long long)n.open, n.replaced ? " (in place of the list that was there)" : "");
    arena_free(arena);
    return true;
}

static bool list(const Args *args, Err *err)
{
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    bool ok = query_named(r.db, stdout, "exclusions", (QueryParameters){0}, r.format, err);
    read_results_close(&r);
    return ok;
}

static bool remove_list(const Args *args, Err *err)
{
    Store *store;
    if (!file_exists(results_path(args)))
        return err_set(err, ERR_NOT_FOUND, "%s: can't be read (no such file)", results_path(args));
    if (!store_open(&store, results_path(args), err)) return false;
    bool ok = exclusion_remove(store, args_text(args, "remove"), err);
    store_close(store);
    return ok;
}

static bool run_audit(const Args *args, Err *err)
{
    static const struct {
        const char *option;
        bool (*run)(const Args *args, Err *err);
    } ACTIONS[] = {{"out", rank_images}, {"apply", apply}, {"list", list}, {"remove", remove_list}};
    bool (*run)(const Args *, Err *) = NULL;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++) {
        if (!args_has(args, ACTIONS[i].option)) continue;
        if (run != NULL)
            return err_set(err, ERR_USAGE,
                           "audit: --out, --apply, --list and --remove are one at a time");
        run = ACTIONS[i].run;
    }
    if (run == NULL)
        return err_set(err, ERR_USAGE,
                       "audit: expected --out DIR, --apply FILE, --list or --remove NAME");
    return run(args, err);
}

static const CliOption options[] = {
    OPTION_RESULTS,
    {"out", 'o', "DIR", "write DIR/audit.csv and DIR/index.html; made when it is missing", 0},
    {"top", 'n', "N", "so many images (default: 200)", 0},
    {"dataset", 'd', "NAME", "of this dataset (default: the only one)", 0},
    {"scorer", 0, "NAME", "alignment by this scorer (default: the only one that has scores)", 0},
    {"experiment", 'e', "NAME", "runs of this experiment only", 0},
    {"rule", 0, "RULE", "model selection (default: training-domain)", 0},
    OPTION_EXCLUDING,
    {"dataset-root", 0, "DIR", "folder that holds the images (default: as runs found them)", 0},
    {"csv-only", 0, NULL, "no contact sheet: the images are not needed", 0},
    {"apply", 0, "FILE.csv",
     "store a reviewed list: columns path and verdict (exclude, keep or "
     "nothing), maybe dataset and reason",
     0},
    {"name", 0, "NAME", "of the list (default: the file's name without .csv)", 0},
    {"list", 'l', NULL, "lists that are stored", 0},
    OPTION_FORMAT,
    {"remove", 0, "NAME", "forget a list", 0},
    {0},
};

const Command command_audit = {
    .name = "audit",
    .operands = "",
    .help = "find images whose labels look wrong; leave reviewed ones out",
    .about =
        "Images are ranked by low alignment of the image with the text of its label, and by runs "
        "that held its domain out and agree, with confidence, on another class. Needs scores "
        "(dgbench score), predictions of runs, or both.\n"
        "audit.csv has one row per image: write exclude or keep into the column verdict (the "
        "contact "
        "sheet index.html shows the pictures), and --apply it. Tables, queries and reports then do "
        "without the excluded images where they are told --excluding NAME; nothing that was "
        "measured "
        "changes.\n"
        "--apply takes all of a file or nothing: unknown paths, rows that are there twice and "
        "other "
        "verdicts are listed and counted.",
    .example = "dgbench audit --out audit\ndgbench audit --apply audit/audit.csv --name reviewed\n"
               "dgbench table --excluding reviewed",
    .options = options,
    .run = run_audit,
};
