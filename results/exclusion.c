/* Reading without images: see exclusion.h. The SQL is exclusion/use.sql. */
#include "exclusion.h"

#include "database.h"
#include "query_internal.h"
#include "report_rows.h"
#include "results_files.h"
#include "str.h"
#include "view_copy.h"

/* What selects runs and checkpoints goes on reading all images, and these read none. */
static const char VIEWS[] =
    "SELECT name FROM main.sqlite_master WHERE type = 'view' AND name NOT IN ('run_info', "
    "'run_count', 'run_cost', 'validation_pair', 'doubled_step', 'leave_one_domain_out', "
    "'run_candidate_source', 'left_out_source', 'candidate', 'candidate_alone', "
    "'candidate_left_out', "
    "'selected')";

static const char EXCLUDED[] =
    "CREATE TEMP TABLE excluded AS SELECT image_id, domain_id, class_id"
    " FROM main.exclusion"
    " CROSS JOIN main.exclusion_image ON exclusion_id = exclusion.id AND verdict = 'exclude'"
    " CROSS JOIN main.image ON image.id = image_id WHERE exclusion.name = ?";

static const char DATASETS[] =
    "SELECT name || ': ' || group_concat(domain || ' ' || n, ', ') AS text, sum(n) AS n FROM ("
    " SELECT dataset.name, domain.name AS domain, count(*) AS n FROM temp.excluded"
    " JOIN main.domain ON domain.id = domain_id JOIN main.dataset ON dataset.id = dataset_id"
    " GROUP BY domain_id ORDER BY dataset_id, domain.position) GROUP BY name";

static const char UNKNOWN[] =
    "SELECT count(*) FROM (SELECT DISTINCT checkpoint_id FROM temp.corrected WHERE n IS NULL)";

static bool copy_views(Db *db, Arena *arena, Err *err)
{
    Rows views;
    if (!rows_read(&views, db, VIEWS, (QueryParameters){0}, arena, err)) return false;
    for (int i = 0; i < views.n_rows; i++) {
        if (!view_copy(db, rows_text(&views, i, "name"), arena, err)) return false;
    }
    return true;
}

/* The sentence that tables print. */
static bool describe(Db *db, const char *name, Arena *arena, Err *err)
{
    Rows datasets;
    DbRow unknown;
    if (!rows_read(&datasets, db, DATASETS, (QueryParameters){0}, arena, err) ||
        !db_get_row(db, &unknown, UNKNOWN, DB_NO_VALUES, err))
        return false;
    int n = 0;
    Str where = {0}, text = {0};
    for (int i = 0; i < datasets.n_rows; i++) {
        str_addf(&where, "%s%s", i > 0 ? "; " : "", rows_text(&datasets, i, "text"));
        n += (int)rows_number(&datasets, i, "n");
    }
    str_addf(&text,
             "Without %d image%s excluded by \"%s\"%s%s%s: counted again from stored "
             "predictions of held-out domains; selection, validation and source domains as with "
             "all images.",
             n, n == 1 ? "" : "s", name, n > 0 ? " (" : "", str_text(&where), n > 0 ? ")" : "");
    if (unknown.at[0] > 0)
        str_addf(&text,
                 " Of %lld checkpoints no predictions are stored: their accuracies on these "
                 "domains are left out.",
                 (long long)unknown.at[0]);
    db_set_left_out(db, name, str_text(&text));
    str_done(&where);
    str_done(&text);
    return true;
}

bool exclusion_find(Db *db, const char *name, Err *err)
{
    Rows names;
    Arena *arena = arena_new();
    bool ok = rows_read(&names, db, "SELECT name FROM main.exclusion ORDER BY name",
                        (QueryParameters){0}, arena, err);
    if (ok && rows_label_index(names.cells, names.n_rows, name) == names.n_rows) {
        const char *near = str_nearest(name, names.cells, names.n_rows);
        ok = err_set(err, ERR_USAGE, "%s: no list of exclusions \"%s\"%s%s%s", db_path(db), name,
                     near ? " (did you mean \"" : ", see dgbench audit --list", near ? near : "",
                     near ? "\"?)" : "");
    }
    arena_free(arena);
    return ok;
}

static bool hide(Db *db, const char *name, Arena *arena, Err *err)
{
    return db_script(db, "PRAGMA temp_store = MEMORY", err) &&
           db_do(db, "CREATE TEMP TABLE excluding AS SELECT ? AS name", DB_VALUES(db_text(name)),
                 err) &&
           db_do(db, EXCLUDED, DB_VALUES(db_text(name)), err) &&
           db_script(db, exclusion_files[0].text, err) && copy_views(db, arena, err) &&
           describe(db, name, arena, err);
}

bool exclusion_use(Db *db, const char *name, Err *err)
{
    if (name == NULL) return true;
    Arena *arena = arena_new();
    bool ok = exclusion_find(db, name, err);
    if (ok) {
        query_only_reads(db, false); /* temporary tables are made */
        ok = hide(db, name, arena, err);
        query_only_reads(db, true);
    }
    arena_free(arena);
    return ok;
}

const char *exclusion_sentence(const Db *db)
{
    return db_left_out_sentence(db);
}
