/* Forecasts: the accuracy on a domain before anything is trained without it, from the alignment
 * scores of its images and from what runs got right on the OTHER domains when those were held out.
 * Made for every domain of the results in turn, so that each forecast stands beside what was
 * measured (leave one domain out), and beside two baselines. A score's level differs from domain to
 * domain; the margin, the score less that of the class whose prompt is nearest (0 where that is the
 * label), does not carry it, and can stand in for the score.
 *
 *     forecasts_make(&forecasts, db, &options, err);        reads
 *     forecasts_store(store, forecasts, err);               rows of table forecast; idempotent
 *     table_print(db, stdout, "forecast", ...);             shows them
 *     forecasts_free(forecasts);
 *
 * For target t, P(correct | score) is fitted (calibration.h) on the outcomes of images of domains s
 * that are not t, by selected runs that held s out. No outcome on t is used; its labels are, since
 * a score is about the label. Runs calibrated on are of two kinds: unseen   t is not among their
 * sources either (runs that hold out s and t): nothing of t was trained on, as it will be for a
 * domain that is really new seen     t is among their sources: all that leave-one-domain-out runs
 * can give
 */
#ifndef RESULTS_FORECAST_H
#define RESULTS_FORECAST_H

#include "query.h"
#include "store.h"

typedef struct {
    const char *scorer, *method, *experiment, *dataset; /* only these; NULL: all there are */
    const char *rule, *scored; /* NULL: as each experiment is read; scored: in, out or whole */
    const char *calibration;   /* "unseen", "seen"; NULL: unseen where every source has such runs */
    const char *feature;       /* "score" (also NULL) or "margin" */
} ForecastOptions;

typedef struct Forecasts Forecasts;

/* A name that is not there is ERR_USAGE; no scores, or no two domains with predictions of selected
 * runs: ERR_NOT_FOUND. Leaves out what exclusion_use said for db. */
MUST_USE bool forecasts_make(Forecasts **out, Db *db, const ForecastOptions *options, Err *err);
int forecasts_n(const Forecasts *forecasts);
void forecasts_free(Forecasts *forecasts); /* NULL is fine */

/* One transaction; a row for the same target, runs and scorer is replaced. */
MUST_USE bool forecasts_store(Store *store, const Forecasts *forecasts, Err *err);

#endif
