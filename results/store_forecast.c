/* Writing forecasts: see forecast.h. */
#include "clock.h"
#include "forecast.h"
#include "forecast_row.h"
#include "store_internal.h"

#include <math.h>

static const char WRITE[] =
    "INSERT INTO forecast (experiment, split_rule, method, variant, rule, scored, calibration, "
    "feature, exclusion, dataset_id, scorer_id, domain_id, n_sources, n_outcomes, n_images, "
    "n_trials, "
    "predicted, low, high, fit_low, fit_high, source_accuracy, actual, error, zero_shot_accuracy, "
    "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET n_sources = excluded.n_sources, n_outcomes = excluded.n_outcomes,"
    " n_images = excluded.n_images, n_trials = excluded.n_trials, predicted = excluded.predicted,"
    " low = excluded.low, high = excluded.high, fit_low = excluded.fit_low,"
    " fit_high = excluded.fit_high, source_accuracy = excluded.source_accuracy,"
    " actual = excluded.actual, error = excluded.error,"
    " zero_shot_accuracy = excluded.zero_shot_accuracy, made = excluded.made";

static bool write_row(Db *db, const ForecastRow *r, const char *now, Err *err)
{
    const Calibrated *c = &r->calibrated;
    return db_do(db, WRITE,
                 DB_VALUES(db_text(r->experiment), db_text(r->split_rule), db_text(r->method),
                           db_text(r->variant), db_text(r->rule), db_text(r->scored),
                           db_text(r->calibration), db_text(r->feature), db_text(r->exclusion),
                           db_int(r->dataset_id), db_int(r->scorer_id), db_int(r->domain_id),
                           db_int(r->n_sources), db_int(r->n_outcomes), db_int(r->n_images),
                           db_int(r->n_trials), db_real(c->predicted), db_real(c->low),
                           db_real(c->high), db_real(c->fit_low), db_real(c->fit_high),
                           db_real(c->source_accuracy), db_real(r->actual),
                           db_real(c->predicted - r->actual), db_real(r->zero_shot_accuracy),
                           db_text(now)),
                 err);
}

bool forecasts_store(Store *store, const Forecasts *forecasts, Err *err)
{
    char now[CLOCK_UTC_SIZE];
    clock_utc(now);
    if (!db_begin(store->db, err)) return false;
    bool ok = true;
    for (int i = 0; ok && i < forecasts->n; i++)
        ok = write_row(store->db, &forecasts->rows[i], now, err);
    if (ok) return db_commit(store->db, err);
    db_rollback(store->db);
    return false;
}
