/* The methods, axis by axis: each member is one file and one row here. Names are what experiment
 * files say. */
#ifndef METHODS_REGISTRY_H
#define METHODS_REGISTRY_H

#include "arena.h"
#include "averaging.h"
#include "hparam.h"
#include "objective.h"
#include "schedule.h"

const Objective *const *method_objectives(int *n);
const Averaging *const *method_averagings(int *n);
const Schedule *const *method_schedules(int *n);

/* NULL when there is none of that name. */
const Objective *method_objective(const char *name);
const Averaging *method_averaging(const char *name);
const Schedule *method_schedule(const char *name);

/* Named recipes and the members' hyper-parameters, as the configuration wants them; lists live in
 * the arena. */
RunTables method_tables(Arena *arena);

#endif
