/* `dgbench plan --diff A B`: how two protocol presets differ. */
#ifndef HARNESS_PLAN_DIFF_H
#define HARNESS_PLAN_DIFF_H

#include "err.h"

#include <stdio.h>

/* An aligned table, key | a | b, of the keys in which two presets differ, then their notes. dataset
 * NULL: what holds for any dataset, and below it what is otherwise for single ones; else as for
 * that dataset. ERR_USAGE with the nearest name for a preset that does not exist. */
MUST_USE bool plan_diff(FILE *out, const char *a, const char *b, const char *dataset, Err *err);

#endif
