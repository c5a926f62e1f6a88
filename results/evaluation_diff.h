/* Two databases that hold the same run: did it come out the same? */
#ifndef RESULTS_EVALUATION_DIFF_H
#define RESULTS_EVALUATION_DIFF_H

#include "err.h"
#include "query.h"

#include <stdint.h>
#include <stdio.h>

typedef struct {
    int64_t n_rows;    /* evaluations (step, variant, domain, split) of the first database */
    int64_t n_differ;  /* that have another n, correct or nll in the second, to the last bit */
    int64_t n_missing; /* that the second does not have */
    int64_t n_more;    /* that only the second has */
    double worst_accuracy, worst_nll; /* largest absolute differences */
} EvaluationDiff;

/* Compares all evaluations of the run with that key, and prints the first few that differ. */
MUST_USE bool evaluation_diff(EvaluationDiff *out, FILE *differing, Db *first, Db *second,
                              const char *key, Err *err);

#endif
