/* The methods, axis by axis: each member is one file and one row here. Names are what experiment
 * files say. */
#ifndef METHODS_REGISTRY_H
#define METHODS_REGISTRY_H

#include "averaging.h"
#include "objective.h"

const Objective *const *method_objectives(int *n);
const Averaging *const *method_averagings(int *n);

/* NULL when there is none of that name. */
const Objective *method_objective(const char *name);
const Averaging *method_averaging(const char *name);

/* A recipe is a name for a row of choices on the axes: assignments in the syntax of `--set`, which
 * experiment files and --set override. */
typedef struct {
    const char *name, *help, *source;
    const char *const *settings; /* "key=value", NULL-terminated */
} Recipe;

const Recipe *method_recipes(int *n);
const Recipe *method_recipe(const char *name); /* NULL when there is none */

#endif
