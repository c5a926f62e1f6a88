/* Small tables of recipes and members for the tests of configuration, and the checks they share. */
#ifndef TESTS_CONFIG_TABLES_H
#define TESTS_CONFIG_TABLES_H

#include "run_spec.h"

static const HparamDef vrex_defs[] = {
    {"lambda", 10, HPARAM_POWER(10, -1, 5), "weight of the variance", "Krueger et al. 2021"},
    {"anneal_steps", 500, HPARAM_FIXED, "steps before the weight counts", "DomainBed"},
};
static const HparamDef coral_defs[] = {
    {"gamma", 1, HPARAM_POWER(10, -1, 1), "weight of the penalty", "Sun and Saenko 2016"},
};
static const RunSpecExtras test_extras[] = {{"vrex", vrex_defs, 2}, {"coral", coral_defs, 1}};
static const RunRecipe test_recipes[] = {
    {"erm", "plain empirical risk minimisation", NULL},
    {"erm++", "all of ERM++",
     (const char *const[]){"method.averaging=[sma]", "method.lr=1e-4", "data.replacement=false",
                           NULL}},
    {"vrex", "risk extrapolation", (const char *const[]){"method.objective=vrex", NULL}},
};
static const RunTables test_tables = {test_extras, 2, test_recipes, 3};

#endif
