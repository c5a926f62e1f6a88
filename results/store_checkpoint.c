/* What a run logs: kept in memory, written checkpoint by checkpoint in one transaction each; and
 * how it ends. */
#include "arena.h"
#include "clock.h"
#include "mem.h"
#include "store.h"
#include "store_internal.h"

/* ---- what waits for the next commit
 * ---------------------------------------------------------------------------- */

void store_train_log(StoreRun *run, int64_t step, const char *name, double value)
{
    mem_reserve(run->logs, run->log_capacity, run->n_logs + 1);
    run->logs[run->n_logs++] = (StoreLogRow){step, arena_strdup(run->arena, name), value};
}

static StoreOutcome *copy_outcomes(StoreRun *run, const StoreOutcome *outcomes, int n)
{
    StoreOutcome *copy = arena_alloc(run->arena, (size_t)n, sizeof *copy);
    for (int i = 0; i < n; i++) {
        check(outcomes[i].image >= 0 && outcomes[i].image < run->images.n, "image %d of %lld",
              outcomes[i].image, (long long)run->images.n);
        check(outcomes[i].predicted >= 0 && outcomes[i].predicted < run->classes.n,
              "class %d of %lld", outcomes[i].predicted, (long long)run->classes.n);
        copy[i] = outcomes[i];
    }
    return copy;
}

void store_eval(StoreRun *run, const StoreEval *eval, const StoreOutcome *outcomes, int n_outcomes)
{
    check(eval->domain >= 0 && eval->domain < run->domains.n, "domain %d of %lld", eval->domain,
          (long long)run->domains.n);
    check(eval->n > 0 && eval->correct >= 0 && eval->correct <= eval->n,
          "%lld correct of %lld images", (long long)eval->correct, (long long)eval->n);
    mem_reserve(run->evals, run->eval_capacity, run->n_evals + 1);
    StoreEvalRow *row = &run->evals[run->n_evals++];
    *row = (StoreEvalRow){.eval = *eval, .n_outcomes = n_outcomes};
    row->eval.variant = arena_strdup(run->arena, eval->variant);
    row->eval.split = arena_strdup(run->arena, eval->split);
    if (eval->validated_variant != NULL)
        row->eval.validated_variant = arena_strdup(run->arena, eval->validated_variant);
    if (n_outcomes > 0) row->outcomes = copy_outcomes(run, outcomes, n_outcomes);
}

static void forget_waiting(StoreRun *run)
{
    run->n_logs = run->n_evals = 0;
    arena_free(run->arena);
    run->arena = arena_new();
}

/* ---- committing
 * ---------------------------------------------------------------------------------------------- */

static bool write_logs(StoreRun *run, Err *err)
{
    for (int i = 0; i < run->n_logs; i++) {
        const StoreLogRow *row = &run->logs[i];
        if (!db_do(run->store->db,
                   "INSERT INTO train_log (run_id, step, name, value) VALUES (?, ?, ?, ?)"
                   " ON CONFLICT DO UPDATE SET value = excluded.value",
                   DB_VALUES(db_int(run->id), db_int(row->step), db_text(row->name),
                             db_real(row->value)),
                   err)) {
            return false;
        }
    }
    return true;
}

/* A set of weights that was evaluated before is forgotten as a whole, so that exactly one set of
 * rows is left. */
static bool forget_checkpoints(StoreRun *run, Err *err)
{
    for (int i = 0; i < run->n_evals; i++) {
        const StoreEval *eval = &run->evals[i].eval;
        if (!db_do(run->store->db,
                   "DELETE FROM checkpoint WHERE run_id = ? AND variant = ? AND step = ?",
                   DB_VALUES(db_int(run->id), db_text(eval->variant), db_int(eval->step)), err)) {
            return false;
        }
    }
    return true;
}

static bool write_outcomes(StoreRun *run, const StoreEvalRow *row, Err *err)
{
    for (int i = 0; i < row->n_outcomes; i++) {
        const StoreOutcome *outcome = &row->outcomes[i];
        if (!db_do(run->store->db,
                   "INSERT INTO outcome (checkpoint_id, image_id, split, predicted_class_id, "
                   "confidence)"
                   " VALUES (?, ?, ?, ?, ?)",
                   DB_VALUES(db_int(row->checkpoint), db_int(run->images.first + outcome->image),
                             db_text(row->eval.split),
                             db_int(run->classes.first + outcome->predicted),
                             db_real((double)outcome->confidence)),
                   err)) {
            return false;
        }
    }
    return true;
}

static bool write_eval(StoreRun *run, StoreEvalRow *row, Err *err)
{
    static const char checkpoint_sql[] =
        "INSERT INTO checkpoint (run_id, variant, step) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET step = excluded.step RETURNING id";
    static const char eval_sql[] = "INSERT INTO eval (checkpoint_id, domain_id, split, n, correct, "
                                   "accuracy, nll, ece, macro_accuracy,"
                                   " worst_class_accuracy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    Db *db = run->store->db;
    const StoreEval *eval = &row->eval;
    DbRow id;
    if (!db_get_row(db, &id, checkpoint_sql,
                    DB_VALUES(db_int(run->id), db_text(eval->variant), db_int(eval->step)), err))
        return false;
    row->checkpoint = id.at[0];
    return db_do(db, eval_sql,
                 DB_VALUES(db_int(row->checkpoint), db_int(run->domains.first + eval->domain),
                           db_text(eval->split), db_int(eval->n), db_int(eval->correct),
                           db_real((double)eval->correct / (double)eval->n), db_real(eval->nll),
                           db_real(eval->ece), db_real(eval->macro_accuracy),
                           db_real(eval->worst_class_accuracy)),
                 err) &&
           write_outcomes(run, row, err);
}

