/* Opening the database for reading only: see query.h. */
#include "database.h"
#include "log.h"
#include "query_internal.h"
#include "store.h"

#include <string.h>

/* Pragmas that tell and change nothing. */
static bool is_harmless_pragma(const char *name, const char *argument)
{
    static const char *const WITH_ARGUMENT[] = {"table_info",      "table_xinfo", "table_list",
                                                "index_list",      "index_info",  "index_xinfo",
                                                "foreign_key_list"};
    static const char *const WITHOUT[] = {"user_version",  "application_id", "database_list",
                                          "function_list", "collation_list", "compile_options",
                                          "page_count",    "page_size",      "freelist_count",
                                          "encoding",      "journal_mode"};
    for (size_t i = 0; i < sizeof WITH_ARGUMENT / sizeof WITH_ARGUMENT[0]; i++) {
        if (strcmp(name, WITH_ARGUMENT[i]) == 0) return true;
    }
    for (size_t i = 0; argument == NULL && i < sizeof WITHOUT / sizeof WITHOUT[0]; i++) {
        if (strcmp(name, WITHOUT[i]) == 0) return true;
    }
    return false;
}

/* sqlite3_set_authorizer's callback: everything that is no reading is refused while a statement is
 * prepared. */
static int allow_reading(void *unused, int action, const char *first, const char *second,
                         const char *database, const char *trigger)
{
    (void)unused;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return sqlite3_stricmp(second, "load_extension") == 0 ||
                       sqlite3_stricmp(second, "fts3_tokenizer") == 0
                   ? SQLITE_DENY
                   : SQLITE_OK;
    case SQLITE_PRAGMA:
        return is_harmless_pragma(first, second) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_UPDATE: /* what declaring json_each & co. looks like; a real one is no read-only
                           statement */
        return sqlite3_stricmp(first, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

/* Everything that a reading command needs is in today's version only. */
static bool bring_up_to_date(const char *path, int64_t version, Err *err)
{
    Store *store;
    if (!store_open(&store, path, err)) {
        return err_context(err, "version %lld of the results schema, and making it %d failed",
                           (long long)version, (int)STORE_VERSION);
    }
    store_close(store);
    log_info("%s: brought from version %lld of the results schema to %d", path, (long long)version,
             (int)STORE_VERSION);
    return true;
}

static bool open_any_version(Db **out, int64_t *version, const char *path, Err *err)
{
    if (!db_open(out, path, DB_READ, err)) return false;
    if (!db_version(*out, version, err)) goto fail;
    if (*version < 1) {
        err_set(err, ERR_FORMAT, "%s: empty, expected a results file of dgbench", path);
        goto fail;
    }
    if (*version > STORE_VERSION) {
        err_set(err, ERR_FORMAT,
                "%s: version %lld of the results schema, this dgbench knows up to %d", path,
                (long long)*version, (int)STORE_VERSION);
        goto fail;
    }
    return true;
fail:
    db_close(*out);
    return false;
}

void query_only_reads(Db *db, bool only)
{
    sqlite3_set_authorizer(db_handle(db), only ? allow_reading : NULL, NULL);
}

bool results_open(Db **out, const char *path, Err *err)
{
    Db *db;
    int64_t version;
    if (!open_any_version(&db, &version, path, err)) return false;
    if (version < STORE_VERSION) {
        db_close(db);
        if (!bring_up_to_date(path, version, err)) return false;
        if (!open_any_version(&db, &version, path, err)) return false;
    }
    query_only_reads(db, true);
    *out = db;
    return true;
}

void results_close(Db *db)
{
    db_close(db);
}
