/* Runs in bulk: see store_bulk.h. */
#include "store_bulk.h"

#include "clock.h"
#include "store_internal.h"
#include "str.h"

/* "split IN ('in', 'out', 'uda')" makes a temporary table for each row, more than half the time of
 * an import. What is written here is held to the CHECKs by check_eval and by our own enums. */
static bool check_constraints(Db *db, bool on, Err *err)
{
    return db_script(
        db, on ? "PRAGMA ignore_check_constraints = OFF" : "PRAGMA ignore_check_constraints = ON",
        err);
}

bool store_bulk_begin(Store *store, Err *err)
{
    return check_constraints(store->db, false, err) && db_begin(store->db, err);
}

bool store_bulk_commit(Store *store, Err *err)
{
    return db_commit(store->db, err) && check_constraints(store->db, true, err);
}

void store_bulk_rollback(Store *store)
{
    Err ignored = {0};
    db_rollback(store->db);
    (void)check_constraints(store->db, true, &ignored);
}

bool store_bulk_dataset(Store *store, int64_t *out_dataset, const StoreDataset *dataset, Err *err)
{
    return store_write_dataset(store, out_dataset, dataset, err);
}

bool store_bulk_find(Store *store, StoreBulkFound *out, const StoreBulkRun *run,
                     const char *content, Err *err)
{
    static const char sql[] =
        "SELECT id, origin = ?2,"
        " status = ?3 AND json_extract(spec, '$.results.sha256') IS ?4,"
        " (SELECT count(*) FROM checkpoint WHERE run_id = run.id) FROM run WHERE key = ?1";
    DbRow row;
    if (!db_get_row(store->db, &row, sql,
                    DB_VALUES(db_text(run->info->key), db_text(run->origin),
                              db_text(run_status_name(run->status)), db_text(content)),
                    err)) {
        return false;
    }
    *out = (StoreBulkFound){.found = row.found,
                            .same = row.at[1] && row.at[2],
                            .same_origin = row.at[1] != 0,
                            .run = row.at[0],
                            .n_checkpoints = row.at[3]};
    return true;
}

/* RETURNING makes a temporary table for each row: twice the time of an import. */
static int64_t last_id(Db *db)
{
    return sqlite3_last_insert_rowid(db_handle(db));
}

static bool find_environment(Db *db, int64_t *out, const StoreEnvironment *e, Err *err)
{
    DbRow row;
    if (!db_get_row(db, &row,
                    "SELECT id FROM environment WHERE version = ? AND \"commit\" = ?"
                    " AND compiler = ? AND blas = ? AND cpu = ? AND cores = ?",
                    DB_VALUES(db_text(e->version), db_text(e->commit), db_text(e->compiler),
                              db_text(e->blas), db_text(e->cpu), db_int(e->cores)),
                    err)) {
        return false;
    }
    *out = row.at[0];
    return row.found || store_write_environment(db, out, e, err);
}

static bool insert_run(Db *db, const StoreBulkRun *run, int64_t environment, const char *now,
                       Err *err)
{
    static const char sql[] =
        "INSERT INTO run (key, dataset_id, method, held_out, n_held_out, split_rule, trial,"
        " hparams_seed, seed, variant, status, message, steps, last_step, started, updated,"
        " finished, train_seconds, peak_bytes, threads, environment_id, protocol, origin, spec)"
        " VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?14, ?15,"
        " nullif(?16, 0), ?17, ?18, ?19, ?20, ?21)";
    const StoreRunInfo *info = run->info;
    return db_do(db, sql,
                 DB_VALUES(db_text(info->key), db_int(info->dataset), db_text(info->method),
                           db_int(info->n_held_out), db_text(info->split_rule), db_int(info->trial),
                           db_int(info->hparams_seed), db_int(info->seed), db_text(info->variant),
                           db_text(run_status_name(run->status)), db_text(run->message),
                           db_int(info->steps), db_int(run->last_step), db_text(now),
                           db_real(run->train_seconds), db_int(run->peak_bytes),
                           db_int(info->threads), db_int(environment), db_text(info->protocol),
                           db_text(run->origin), db_text(info->spec_json)),
                 err);
}

