/* Rows: which objectives and averagings there are, and what they offer to the configuration. */
#include "registry.h"

#include "members.h"
#include "recipes.h"
#include "str.h"

static const Objective *const OBJECTIVES[] = {&OBJECTIVE_ERM};
static const Averaging *const AVERAGINGS[] = {&AVERAGING_SMA, &AVERAGING_EMA};

enum {
    N_OBJECTIVES = sizeof OBJECTIVES / sizeof *OBJECTIVES,
    N_AVERAGINGS = sizeof AVERAGINGS / sizeof *AVERAGINGS
};

const Objective *const *method_objectives(int *n)
{
    *n = N_OBJECTIVES;
    return OBJECTIVES;
}

const Averaging *const *method_averagings(int *n)
{
    *n = N_AVERAGINGS;
    return AVERAGINGS;
}

const Objective *method_objective(const char *name)
{
    for (int i = 0; i < N_OBJECTIVES; i++) {
        if (str_equal(OBJECTIVES[i]->name, name)) return OBJECTIVES[i];
    }
    return NULL;
}

const Averaging *method_averaging(const char *name)
{
    for (int i = 0; i < N_AVERAGINGS; i++) {
        if (str_equal(AVERAGINGS[i]->name, name)) return AVERAGINGS[i];
    }
    return NULL;
}

RunTables method_tables(Arena *arena)
{
    RunSpecExtras *extras = arena_alloc(arena, N_OBJECTIVES, sizeof *extras);
    for (int i = 0; i < N_OBJECTIVES; i++) {
        extras[i] =
            (RunSpecExtras){OBJECTIVES[i]->name, OBJECTIVES[i]->hparams, OBJECTIVES[i]->n_hparams};
    }
    return (RunTables){extras, N_OBJECTIVES, METHOD_RECIPES, N_METHOD_RECIPES};
}
