/* Opening, making and migrating the results database; registering datasets. Runs are in
 * store_run.c. */
#include "store.h"

#include "clock.h"
#include "mem.h"
#include "results_files.h"
#include "store_internal.h"
#include "str.h"

#include <stdlib.h>
#include <time.h>

/* ---- opening
 * -------------------------------------------------------------------------------------------------
 */

/* Switching to WAL does not wait for others by itself: SQLite reports "busy" at once when two
 * processes make the file at the same time. */
static bool set_wal(Db *db, Err *err)
{
    double deadline = clock_seconds() + DB_BUSY_MS / 1000.0;
    while (sqlite3_exec(db_handle(db), "PRAGMA journal_mode = WAL", NULL, NULL, NULL) !=
           SQLITE_OK) {
        bool busy = sqlite3_errcode(db_handle(db)) == SQLITE_BUSY;
        if (!busy || clock_seconds() > deadline) return db_fail(db, err);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return db_script(db, "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON", err);
}

bool store_apply_scripts(Db *db, int64_t version, Err *err)
{
    for (int64_t i = version; i < STORE_VERSION; i++) {
        if (!db_script(db, schema_files[i].text, err)) return false;
    }
    for (const EmbeddedFile *file = view_files; file->name != NULL; file++) {
        if (!db_script(db, file->text, err)) return false;
    }
    Str pragmas = {0};
    str_addf(&pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             (int)DB_APPLICATION_ID, (int)STORE_VERSION);
    bool ok = db_script(db, str_text(&pragmas), err);
    str_done(&pragmas);
    return ok;
}

static bool check_version(Db *db, int64_t *out_version, Err *err)
{
    if (!db_version(db, out_version, err)) return false;
    if (*out_version <= STORE_VERSION) return true;
    return err_set(err, ERR_FORMAT,
                   "%s: version %lld of the results schema, this dgbench knows up to %d",
                   db_path(db), (long long)*out_version, (int)STORE_VERSION);
}

static bool migrate(Db *db, Err *err)
{
    int64_t version;
    if (!check_version(db, &version, err))
        return false; /* before anything of a foreign file is touched */
    if (!set_wal(db, err)) return false;
    if (version == STORE_VERSION) return true;
    if (!db_begin(db, err)) return false;
    bool ok = check_version(db, &version, err); /* another process may have been faster */
    if (ok && version < STORE_VERSION) ok = store_apply_scripts(db, version, err);
    if (ok) return db_commit(db, err);
    db_rollback(db);
    return false;
}

bool store_open(Store **out, const char *path, Err *err)
{
    Db *db;
    if (!db_open(&db, path, DB_WRITE, err)) return false;
    if (!migrate(db, err)) {
        db_close(db);
        return false;
    }
    Store *store = mem_alloc(1, sizeof *store);
    store->db = db;
    *out = store;
    return true;
}

void store_close(Store *store)
{
    if (store == NULL) return;
    db_close(store->db);
    free(store);
}

/* ---- datasets
 * ------------------------------------------------------------------------------------------------
 */

static bool first_and_count(Db *db, StoreIds *out, const char *sql, int64_t dataset, Err *err)
{
    DbRow row; /* lowest id, number, highest id */
    if (!db_get_row(db, &row, sql, DB_VALUES(db_int(dataset)), err)) return false;
    if (row.at[1] > 0 && row.at[2] - row.at[0] + 1 != row.at[1]) {
        return err_set(err, ERR_FORMAT,
                       "%s: the ids of dataset %lld have gaps, the database was changed by hand",
                       db_path(db), (long long)dataset);
    }
    *out = (StoreIds){.first = row.at[0], .n = row.at[1]};
    return true;
}

bool store_dataset_ids(Store *store, StoreIds *domains, StoreIds *classes, StoreIds *images,
                       int64_t dataset, Err *err)
{
    static const char domain_sql[] =
        "SELECT min(id), count(*), max(id) FROM domain WHERE dataset_id = ?";
    static const char class_sql[] =
        "SELECT min(id), count(*), max(id) FROM class WHERE dataset_id = ?";
    static const char image_sql[] =
        "SELECT min(id), count(*), max(id) FROM image WHERE dataset_id = ?";
    return first_and_count(store->db, domains, domain_sql, dataset, err) &&
           first_and_count(store->db, classes, class_sql, dataset, err) &&
           first_and_count(store->db, images, image_sql, dataset, err);
}

static bool next_id(Db *db, int64_t *out, const char *sql, Err *err)
{
    DbRow row;
    if (!db_get_row(db, &row, sql, DB_NO_VALUES, err)) return false;
    *out = row.at[0];
    return true;
}

static bool add_domains(Db *db, int64_t *out_first, int64_t id, const StoreDataset *dataset,
                        Err *err)
{
    if (!next_id(db, out_first, "SELECT coalesce(max(id), 0) + 1 FROM domain", err)) return false;
    for (int i = 0; i < dataset->n_domains; i++) {
        if (!db_do(db, "INSERT INTO domain (id, dataset_id, position, name) VALUES (?, ?, ?, ?)",
                   DB_VALUES(db_int(*out_first + i), db_int(id), db_int(i),
                             db_text(dataset->domains[i])),
                   err)) {
            return false;
        }
    }
    return true;
}

static bool add_classes(Db *db, int64_t *out_first, int64_t id, const StoreDataset *dataset,
                        Err *err)
{
    const char *const *texts =
        dataset->class_texts != NULL ? dataset->class_texts : dataset->classes;
    if (!next_id(db, out_first, "SELECT coalesce(max(id), 0) + 1 FROM class", err)) return false;
    for (int i = 0; i < dataset->n_classes; i++) {
        if (!db_do(
                db,
                "INSERT INTO class (id, dataset_id, position, name, text) VALUES (?, ?, ?, ?, ?)",
                DB_VALUES(db_int(*out_first + i), db_int(id), db_int(i),
                          db_text(dataset->classes[i]), db_text(texts[i])),
                err)) {
            return false;
        }
    }
    return true;
}

static bool add_images(Db *db, int64_t id, int64_t first_domain, int64_t first_class,
                       const StoreDataset *dataset, Err *err)
{
    int64_t first;
    if (!next_id(db, &first, "SELECT coalesce(max(id), 0) + 1 FROM image", err)) return false;
    for (int i = 0; i < dataset->n_images; i++) {
        const StoreImage *image = &dataset->images[i];
        check(image->domain >= 0 && image->domain < dataset->n_domains, "domain %d of image %d",
              image->domain, i);
        check(image->class_index >= 0 && image->class_index < dataset->n_classes,
              "class %d of image %d", image->class_index, i);
        if (!db_do(db,
                   "INSERT INTO image (id, dataset_id, position, domain_id, class_id, path, "
                   "concept, sha256)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   DB_VALUES(db_int(first + i), db_int(id), db_int(i),
                             db_int(first_domain + image->domain),
                             db_int(first_class + image->class_index), db_text(image->path),
                             db_text(image->concept), db_blob32(image->sha256)),
                   err)) {
            return false;
        }
    }
    return true;
}

