/* Runs in bulk: see store_bulk.h. */
#include "store_bulk.h"

#include "clock.h"
#include "store_internal.h"
#include "str.h"

bool store_bulk_begin(Store *store, Err *err)
{
    return db_begin(store->db, err);
}

bool store_bulk_commit(Store *store, Err *err)
{
    return db_commit(store->db, err);
}

void store_bulk_rollback(Store *store)
{
    db_rollback(store->db);
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

static bool write_run(Db *db, int64_t *out, const StoreBulkRun *run, Err *err)
{
    static const char sql[] =
        "INSERT INTO run (key, dataset_id, method, held_out, n_held_out, split_rule, trial,"
        " hparams_seed, seed, variant, status, message, steps, last_step, started, updated,"
        " finished, train_seconds, peak_bytes, threads, environment_id, protocol, origin, spec)"
        " VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?14, ?15,"
        " nullif(?16, 0), ?17, ?18, ?19, ?20, ?21)"
        " ON CONFLICT (key) DO UPDATE SET status = excluded.status, message = excluded.message,"
        " last_step = excluded.last_step, updated = excluded.updated, finished = excluded.finished,"
        " train_seconds = excluded.train_seconds, peak_bytes = excluded.peak_bytes,"
        " environment_id = excluded.environment_id, spec = excluded.spec RETURNING id";
    const StoreRunInfo *info = run->info;
    char now[CLOCK_UTC_SIZE];
    int64_t environment;
    DbRow row;
    clock_utc(now);
    if (!store_write_environment(db, &environment, &info->environment, err)) return false;
    if (!db_get_row(db, &row, sql,
                    DB_VALUES(db_text(info->key), db_int(info->dataset), db_text(info->method),
                              db_int(info->n_held_out), db_text(info->split_rule),
                              db_int(info->trial), db_int(info->hparams_seed), db_int(info->seed),
                              db_text(info->variant), db_text(run_status_name(run->status)),
                              db_text(run->message), db_int(info->steps), db_int(run->last_step),
                              db_text(now), db_real(run->train_seconds), db_int(run->peak_bytes),
                              db_int(info->threads), db_int(environment), db_text(info->protocol),
                              db_text(run->origin), db_text(info->spec_json)),
                    err)) {
        return false;
    }
    *out = row.at[0];
    return true;
}

static bool forget_rows(Db *db, int64_t run, Err *err)
{
    return db_do(db, "DELETE FROM checkpoint WHERE run_id = ?", DB_VALUES(db_int(run)), err) &&
           db_do(db, "DELETE FROM train_log WHERE run_id = ?", DB_VALUES(db_int(run)), err);
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

static bool write_checkpoint(StoreRun *run, const StoreBulkCheckpoint *c, Err *err)
{
    Db *db = run->store->db;
    DbRow id;
    if (!db_get_row(db, &id,
                    "INSERT INTO checkpoint (run_id, variant, step, source_accuracy)"
                    " VALUES (?, ?, ?, ?) RETURNING id",
                    DB_VALUES(db_int(run->id), db_text(c->variant), db_int(c->step),
                              db_real(c->source_accuracy)),
                    err)) {
        return false;
    }
    for (int i = 0; i < c->n_evals; i++) {
        const StoreBulkEval *eval = &c->evals[i];
        check(eval->domain >= 0 && eval->domain < run->domains.n, "domain %d of %lld", eval->domain,
              (long long)run->domains.n);
        if (!db_do(db,
                   "INSERT INTO eval (checkpoint_id, domain_id, split, accuracy)"
                   " VALUES (?, ?, ?, ?)",
                   DB_VALUES(db_int(id.at[0]), db_int(run->domains.first + eval->domain),
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
        !write_run(store->db, &run.id, bulk, err) || !store_write_domains(&run, info, err) ||
        !store_write_hparams(&run, info, err) || !forget_rows(store->db, run.id, err)) {
        return false;
    }
    for (int i = 0; i < bulk->n_checkpoints; i++) {
        if (!write_checkpoint(&run, &bulk->checkpoints[i], err)) return false;
    }
    return store_run_list(store, run.id, info->experiment, err);
}
