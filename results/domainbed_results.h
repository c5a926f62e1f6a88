/* The numbers behind DomainBed's tables, read from the records of an imported sweep. */
#ifndef RESULTS_DOMAINBED_RESULTS_H
#define RESULTS_DOMAINBED_RESULTS_H

#include "database.h"
#include "domainbed_registry.h"
#include "domainbed_select.h"

/* What one trial of an algorithm on a dataset reached, per rule and held-out environment; NAN: the
 * rule finds nothing to take. */
typedef struct {
    int dataset;   /* place in domainbed_datasets */
    int algorithm; /* place in DomainbedResults.algorithms */
    int64_t trial;
    double value[N_SELECTIONS][DOMAINBED_MOST_ENVS];
    double accuracy[N_SELECTIONS][DOMAINBED_MOST_ENVS];
} DomainbedTrial;

typedef struct {
    char *name;
    char *first; /* origin of its first run, in order of folder names */
} DomainbedAlgorithm;

typedef struct {
    int64_t n_records;
    DomainbedAlgorithm *algorithms; /* DomainBed's in its order, then others as first met */
    int n_algorithms, algorithm_capacity;
    DomainbedTrial *trials; /* ascending within a dataset and algorithm */
    int n_trials, trial_capacity;
    bool *datasets; /* of domainbed_datasets: has records */
} DomainbedResults;

/* Reads all records of the experiment that were imported, also of runs that were not done. Fails
 * when there are none. */
MUST_USE bool domainbed_results_read(DomainbedResults *out, Db *db, const char *experiment,
                                     Err *err);
void domainbed_results_done(DomainbedResults *results);

#endif
