/* DomainBed's three rules of model selection (domainbed/model_selection.py), over the records of
 * one dataset, algorithm, trial and set of hyper-parameters. Pure: no database.
 *
 *   training domains   records that hold out t only: the first with the highest mean out-split
 *                      accuracy over the other environments
 *   leave one out      a step counts when exactly one record holds out t only and for each other
 *                      environment v some record holds out {t, v}; the first step with the highest
 *                      mean in-split accuracy on v
 *   oracle             records that hold out t only: the last of the highest step, compared by the
 *                      out split of t
 * and the number is the in split of t in the record taken.
 */
#ifndef RESULTS_DOMAINBED_SELECT_H
#define RESULTS_DOMAINBED_SELECT_H

#include <stdbool.h>
#include <stdint.h>

enum { SELECT_TRAINING, SELECT_LEAVE_ONE_OUT, SELECT_ORACLE, N_SELECTIONS };

typedef struct {
    int64_t step;
    int n_test_envs; /* more than 2: in no rule */
    int test_env[2];
    double in[2], out[2]; /* accuracy on test_env[i]; NAN: not known */
    double source;        /* mean out-split accuracy over the other environments; NAN: not known */
} SelectRecord;

typedef struct {
    bool found;
    double value; /* by which sets of hyper-parameters are compared */
    double accuracy;
} Selected;

/* records: n of them in the order in which they were read. */
Selected domainbed_select(int rule, const SelectRecord *records, int n, int test_env, int n_envs);

#endif
