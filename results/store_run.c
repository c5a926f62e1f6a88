/* Runs: found and begun. What they log is in store_checkpoint.c. */
#include "arena.h"
#include "clock.h"
#include "mem.h"
#include "store.h"
#include "store_internal.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

static const char *const STATUS_NAMES[] = {
    [RUN_ABSENT] = "absent", [RUN_RUNNING] = "running",   [RUN_DONE] = "done",
    [RUN_FAILED] = "failed", [RUN_DIVERGED] = "diverged", [RUN_INTERRUPTED] = "interrupted"};

const char *run_status_name(RunStatus status)
{
    return STATUS_NAMES[status];
}

bool store_run_find(Store *store, RunStatus *out_status, int64_t *out_run, const char *key,
                    Err *err)
{
    DbRow row; /* id, status */
    if (!db_get_row(
            store->db, &row,
            "SELECT id, CASE status WHEN 'running' THEN 1 WHEN 'done' THEN 2 WHEN 'failed' THEN 3"
            " WHEN 'diverged' THEN 4 ELSE 5 END FROM run WHERE key = ?",
            DB_VALUES(db_text(key)), err)) {
        return false;
    }
    *out_status = row.found ? (RunStatus)row.at[1] : RUN_ABSENT;
    if (row.found && out_run != NULL) *out_run = row.at[0];
    return true;
}

bool store_experiment(Store *store, const StoreExperiment *e, Err *err)
{
    return db_do(
        store->db,
        "INSERT INTO experiment (name, protocol, selection, scored, stderr) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET protocol = excluded.protocol, selection = excluded.selection,"
        " scored = excluded.scored, stderr = excluded.stderr",
        DB_VALUES(db_text(e->name), db_text(e->protocol), db_text(e->selection), db_text(e->scored),
                  db_text(e->stderr_of)),
        err);
}

bool store_run_list(Store *store, int64_t run, const char *experiment, Err *err)
{
    return db_do(store->db, "INSERT INTO experiment (name) VALUES (?) ON CONFLICT DO NOTHING",
                 DB_VALUES(db_text(experiment)), err) &&
           db_do(store->db,
                 "INSERT INTO run_experiment (experiment, run_id) VALUES (?, ?) ON CONFLICT DO "
                 "NOTHING",
                 DB_VALUES(db_text(experiment), db_int(run)), err);
}

/* ---- beginning
 * -----------------------------------------------------------------------------------------------
 */

bool store_write_environment(Db *db, int64_t *out, const StoreEnvironment *e, Err *err)
{
    DbRow row;
    if (!db_get_row(db, &row,
                    "INSERT INTO environment (version, \"commit\", compiler, blas, cpu, cores)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET cores = excluded.cores "
                    "RETURNING id",
                    DB_VALUES(db_text(e->version), db_text(e->commit), db_text(e->compiler),
                              db_text(e->blas), db_text(e->cpu), db_int(e->cores)),
                    err))
        return false;
    *out = row.at[0];
    return true;
}

static bool write_run(Db *db, int64_t *out, const StoreRunInfo *info, Err *err)
{
    static const char sql[] =
        "INSERT INTO run (key, dataset_id, method, held_out, n_held_out, split_rule, trial, "
        "hparams_seed, seed, variant,"
        " status, steps, started, updated, threads, environment_id, protocol, spec)"
        " VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?7, ?8, ?9, 'running', ?10, ?11, ?11, ?12, ?13, ?14, "
        "?15)"
        " ON CONFLICT (key) DO UPDATE SET method = excluded.method, variant = excluded.variant, "
        "status = 'running',"
        " message = NULL, steps = excluded.steps, updated = excluded.updated, finished = NULL,"
        " threads = excluded.threads, environment_id = excluded.environment_id, spec = "
        "excluded.spec"
        " WHERE status <> 'done' RETURNING id";
    char now[CLOCK_UTC_SIZE];
    int64_t environment;
    DbRow row;
    clock_utc(now);
    if (!store_write_environment(db, &environment, &info->environment, err)) return false;
    if (!db_get_row(db, &row, sql,
                    DB_VALUES(db_text(info->key), db_int(info->dataset), db_text(info->method),
                              db_int(info->n_held_out), db_text(info->split_rule),
                              db_int(info->trial), db_int(info->hparams_seed), db_int(info->seed),
                              db_text(info->variant), db_int(info->steps), db_text(now),
                              db_int(info->threads), db_int(environment), db_text(info->protocol),
                              db_text(info->spec_json)),
                    err)) {
        return false;
    }
    *out = row.at[0];
    return row.found ||
           err_set(err, ERR_FORMAT, "%s: run %s is done already, expected one that is not",
                   db_path(db), info->key);
}

static bool contains(const int *items, int n, int item)
{
    for (int i = 0; i < n; i++) {
        if (items[i] == item) return true;
    }
    return false;
}

