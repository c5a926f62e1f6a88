/* One forecast, between forecast.c and store_forecast.c. */
#ifndef RESULTS_FORECAST_ROW_H
#define RESULTS_FORECAST_ROW_H

#include "arena.h"
#include "calibration.h"

#include <stdint.h>

/* Names and numbers as the columns of table forecast (README.md). NAN: not known. */
typedef struct {
    const char *experiment, *split_rule, *method, *variant, *rule, *scored, *calibration, *feature;
    const char *exclusion; /* "" without one */
    int64_t dataset_id, scorer_id, domain_id;
    int64_t n_sources, n_outcomes, n_images, n_trials;
    Calibrated calibrated;
    double actual, zero_shot_accuracy;
} ForecastRow;

struct Forecasts {
    Arena *arena;
    ForecastRow *rows;
    int n, capacity;
};

#endif
