/* What a run got, read back from the results: at the checkpoint that training-domain validation
 * selects, with the weights that its method reports. */
#ifndef HARNESS_RUN_REPORT_H
#define HARNESS_RUN_REPORT_H

#include "err.h"
#include "str.h"

#include <stdio.h>

/* Accuracy of every domain and split, as a table. */
MUST_USE bool run_report_print(FILE *out, const char *results, const char *key, Err *err);

/* Appends "line 24.1 %": the held-out domains' in split. */
MUST_USE bool run_report_held_out(Str *out, const char *results, const char *key, Err *err);

#endif