static bool update_run(Db *db, int64_t id, const StoreBulkRun *run, int64_t environment,
                       const char *now, Err *err)
{
    static const char sql[] =
        "UPDATE run SET status = ?2, message = ?3, last_step = ?4, updated = ?5, finished = ?5,"
        " train_seconds = ?6, peak_bytes = nullif(?7, 0), environment_id = ?8, spec = ?9"
        " WHERE id = ?1";
    return db_do(db, sql,
                 DB_VALUES(db_int(id), db_text(run_status_name(run->status)), db_text(run->message),
                           db_int(run->last_step), db_text(now), db_real(run->train_seconds),
                           db_int(run->peak_bytes), db_int(environment),
                           db_text(run->info->spec_json)),
                 err);
}

static bool forget_rows(Db *db, int64_t run, Err *err)
{
    return db_do(db, "DELETE FROM checkpoint WHERE run_id = ?", DB_VALUES(db_int(run)), err) &&
           db_do(db, "DELETE FROM train_log WHERE run_id = ?", DB_VALUES(db_int(run)), err);
}

/* Domains and hyper-parameters are part of what the key stands for: they stay. */
static bool write_run(StoreRun *out, const StoreBulkRun *run, Err *err)
{
    Db *db = out->store->db;
    char now[CLOCK_UTC_SIZE];
    int64_t environment;
    DbRow row;
    clock_utc(now);
    if (!find_environment(db, &environment, &run->info->environment, err) ||
        !db_get_row(db, &row, "SELECT id FROM run WHERE key = ?",
                    DB_VALUES(db_text(run->info->key)), err)) {
        return false;
    }
    out->id = row.at[0];
    if (row.found) {
        return forget_rows(db, out->id, err) && update_run(db, out->id, run, environment, now, err);
    }
    if (!insert_run(db, run, environment, now, err)) return false;
    out->id = last_id(db);
    return store_write_domains(out, run->info, err) && store_write_hparams(out, run->info, err);
}

static bool write_numbers(StoreRun *run, const StoreBulkCheckpoint *c, Err *err)
{
    for (int i = 0; i < c->n_numbers; i++) {
        if (!db_do(run->store->db,
                   "INSERT INTO train_log (run_id, step, name, value) VALUES (?, ?, ?, ?)",
                   DB_VALUES(db_int(run->id), db_int(c->step), db_text(c->numbers[i].name),
                             db_real(c->numbers[i].value)),
                   err)) {
            return false;
        }
    }
    return true;
}

static void check_eval(const StoreRun *run, const StoreBulkEval *eval)
{
    check(eval->domain >= 0 && eval->domain < run->domains.n, "domain %d of %lld", eval->domain,
          (long long)run->domains.n);
    check(eval->accuracy >= 0 && eval->accuracy <= 1, "accuracy %g", eval->accuracy);
    check(str_equal(eval->split, "in") || str_equal(eval->split, "out") ||
              str_equal(eval->split, "uda"),
          "split %s", eval->split);
}

static bool write_checkpoint(StoreRun *run, const StoreBulkCheckpoint *c, Err *err)
{
    Db *db = run->store->db;
    if (!db_do(db,
               "INSERT INTO checkpoint (run_id, variant, step, source_accuracy)"
               " VALUES (?, ?, ?, ?)",
               DB_VALUES(db_int(run->id), db_text(c->variant), db_int(c->step),
                         db_real(c->source_accuracy)),
               err)) {
        return false;
    }
    int64_t id = last_id(db);
    for (int i = 0; i < c->n_evals; i++) {
        const StoreBulkEval *eval = &c->evals[i];
        check_eval(run, eval);
        if (!db_do(db,
                   "INSERT INTO eval (checkpoint_id, domain_id, split, accuracy)"
                   " VALUES (?, ?, ?, ?)",
                   DB_VALUES(db_int(id), db_int(run->domains.first + eval->domain),
                             db_text(eval->split), db_real(eval->accuracy)),
                   err)) {
            return false;
        }
    }
    return !str_equal(c->variant, "raw") || write_numbers(run, c, err);
}

bool store_bulk_run(Store *store, const StoreBulkRun *bulk, Err *err)
{
    const StoreRunInfo *info = bulk->info;
    StoreRun run = {.store = store};
    if (!store_dataset_ids(store, &run.domains, &run.classes, &run.images, info->dataset, err) ||
        !write_run(&run, bulk, err)) {
        return false;
    }
    for (int i = 0; i < bulk->n_checkpoints; i++) {
        if (!write_checkpoint(&run, &bulk->checkpoints[i], err)) return false;
    }
    return store_write_derived(store->db, run.id, err) &&
           store_run_list(store, run.id, info->experiment, err);
}
