/* Merging: see merge.h. Here: which file is read, the transactions, and the report; what is copied
 * and how is in merge/begin.sql, runs.sql and end.sql. */
#include "merge.h"

#include "mem.h"
#include "progress.h"
#include "results_files.h"
#include "store_internal.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the source ---- */

static bool check_version(Db *db, int64_t *out_version, Err *err)
{
    if (!db_version(db, out_version, err)) return false;
    if (*out_version < 1)
        return err_set(err, ERR_FORMAT, "%s: empty, expected a results file of dgbench",
                       db_path(db));
    if (*out_version > STORE_VERSION)
        return err_set(err, ERR_FORMAT,
                       "%s: version %lld of the results schema, this dgbench knows up to %d",
                       db_path(db), (long long)*out_version, (int)STORE_VERSION);
    return true;
}

bool merge_check(const char *source, Err *err)
{
    Db *db;
    int64_t version;
    if (!db_open(&db, source, DB_READ, err)) return false;
    bool ok = check_version(db, &version, err) && db_check(db, err);
    db_close(db);
    return ok;
}

static bool copy_pages(Db *to, Db *from, Err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(db_handle(to), "main", db_handle(from), "main");
    if (backup == NULL) return db_fail(to, err);
    int rc = sqlite3_backup_step(backup, -1);
    (void)sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE) return true;
    return err_set(err, ERR_IO, "%s: can't be copied to %s (%s)", db_path(from), db_path(to),
                   sqlite3_errstr(rc));
}

static bool bring_up_to_date(Db *copy, int64_t version, Err *err)
{
    /* A file of its own, without side files: it loses its name as soon as it is attached. */
    if (!db_script(copy, "PRAGMA journal_mode = DELETE", err) || !db_begin(copy, err)) return false;
    if (store_apply_scripts(copy, version, err)) return db_commit(copy, err);
    db_rollback(copy);
    return false;
}

/* A file beside the target with what an older source holds, in today's version. */
static bool make_copy(Str *out_path, const Store *store, Db *source, int64_t version, Err *err)
{
    Db *copy;
    str_addf(out_path, "%s.older-XXXXXX", db_path(store->db));
    int file = mkstemp(out_path->text);
    if (file < 0) {
        err_set(err, ERR_IO, "%s: %s", str_text(out_path), strerror(errno));
        str_clear(out_path);
        return false;
    }
    (void)close(file);
    if (!db_open(&copy, str_text(out_path), DB_WRITE, err)) return false;
    bool ok = copy_pages(copy, source, err) && bring_up_to_date(copy, version, err);
    db_close(copy);
    return ok;
}

static bool attach(Store *store, const char *path, Err *err)
{
    Db *source;
    int64_t version;
    Str copy = {0};
    if (!db_open(&source, path, DB_READ, err)) return false;
    bool ok = check_version(source, &version, err);
    if (ok && version < STORE_VERSION) ok = make_copy(&copy, store, source, version, err);
    db_close(source);
    if (ok) ok = db_attach_source(store->db, copy.n > 0 ? str_text(&copy) : path, err);
    DbRow ignored; /* opens the file, which ATTACH itself leaves for later */
    if (ok)
        ok = db_get_row(store->db, &ignored, "SELECT count(*) FROM source.dataset", DB_NO_VALUES,
                        err);
    if (copy.n > 0) (void)unlink(str_text(&copy));
    str_done(&copy);
    return ok;
}

/* ---- the transactions ---- */

static const char *script(const char *name)
{
    const EmbeddedFile *file = merge_files;
    while (file->name != NULL && !str_equal(file->name, name)) file++;
    check(file->name != NULL, "no script %s", name);
    return file->text;
}

static bool refused(Db *db, Err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db_handle(db), "SELECT text FROM temp.refusal", -1, &statement, NULL) !=
        SQLITE_OK)
        return !db_fail(db, err);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    if (found)
        err_set(err, ERR_FORMAT, "%s %s", (const char *)sqlite3_column_text(statement, 0),
                db_path(db));
    sqlite3_finalize(statement);
    return found;
}

static bool run_script(Db *db, const char *name, Err *err)
{
    if (!db_begin(db, err)) return false;
    if (db_script(db, script(name), err) && !refused(db, err)) return db_commit(db, err);
    db_rollback(db);
    return false;
}

static bool merge_runs(Db *db, const char *source, Err *err)
{
    DbRow row; /* number of runs, of those that are through; number of rows in progress */
    Progress progress;
    if (!db_get_row(db, &row, "SELECT count(*) FROM source.run", DB_NO_VALUES, err)) return false;
    bool shown = row.at[0] > 1000; /* fewer take no time */
    if (shown) progress_begin(&progress, source, row.at[0], "runs");
    bool ok;
    do {
        ok = run_script(db, "runs.sql", err) &&
             db_get_row(db, &row,
                        "SELECT (SELECT coalesce(sum(n), 0) FROM temp.tally),"
                        " (SELECT count(*) FROM temp.progress)",
                        DB_NO_VALUES, err);
        if (ok && shown) progress_update(&progress, row.at[0], "");
    } while (ok && row.at[1] > 0);
    if (shown) progress_end(&progress);
    return ok;
}

/* ---- the report ---- */

static bool write_notes(Db *db, const char *source, FILE *out, Err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db_handle(db), "SELECT text, is_conflict FROM temp.note ORDER BY rowid",
                           -1, &statement, NULL) != SQLITE_OK)
        return db_fail(db, err);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        bool conflict = sqlite3_column_int(statement, 1) != 0;
        fprintf(out, "%s: %s%s\n", source, conflict ? "conflict: " : "",
                (const char *)sqlite3_column_text(statement, 0));
    }
    return sqlite3_finalize(statement) == SQLITE_OK || db_fail(db, err);
}

static bool read_counts(Db *db, MergeCounts *out, Err *err)
{
    DbRow runs, conflicts;
    if (!db_get_row(db, &runs,
                    "SELECT sum(n) FILTER (WHERE action = 'add'),"
                    " sum(n) FILTER (WHERE action = 'replace'),"
                    " sum(n) FILTER (WHERE action = 'keep'),"
                    " sum(n) FILTER (WHERE action = 'same') FROM temp.tally",
                    DB_NO_VALUES, err) ||
        !db_get_row(db, &conflicts, "SELECT coalesce(sum(is_conflict), 0) FROM temp.note",
                    DB_NO_VALUES, err))
        return false;
    *out = (MergeCounts){runs.at[0], runs.at[1], runs.at[2], runs.at[3], conflicts.at[0]};
    return true;
}

bool merge_source(Store *store, const char *source, FILE *out, MergeCounts *counts, Err *err)
{
    Db *db = store->db;
    if (!attach(store, source, err)) {
        db_detach_source(db);
        return false;
    }
    bool ok = (run_script(db, "begin.sql", err) && merge_runs(db, source, err) &&
               run_script(db, "end.sql", err) && read_counts(db, counts, err) &&
               write_notes(db, source, out, err)) ||
              err_context(err, "merging %s", source);
    db_detach_source(db);
    return ok;
}