static const char *domain_role(const StoreRunInfo *info, int domain)
{
    if (contains(info->held_out, info->n_held_out, domain)) return "held_out";
    bool source = info->sources == NULL || contains(info->sources, info->n_sources, domain);
    return source ? "source" : NULL;
}

bool store_write_domains(StoreRun *run, const StoreRunInfo *info, Err *err)
{
    Db *db = run->store->db;
    for (int i = 0; i < run->domains.n; i++) {
        const char *role = domain_role(info, i);
        if (role == NULL) continue;
        if (!db_do(db, "INSERT INTO run_domain (run_id, domain_id, role) VALUES (?, ?, ?)",
                   DB_VALUES(db_int(run->id), db_int(run->domains.first + i), db_text(role)),
                   err)) {
            return false;
        }
    }
    return db_do(db,
                 "UPDATE run SET held_out = (SELECT coalesce(group_concat(name, '+'), '') FROM"
                 " (SELECT name FROM domain WHERE dataset_id = run.dataset_id AND EXISTS"
                 "   (SELECT 1 FROM run_domain WHERE run_id = ?1 AND domain_id = domain.id"
                 "    AND role = 'held_out') ORDER BY position)) WHERE id = ?1",
                 DB_VALUES(db_int(run->id)), err);
}

static DbValue hparam_value(const char *text)
{
    long long integer;
    double real;
    if (text == NULL) return db_text(NULL);
    if (str_to_int64(text, &integer)) return db_int(integer);
    if (str_to_double(text, &real)) return db_real(real);
    return db_text(text);
}

bool store_write_hparams(StoreRun *run, const StoreRunInfo *info, Err *err)
{
    Db *db = run->store->db;
    for (int i = 0; i < info->n_hparams; i++) {
        if (!db_do(db, "INSERT INTO hparam (run_id, name, value) VALUES (?, ?, ?)",
                   DB_VALUES(db_int(run->id), db_text(info->hparams[i].name),
                             hparam_value(info->hparams[i].value)),
                   err)) {
            return false;
        }
    }
    return true;
}

static bool forget_after(StoreRun *run, int64_t resume_step, Err *err)
{
    Db *db = run->store->db;
    DbValue last = resume_step >= 0 ? db_int(resume_step) : db_text(NULL);
    return db_do(db, "DELETE FROM checkpoint WHERE run_id = ? AND step > ?",
                 DB_VALUES(db_int(run->id), db_int(resume_step)), err) &&
           db_do(db, "DELETE FROM train_log WHERE run_id = ? AND step > ?",
                 DB_VALUES(db_int(run->id), db_int(resume_step)), err) &&
           db_do(db, "UPDATE run SET last_step = ? WHERE id = ?", DB_VALUES(last, db_int(run->id)),
                 err);
}

static bool forget_names(StoreRun *run, Err *err)
{
    Db *db = run->store->db;
    return db_do(db, "DELETE FROM run_domain WHERE run_id = ?", DB_VALUES(db_int(run->id)), err) &&
           db_do(db, "DELETE FROM hparam WHERE run_id = ?", DB_VALUES(db_int(run->id)), err);
}

static bool begin_run(StoreRun *run, const StoreRunInfo *info, int64_t resume_step, Err *err)
{
    return store_dataset_ids(run->store, &run->domains, &run->classes, &run->images, info->dataset,
                             err) &&
           write_run(run->store->db, &run->id, info, err) && forget_names(run, err) &&
           store_write_domains(run, info, err) && store_write_hparams(run, info, err) &&
           forget_after(run, resume_step, err) &&
           store_run_list(run->store, run->id, info->experiment, err);
}

static void check_info(const StoreRunInfo *info, int64_t resume_step)
{
    check(info->key != NULL && info->experiment != NULL && info->method != NULL &&
              info->variant != NULL && info->split_rule != NULL && info->protocol != NULL &&
              info->spec_json != NULL,
          "a text of the run is missing");
    check(resume_step >= STORE_FRESH, "resume step %lld", (long long)resume_step);
}

bool store_run_begin(Store *store, StoreRun **out, const StoreRunInfo *info, int64_t resume_step,
                     Err *err)
{
    check_info(info, resume_step);
    if (!db_begin(store->db, err)) return false;
    StoreRun *run = mem_alloc(1, sizeof *run);
    run->store = store;
    run->arena = arena_new();
    if (!begin_run(run, info, resume_step, err)) {
        db_rollback(store->db);
        goto fail;
    }
    if (!db_commit(store->db, err)) goto fail;
    *out = run;
    return true;
fail:
    store_run_free(run);
    return false;
}

int64_t store_run_id(const StoreRun *run)
{
    return run->id;
}

void store_run_free(StoreRun *run)
{
    if (run == NULL) return;
    arena_free(run->arena);
    free(run->logs);
    free(run->evals);
    free(run);
}
