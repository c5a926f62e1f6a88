/* Cells of studies (study_cell, study_step in schema-4.sql). Part of the store (store.h): the same
 * rules for kills and other writers. */
#ifndef RESULTS_STORE_STUDY_H
#define RESULTS_STORE_STUDY_H

#include "store.h"

/* Which cell: a column each. */
typedef struct {
    const char *study, *problem, *parameterisation;
    double input_std;
    const char *optimizer;
    double lr;
    int64_t seed;
} StoreStudyKey;

typedef struct {
    int64_t step;
    double loss, effective_rank, gradient_norm, gradient_cosine; /* NAN: not measured, but loss */
} StoreStudyStep;

typedef struct {
    StoreStudyKey key;
    int64_t n_parameters;
    double floor, floor_rank, first_loss, loss, best_loss; /* NAN: not known */
    int64_t diverged_at;                                   /* -1: it did not */
    double curvature, sharp_gradient, learned_curvature, learned_sharp_gradient, seconds;
    const StoreStudyStep *steps;
    int n_steps;
    StoreEnvironment environment;
} StoreStudyCell;

MUST_USE bool store_study_has(Store *store, bool *out, const StoreStudyKey *key, Err *err);

/* In one transaction. A cell that another process wrote meanwhile stays as it is. */
MUST_USE bool store_study_cell(Store *store, const StoreStudyCell *cell, Err *err);

#endif
