/* SQLite with the manners of this code base: see database.h. */
#include "database.h"

#include "file.h"
#include "mem.h"
#include "sql_association.h"
#include "sql_statistics.h"
#include "str.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *sql; /* compared by address: a constant of the program */
    sqlite3_stmt *statement;
} Prepared;

struct Db {
    sqlite3 *handle;
    char *path;
    char *left_out_name, *left_out_sentence; /* NULL: nothing is left out */
    Prepared *prepared;
    int n_prepared, capacity;
};

bool db_fail(Db *db, Err *err)
{
    switch (sqlite3_errcode(db->handle)) {
    case SQLITE_NOTADB:
        return err_set(err, ERR_FORMAT, "%s: not a database, expected a results file of dgbench",
                       db->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_IO, "%s: locked by another program for more than %d s", db->path,
                       DB_BUSY_MS / 1000);
    case SQLITE_FULL:
        return err_set(err, ERR_IO, "%s: disk full; what was stored before is kept", db->path);
    case SQLITE_CORRUPT:
        return err_set(err, ERR_FORMAT, "%s: damaged (%s)", db->path, sqlite3_errmsg(db->handle));
    case SQLITE_READONLY:
        return err_set(err, ERR_IO, "%s: can't be written (%s)", db->path,
                       sqlite3_errmsg(db->handle));
    default:
        return err_set(err, ERR_IO, "%s: %s", db->path, sqlite3_errmsg(db->handle));
    }
}

static void db_forget(Db *db)
{
    for (int i = 0; i < db->n_prepared; i++) sqlite3_finalize(db->prepared[i].statement);
    db->n_prepared = 0;
}

/* SQLite reads a file in WAL mode only where it can put its two side files beside it; on a folder
 * that can't be written it has to be told that nobody else writes. A log that is there is never
 * passed over. */
static bool is_immutable(const char *path)
{
    Str log = {0};
    str_addf(&log, "%s-wal", path);
    bool has_log = file_size(str_text(&log)) > 0;
    str_done(&log);
    char *copy = mem_strdup(path);
    bool writable = access(dirname(copy), W_OK) == 0;
    free(copy);
    return !has_log && !writable;
}

/* file:/a%20path?mode=ro: no path can be taken for an option, or for another kind of database. */
static void read_only_uri(Str *out, const char *path)
{
    while (path[0] == '/' && path[1] == '/') path++; /* "//" would begin the name of a host */
    str_add(out, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c != '\0'; c++)
        str_addf(out, strchr("%?#", *c) != NULL ? "%%%02x" : "%c", *c);
    str_add(out, is_immutable(path) ? "?mode=ro&immutable=1" : "?mode=ro");
}

static bool refuse_path(const char *path, bool reading, Err *err)
{
    if (file_is_dir(path))
        return err_set(err, ERR_NOT_FOUND, "%s: a folder, expected a results file", path);
    if (reading && !file_exists(path))
        return err_set(err, ERR_NOT_FOUND, "%s: can't be read (no such file)", path);
    return true;
}

static bool open_handle(Db *db, DbMode mode, Err *err)
{
    if (!refuse_path(db->path, mode == DB_READ, err)) return false;
    int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    Str name = {0};
    if (mode == DB_READ)
        read_only_uri(&name, db->path);
    else /* a file of this name, whatever it looks like */
        str_addf(&name, "%s%s", db->path[0] == '/' ? "" : "./", db->path);
    int rc = sqlite3_open_v2(str_text(&name), &db->handle,
                             flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    str_done(&name);
    check(db->handle != NULL, "out of memory opening %s", db->path);
    if (rc != SQLITE_OK) {
        const char *why = sqlite3_errmsg(db->handle);
        if (mode == DB_READ)
            return err_set(err, ERR_NOT_FOUND, "%s: can't be read (%s)", db->path, why);
        return err_set(err, ERR_IO, "%s: can't be made or written (%s)", db->path, why);
    }
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 0);
    sql_statistics_register(db->handle);
    sql_association_register(db->handle);
    /* pages are read in place, not copied: large tables jump about in the file */
    return mode != DB_READ || db_script(db, "PRAGMA mmap_size = 4294967296", err);
}

bool db_attach_source(Db *db, const char *path, Err *err)
{
    Str name = {0};
    read_only_uri(&name, path);
    bool ok = refuse_path(path, true, err) &&
              db_do(db, "ATTACH ? AS source", DB_VALUES(db_text(str_text(&name))), err);
    str_done(&name);
    return ok;
}

/* Statements that name it are dropped with it. */
void db_detach_source(Db *db)
{
    db_forget(db);
    (void)sqlite3_exec(db->handle, "DETACH source", NULL, NULL, NULL);
}

bool db_open(Db **out, const char *path, DbMode mode, Err *err)
{
    Db *db = mem_alloc(1, sizeof *db);
    db->path = mem_strdup(path);
    if (!open_handle(db, mode, err)) {
        db_close(db);
        return false;
    }
    *out = db;
    return true;
}

void db_close(Db *db)
{
    if (db == NULL) return;
    db_forget(db);
    sqlite3_close(db->handle);
    free(db->prepared);
    free(db->left_out_name);
    free(db->left_out_sentence);
    free(db->path);
    free(db);
}

