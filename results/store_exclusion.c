/* Writing reviewed lists: see exclusion.h. The SQL that finds their images is exclusion/take.sql.
 */
#include "exclusion.h"

#include "clock.h"
#include "log.h"
#include "report_rows.h"
#include "results_files.h"
#include "store_internal.h"
#include "str.h"

enum { COMPLAINTS_SHOWN = 20 };

static const char BEGIN[] =
    "DROP TABLE IF EXISTS temp.verdict; DROP TABLE IF EXISTS temp.found;"
    "DROP TABLE IF EXISTS temp.complaint;"
    "CREATE TEMP TABLE verdict (line INTEGER PRIMARY KEY, dataset TEXT, path TEXT NOT NULL,"
    " verdict TEXT NOT NULL, reason TEXT)";

static const char ADD_VERDICT[] = "INSERT INTO temp.verdict VALUES (?, nullif(?, ''), ?, ?, ?)";

static const char ADD_IMAGES[] =
    "INSERT INTO main.exclusion_image (exclusion_id, image_id, verdict, reason)"
    " SELECT (SELECT id FROM main.exclusion WHERE name = ?), image_id, verdict, nullif(reason, '')"
    " FROM temp.verdict JOIN temp.found USING (line) WHERE verdict <> ''";

static bool add_verdicts(Db *db, const ExclusionList *list, Err *err)
{
    bool ok = db_script(db, BEGIN, err);
    for (int i = 0; ok && i < list->n; i++) {
        const ExclusionVerdict *v = &list->verdicts[i];
        ok = db_do(db, ADD_VERDICT,
                   DB_VALUES(db_int(v->line), db_text(v->dataset), db_text(v->path),
                             db_text(v->verdict), db_text(v->reason)),
                   err);
    }
    return ok && db_script(db, exclusion_files[1].text, err);
}

static bool refuse_complaints(Db *db, const ExclusionList *list, Err *err)
{
    Rows rows;
    Arena *arena = arena_new();
    bool ok = rows_read(&rows, db, "SELECT line, text FROM temp.complaint ORDER BY line, text",
                        (QueryParameters){0}, arena, err);
    if (ok && rows.n_rows > 0) {
        for (int i = 0; i < rows.n_rows && i < COMPLAINTS_SHOWN; i++)
            log_warn("%s:%s: %s", list->source, rows_text(&rows, i, "line"),
                     rows_text(&rows, i, "text"));
        if (rows.n_rows > COMPLAINTS_SHOWN)
            log_warn("%s: %d more", list->source, rows.n_rows - COMPLAINTS_SHOWN);
        ok = err_set(err, ERR_FORMAT, "%s: %d thing%s wrong, see above; nothing is stored",
                     list->source, rows.n_rows, rows.n_rows == 1 ? "" : "s");
    }
    arena_free(arena);
    return ok;
}

static bool write_list(Db *db, ExclusionCounts *counts, const ExclusionList *list, Err *err)
{
    DbRow was, row;
    char now[CLOCK_UTC_SIZE];
    clock_utc(now);
    DbValue name = db_text(list->name);
    if (!db_get_row(db, &was, "SELECT id FROM main.exclusion WHERE name = ?", DB_VALUES(name),
                    err) ||
        !db_do(db, "DELETE FROM main.exclusion WHERE name = ?", DB_VALUES(name), err) ||
        !db_do(db, "INSERT INTO main.exclusion (name, source, stored) VALUES (?, ?, ?)",
               DB_VALUES(name, db_text(list->source), db_text(now)), err) ||
        !db_do(db, ADD_IMAGES, DB_VALUES(name), err) ||
        !db_get_row(db, &row,
                    "SELECT sum(verdict = 'exclude'), sum(verdict = 'keep'), sum(verdict = '')"
                    " FROM temp.verdict",
                    DB_NO_VALUES, err))
        return false;
    *counts = (ExclusionCounts){row.at[0], row.at[1], row.at[2], was.found};
    return true;
}

bool exclusion_store(Store *store, ExclusionCounts *counts, const ExclusionList *list, Err *err)
{
    Db *db = store->db;
    if (!db_begin(db, err)) return false;
    if (add_verdicts(db, list, err) && refuse_complaints(db, list, err) &&
        write_list(db, counts, list, err))
        return db_commit(db, err);
    db_rollback(db);
    return false;
}

bool exclusion_remove(Store *store, const char *name, Err *err)
{
    return exclusion_find(store->db, name, err) &&
           db_do(store->db, "DELETE FROM main.exclusion WHERE name = ?", DB_VALUES(db_text(name)),
                 err);
}