/* The derived columns of a checkpoint whose weights were validated before they were trained. */
static bool take_validation(StoreRun *run, const StoreEvalRow *row, Err *err)
{
    static const char sql[] =
        "UPDATE checkpoint SET (source_accuracy, source_nll, validated_step) ="
        " (SELECT source_accuracy, source_nll, step FROM checkpoint"
        "  WHERE run_id = ? AND variant = ? AND step = ?) WHERE id = ?";
    return db_do(run->store->db, sql,
                 DB_VALUES(db_int(run->id), db_text(row->eval.validated_variant),
                           db_int(row->eval.validated_step), db_int(row->checkpoint)),
                 err);
}

/* The derived columns of checkpoint (schema.sql): NULL unless every source domain has its out split
 * evaluated. */
static bool summarise(StoreRun *run, const StoreEvalRow *row, Err *err)
{
    if (row->eval.validated_variant != NULL) return take_validation(run, row, err);
    static const char sql[] =
        "UPDATE checkpoint SET (source_accuracy, source_nll) ="
        " (SELECT CASE WHEN count(accuracy) = count(*) THEN avg(accuracy) END,"
        "         CASE WHEN count(nll) = count(*) THEN avg(nll) END"
        "  FROM run_domain LEFT JOIN eval ON eval.checkpoint_id = ?1 AND eval.domain_id = "
        "run_domain.domain_id"
        "                                AND eval.split = 'out'"
        "  WHERE run_domain.run_id = ?2 AND role = 'source')"
        " WHERE id = ?1";
    return db_do(run->store->db, sql, DB_VALUES(db_int(row->checkpoint), db_int(run->id)), err);
}

static bool write_waiting(StoreRun *run, Err *err)
{
    if (!write_logs(run, err) || !forget_checkpoints(run, err)) return false;
    for (int i = 0; i < run->n_evals; i++) {
        if (!write_eval(run, &run->evals[i], err)) return false;
    }
    for (int i = 0; i < run->n_evals; i++) {
        bool again = i > 0 && run->evals[i].checkpoint == run->evals[i - 1].checkpoint;
        if (!again && !summarise(run, &run->evals[i], err)) return false;
    }
    return true;
}

bool store_checkpoint_commit(StoreRun *run, int64_t step, Err *err)
{
    Db *db = run->store->db;
    char now[CLOCK_UTC_SIZE];
    clock_utc(now);
    if (!db_begin(db, err)) return false;
    if (!write_waiting(run, err) ||
        !db_do(db, "UPDATE run SET last_step = ?, updated = ? WHERE id = ?",
               DB_VALUES(db_int(step), db_text(now), db_int(run->id)), err)) {
        db_rollback(db);
        return false;
    }
    if (!db_commit(db, err)) return false;
    forget_waiting(run);
    return true;
}

static bool write_end(StoreRun *run, RunStatus status, const char *message, const StoreCost *cost,
                      Err *err)
{
    static const char sql[] = "UPDATE run SET status = ?, message = ?, updated = ?, finished = ?, "
                              "train_flops = ?, train_seconds = ?,"
                              " eval_seconds = ?, data_seconds = ?, peak_bytes = ?, n_parameters = "
                              "?, n_trainable = ?, n_inference = ? WHERE id = ?";
    char now[CLOCK_UTC_SIZE];
    clock_utc(now);
    return db_do(run->store->db, sql,
                 DB_VALUES(db_text(run_status_name(status)), db_text(message), db_text(now),
                           db_text(now), db_real(cost->train_flops), db_real(cost->train_seconds),
                           db_real(cost->eval_seconds), db_real(cost->data_seconds),
                           db_int(cost->peak_bytes), db_int(cost->n_parameters),
                           db_int(cost->n_trainable), db_int(cost->n_inference), db_int(run->id)),
                 err);
}

bool store_write_derived(Db *db, int64_t run, Err *err)
{
    static const char CANDIDATES[] =
        "INSERT INTO run_candidate"
        " (run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps)"
        " SELECT run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps"
        " FROM run_candidate_source WHERE run_id = ?";
    static const char LEFT_OUT[] =
        "INSERT INTO left_out (run_id, domain_id, variant, step, accuracy)"
        " SELECT run_id, domain_id, variant, step, accuracy FROM left_out_source WHERE run_id = ?";
    static const char *const STATEMENTS[] = {"DELETE FROM run_candidate WHERE run_id = ?",
                                             CANDIDATES, "DELETE FROM left_out WHERE run_id = ?",
                                             LEFT_OUT};
    for (size_t i = 0; i < sizeof STATEMENTS / sizeof STATEMENTS[0]; i++) {
        if (!db_do(db, STATEMENTS[i], DB_VALUES(db_int(run)), err)) return false;
    }
    return true;
}

bool store_run_finish(StoreRun *run, RunStatus status, const char *message, const StoreCost *cost,
                      Err *err)
{
    check(status > RUN_RUNNING, "a run can't end as %s", run_status_name(status));
    Db *db = run->store->db;
    if (!db_begin(db, err)) return false;
    if (!write_waiting(run, err) || !write_end(run, status, message, cost, err) ||
        !store_write_derived(db, run->id, err)) {
        db_rollback(db);
        return false;
    }
    if (!db_commit(db, err)) return false;
    forget_waiting(run);
    return true;
}
