/* The layers of a RunSpec for structs that begin with one (RunSpec itself, and the experiment with
 * its sweep keys). Inside harness/config only. */
#ifndef CONFIG_RUN_LAYERS_H
#define CONFIG_RUN_LAYERS_H

#include "run_spec.h"

/* target: a struct whose first member is a RunSpec and whose rows are schema's. Does not put the
 * spec in order. */
MUST_USE bool run_layers_apply(void *target, const Schema *schema, const RunKeys *keys,
                               const RunLayers *layers, Arena *arena, Err *err);

/* The recipe of that name; NULL with an error that begins with place and names the nearest one. */
const RunRecipe *run_recipe_find(const RunKeys *keys, const char *name, const char *place,
                                 Err *err);

/* What spans several keys; for run_spec_finish. */
MUST_USE bool run_spec_check(const RunSpec *spec, const char *place, Err *err);

/* Puts a spec in order and checks what spans several keys. */
MUST_USE bool run_spec_finish(RunSpec *spec, const char *place, Arena *arena, Err *err);

#endif
