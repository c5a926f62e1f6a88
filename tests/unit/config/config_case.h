/* Setup and teardown that the tests of configuration share: an arena, and the keys of the small
 * tables. */
#ifndef TESTS_CONFIG_CASE_H
#define TESTS_CONFIG_CASE_H

#include "run_spec.h"

extern Arena *arena;
extern const RunKeys *keys;
extern Err err;

int config_setup(void **state);
int config_teardown(void **state);

/* The text of an experiment file exp.yaml, and values set on the command line, read into *out. */
bool config_read(RunSpec *out, const char *text, const char *const *sets, int n_sets);

#endif
