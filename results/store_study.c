#include "store_study.h"

#include "clock.h"
#include "store_internal.h"

bool store_study_has(Store *store, bool *out, const StoreStudyKey *key, Err *err)
{
    DbRow row;
    if (!db_get_row(store->db, &row,
                    "SELECT id FROM study_cell WHERE study = ? AND problem = ? AND parameterisation"
                    " = ? AND input_std = ? AND optimizer = ? AND lr = ? AND seed = ?",
                    DB_VALUES(db_text(key->study), db_text(key->problem),
                              db_text(key->parameterisation), db_real(key->input_std),
                              db_text(key->optimizer), db_real(key->lr), db_int(key->seed)),
                    err))
        return false;
    *out = row.found;
    return true;
}

static bool write_cell(Db *db, DbRow *out, const StoreStudyCell *c, int64_t environment, Err *err)
{
    const StoreStudyKey *key = &c->key;
    char now[CLOCK_UTC_SIZE];
    clock_utc(now);
    return db_get_row(
        db, out,
        "INSERT INTO study_cell (study, problem, parameterisation, input_std, optimizer, lr, seed,"
        " n_parameters, floor, floor_rank, first_loss, loss, best_loss, diverged_at, curvature,"
        " sharp_gradient, learned_curvature, learned_sharp_gradient, seconds, environment_id, made)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id",
        DB_VALUES(db_text(key->study), db_text(key->problem), db_text(key->parameterisation),
                  db_real(key->input_std), db_text(key->optimizer), db_real(key->lr),
                  db_int(key->seed), db_int(c->n_parameters), db_real(c->floor),
                  db_real(c->floor_rank), db_real(c->first_loss), db_real(c->loss),
                  db_real(c->best_loss),
                  c->diverged_at < 0 ? (DbValue){.type = DB_NULL} : db_int(c->diverged_at),
                  db_real(c->curvature), db_real(c->sharp_gradient), db_real(c->learned_curvature),
                  db_real(c->learned_sharp_gradient), db_real(c->seconds), db_int(environment),
                  db_text(now)),
        err);
}

static bool write_step(Db *db, int64_t cell, const StoreStudyStep *s, Err *err)
{
    return db_do(db,
                 "INSERT INTO study_step (cell_id, step, loss, effective_rank, gradient_norm,"
                 " gradient_cosine) VALUES (?, ?, ?, ?, ?, ?)",
                 DB_VALUES(db_int(cell), db_int(s->step), db_real(s->loss),
                           db_real(s->effective_rank), db_real(s->gradient_norm),
                           db_real(s->gradient_cosine)),
                 err);
}

bool store_study_cell(Store *store, const StoreStudyCell *cell, Err *err)
{
    Db *db = store->db;
    DbRow row = {0};
    int64_t environment;
    if (!db_begin(db, err)) return false;
    bool ok = store_write_environment(db, &environment, &cell->environment, err) &&
              write_cell(db, &row, cell, environment, err);
    for (int i = 0; ok && row.found && i < cell->n_steps; i++)
        ok = write_step(db, row.at[0], &cell->steps[i], err);
    if (ok) return db_commit(db, err);
    db_rollback(db);
    return false;
}
