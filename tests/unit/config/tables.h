/* Small tables of recipes and members for the tests of configuration, and the checks they share. */
#ifndef TESTS_CONFIG_TABLES_H
#define TESTS_CONFIG_TABLES_H

#include "run_spec.h"

static const HparamDef vrex_defs[] = {
    {.name = "lambda",
     .default_value = 10,
     .draw = HPARAM_POWER(10, -1, 5),
     .help = "weight of the variance",
     .source = "Krueger et al. 2021"},
    {.name = "anneal_steps",
     .default_value = 500,
     .help = "steps before the weight counts",
     .source = "DomainBed"},
};
static const HparamDef coral_defs[] = {
    {.name = "gamma",
     .default_value = 1,
     .draw = HPARAM_POWER(10, -1, 1),
     .help = "weight of the penalty",
     .source = "Sun and Saenko 2016"},
};
/* A member with every kind of value. */
static const char *const readings[] = {"reference", "paper", NULL};
static const HparamDef swad_defs[] = {
    {.name = "n_converge",
     .default_value = 3,
     .kind = HPARAM_INT,
     .low = 1,
     .high = 16,
     .help = "checkpoints",
     .source = "Cha et al. 2021"},
    {.name = "tolerance_ratio",
     .default_value = 0.3,
     .help = "above the mean",
     .source = "Cha et al. 2021"},
    {.name = "reading",
     .default_value = 0,
     .kind = HPARAM_NAMED,
     .choices = readings,
     .help = "which",
     .source = "Cha et al. 2021"},
};
static const RunSpecExtras test_extras[] = {
    {"vrex", vrex_defs, 2}, {"coral", coral_defs, 1}, {"swad", swad_defs, 3}};
static const RunRecipe test_recipes[] = {
    {"erm", "plain empirical risk minimisation", NULL},
    {"erm++", "all of ERM++",
     (const char *const[]){"method.averaging=[sma]", "method.lr=1e-4", "data.replacement=false",
                           NULL}},
    {"vrex", "risk extrapolation", (const char *const[]){"method.objective=vrex", NULL}},
};
static const RunTables test_tables = {test_extras, 3, test_recipes, 3};

#endif
