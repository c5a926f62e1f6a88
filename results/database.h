/* SQLite with the manners of this code base: one-line errors that begin with the file's path,
 * statements prepared once, values bound and never pasted. Internal to results/: others use
 * store.h, query.h, tables.h. */
#ifndef RESULTS_DATABASE_H
#define RESULTS_DATABASE_H

#include "err.h"

#include <math.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

enum { DB_APPLICATION_ID = 0x64676231 /* "dgb1" */, DB_BUSY_MS = 30000 };

typedef struct Db Db;

typedef enum { DB_READ, DB_WRITE } DbMode; /* DB_WRITE makes the file when it is missing */

MUST_USE bool db_open(Db **out, const char *path, DbMode mode, Err *err);
void db_close(Db *db); /* NULL is fine */

/* A second file, for reading only, under the schema name "source": its tables are source.run, ...
 */
MUST_USE bool db_attach_source(Db *db, const char *path, Err *err);
void db_detach_source(Db *db);
sqlite3 *db_handle(Db *db);
const char *db_path(const Db *db);

/* What this connection leaves out, for people who read its tables: the name of a list, and a
 * sentence. Copied; NULL: nothing. */
void db_set_left_out(Db *db, const char *name, const char *sentence);
const char *db_left_out_name(const Db *db);
const char *db_left_out_sentence(const Db *db);

/* Sets err from the connection's last error, in words: locked, full, damaged, no database. Always
 * returns false. */
bool db_fail(Db *db, Err *err);

/* The version of a results file: 0 for an empty database. Fails when it is not a results file of
 * ours. */
MUST_USE bool db_version(Db *db, int64_t *out, Err *err);

/* Reads all of the file: fails with one line when its pages don't fit together. */
MUST_USE bool db_check(Db *db, Err *err);

/* A value to bind: exactly what SQLite knows. */
typedef struct {
    enum { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB32 } type;
    union {
        int64_t integer;
        double real;
        const char *text;
        const uint8_t *blob;
    } as;
} DbValue;

static inline DbValue db_int(int64_t value)
{
    return (DbValue){.type = DB_INT, .as.integer = value};
}

static inline DbValue db_real(double value) /* not finite: NULL */
{
    return isfinite(value) ? (DbValue){.type = DB_REAL, .as.real = value}
                           : (DbValue){.type = DB_NULL};
}

static inline DbValue
db_text(const char *text) /* NULL: NULL; borrowed until the statement has run */
{
    return text == NULL ? (DbValue){.type = DB_NULL} : (DbValue){.type = DB_TEXT, .as.text = text};
}

static inline DbValue db_blob32(const uint8_t *bytes) /* 32 bytes, or NULL */
{
    return bytes == NULL ? (DbValue){.type = DB_NULL}
                         : (DbValue){.type = DB_BLOB32, .as.blob = bytes};
}

/* The values of one call, with their number: DB_VALUES(db_int(1), db_text("a")). */
typedef struct {
    const DbValue *items;
    int n;
} DbValues;

#define DB_VALUES(...)                                                                             \
    ((DbValues){(const DbValue[]){__VA_ARGS__},                                                    \
                (int)(sizeof((const DbValue[]){__VA_ARGS__}) / sizeof(DbValue))})
#define DB_NO_VALUES ((DbValues){NULL, 0})

/* Runs one statement to its end; sql has to be a constant of the program (it is prepared once and
 * kept). */
MUST_USE bool db_do(Db *db, const char *sql, DbValues values, Err *err);

/* A row of integers. */
enum { DB_MAX_COLUMNS = 4 };
typedef struct {
    bool found;
    int64_t at[DB_MAX_COLUMNS]; /* 0 where there is no row, or NULL in it */
} DbRow;

/* The same for a SELECT (or RETURNING) of at most one row of integers. */
MUST_USE bool db_get_row(Db *db, DbRow *out, const char *sql, DbValues values, Err *err);

/* Statements without values, one after the other: schemas, BEGIN, pragmas. */
MUST_USE bool db_script(Db *db, const char *sql, Err *err);

/* BEGIN IMMEDIATE: waits for other writers. db_rollback never fails. */
MUST_USE bool db_begin(Db *db, Err *err);
MUST_USE bool db_commit(Db *db, Err *err); /* rolled back when it fails */
void db_rollback(Db *db);

#endif