sqlite3 *db_handle(Db *db)
{
    return db->handle;
}

const char *db_path(const Db *db)
{
    return db->path;
}

void db_set_left_out(Db *db, const char *name, const char *sentence)
{
    free(db->left_out_name);
    free(db->left_out_sentence);
    db->left_out_name = mem_strdup(name);
    db->left_out_sentence = mem_strdup(sentence);
}

const char *db_left_out_name(const Db *db)
{
    return db->left_out_name;
}

const char *db_left_out_sentence(const Db *db)
{
    return db->left_out_sentence;
}

static sqlite3_stmt *prepare(Db *db, const char *sql, Err *err)
{
    for (int i = 0; i < db->n_prepared; i++) {
        if (db->prepared[i].sql == sql) return db->prepared[i].statement;
    }
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        db_fail(db, err);
        return NULL;
    }
    mem_reserve(db->prepared, db->capacity, db->n_prepared + 1);
    db->prepared[db->n_prepared++] = (Prepared){sql, statement};
    return statement;
}

static void bind_value(sqlite3_stmt *statement, int i, const DbValue *value)
{
    int rc = SQLITE_OK;
    switch (value->type) {
    case DB_NULL:
        rc = sqlite3_bind_null(statement, i);
        break;
    case DB_INT:
        rc = sqlite3_bind_int64(statement, i, value->as.integer);
        break;
    case DB_REAL:
        rc = sqlite3_bind_double(statement, i, value->as.real);
        break;
    case DB_TEXT:
        rc = sqlite3_bind_text(statement, i, value->as.text, -1, SQLITE_STATIC);
        break;
    case DB_BLOB32:
        rc = sqlite3_bind_blob(statement, i, value->as.blob, 32, SQLITE_STATIC);
        break;
    }
    check(rc == SQLITE_OK, "value %d can't be bound (%d) in: %s", i, rc, sqlite3_sql(statement));
}

static sqlite3_stmt *bound(Db *db, const char *sql, DbValues values, Err *err)
{
    sqlite3_stmt *statement = prepare(db, sql, err);
    if (statement == NULL) return NULL;
    check(sqlite3_bind_parameter_count(statement) == values.n, "%d values for: %s", values.n, sql);
    for (int i = 0; i < values.n; i++) bind_value(statement, i + 1, &values.items[i]);
    return statement;
}

bool db_get_row(Db *db, DbRow *out, const char *sql, DbValues values, Err *err)
{
    *out = (DbRow){.found = false};
    sqlite3_stmt *statement = bound(db, sql, values, err);
    if (statement == NULL) return false;
    int n_columns = sqlite3_column_count(statement);
    check(n_columns <= DB_MAX_COLUMNS, "%d columns: %s", n_columns, sql);
    int rc = sqlite3_step(statement);
    out->found = rc == SQLITE_ROW;
    for (int i = 0; out->found && i < n_columns; i++)
        out->at[i] = sqlite3_column_int64(statement, i);
    while (rc == SQLITE_ROW) rc = sqlite3_step(statement);
    bool ok = rc == SQLITE_DONE || db_fail(db, err);
    sqlite3_reset(statement);
    return ok;
}

bool db_do(Db *db, const char *sql, DbValues values, Err *err)
{
    sqlite3_stmt *statement = bound(db, sql, values, err);
    if (statement == NULL) return false;
    bool ok = sqlite3_step(statement) == SQLITE_DONE || db_fail(db, err);
    sqlite3_reset(statement);
    return ok;
}

bool db_script(Db *db, const char *sql, Err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(db, err);
}

bool db_begin(Db *db, Err *err)
{
    return db_script(db, "BEGIN IMMEDIATE", err);
}

bool db_commit(Db *db, Err *err)
{
    if (db_script(db, "COMMIT", err)) return true;
    db_rollback(db);
    return false;
}

void db_rollback(Db *db)
{
    if (sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

bool db_version(Db *db, int64_t *out, Err *err)
{
    static const char sql[] =
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)";
    DbRow row; /* application id, version, number of tables and views */
    if (!db_get_row(db, &row, sql, DB_NO_VALUES, err)) return false;
    bool empty = row.at[0] == 0 && row.at[1] == 0 && row.at[2] == 0;
    if (!empty && row.at[0] != DB_APPLICATION_ID) {
        return err_set(err, ERR_FORMAT,
                       "%s: a database of another program, expected a results file of dgbench",
                       db->path);
    }
    *out = row.at[1];
    return true;
}

bool db_check(Db *db, Err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK)
        return db_fail(db, err);
    bool ok = sqlite3_step(statement) == SQLITE_ROW || db_fail(db, err);
    const char *found = ok ? (const char *)sqlite3_column_text(statement, 0) : "ok";
    if (!str_equal(found, "ok")) { /* below a headline that names the database "main" */
        const char *line = strchr(found, '\n');
        ok = err_set(err, ERR_FORMAT, "%s: damaged (%s)", db->path, line ? line + 1 : found);
    }
    sqlite3_finalize(statement);
    return ok;
}
