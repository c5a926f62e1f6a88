/* Names that a run's spec gives, and the line that an unknown one gets. */
#ifndef HARNESS_RUN_NAMES_H
#define HARNESS_RUN_NAMES_H

#include "averaging.h"
#include "err.h"
#include "objective.h"
#include "schedule.h"

/* Sets err to `key: no "found"` with the nearest of the names, or all of them; returns false. */
MUST_USE bool run_unknown_name(Err *err, const char *key, const char *found,
                               const char *const *names, int n);

MUST_USE bool run_find_objective(const Objective **out, const char *name, Err *err);
MUST_USE bool run_find_averaging(const Averaging **out, const char *name, Err *err);
MUST_USE bool run_find_schedule(const Schedule **out, const char *name, Err *err);

#endif