/* The plain name belongs to the content that had it first; another one is called name@12345678. */
static bool add_dataset(Db *db, int64_t *out_id, const StoreDataset *dataset, Err *err)
{
    int64_t first_domain, first_class;
    DbRow row;
    if (!db_get_row(db, &row,
                    "INSERT INTO dataset (name, fingerprint, n_images)"
                    " SELECT CASE WHEN EXISTS (SELECT 1 FROM dataset WHERE name = ?1)"
                    "        THEN ?1 || '@' || substr(?2, 1, 8) ELSE ?1 END, ?2, ?3"
                    " RETURNING id",
                    DB_VALUES(db_text(dataset->name), db_text(dataset->fingerprint),
                              db_int(dataset->n_images)),
                    err))
        return false;
    *out_id = row.at[0];
    return add_domains(db, &first_domain, *out_id, dataset, err) &&
           add_classes(db, &first_class, *out_id, dataset, err) &&
           add_images(db, *out_id, first_domain, first_class, dataset, err);
}

static bool same_sizes(Store *store, int64_t id, const StoreDataset *dataset, Err *err)
{
    StoreIds domains = {0}, classes = {0}, images = {0};
    if (!store_dataset_ids(store, &domains, &classes, &images, id, err)) return false;
    if (domains.n == dataset->n_domains && classes.n == dataset->n_classes &&
        images.n == dataset->n_images)
        return true;
    return err_set(err, ERR_FORMAT,
                   "%s: dataset %s is stored with %lld domains, %lld classes, %lld images, found "
                   "%d, %d, %d under the"
                   " same fingerprint",
                   db_path(store->db), dataset->name, (long long)domains.n, (long long)classes.n,
                   (long long)images.n, dataset->n_domains, dataset->n_classes, dataset->n_images);
}

bool store_write_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset, Err *err)
{
    DbRow row;
    if (!db_get_row(store->db, &row, "SELECT id FROM dataset WHERE fingerprint = ?",
                    DB_VALUES(db_text(dataset->fingerprint)), err)) {
        return false;
    }
    if (!row.found) return add_dataset(store->db, out_dataset, dataset, err);
    *out_dataset = row.at[0];
    return same_sizes(store, row.at[0], dataset, err);
}

bool store_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset, Err *err)
{
    int64_t id;
    if (!db_begin(store->db, err)) return false;
    if (!store_write_dataset(store, &id, dataset, err)) {
        db_rollback(store->db);
        return false;
    }
    if (!db_commit(store->db, err)) return false;
    *out_dataset = id;
    return true;
}
