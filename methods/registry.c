/* Rows: which objectives, averagings and schedules there are, and what they offer to the
 * configuration. */
#include "registry.h"

#include "members.h"
#include "recipes.h"
#include "str.h"

static const Objective *const OBJECTIVES[] = {&OBJECTIVE_ERM};
static const Averaging *const AVERAGINGS[] = {&AVERAGING_SMA, &AVERAGING_EMA, &AVERAGING_SWAD,
                                              &AVERAGING_BMA};
static const Schedule *const SCHEDULES[] = {&SCHEDULE_CONSTANT, &SCHEDULE_COSINE};

enum {
    N_OBJECTIVES = sizeof OBJECTIVES / sizeof *OBJECTIVES,
    N_AVERAGINGS = sizeof AVERAGINGS / sizeof *AVERAGINGS,
    N_SCHEDULES = sizeof SCHEDULES / sizeof *SCHEDULES
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

const Schedule *const *method_schedules(int *n)
{
    *n = N_SCHEDULES;
    return SCHEDULES;
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

const Schedule *method_schedule(const char *name)
{
    for (int i = 0; i < N_SCHEDULES; i++) {
        if (str_equal(SCHEDULES[i]->name, name)) return SCHEDULES[i];
    }
    return NULL;
}

RunTables method_tables(Arena *arena)
{
    int most = N_OBJECTIVES + N_AVERAGINGS + N_SCHEDULES;
    RunSpecExtras *extras = arena_alloc(arena, (size_t)most, sizeof *extras);
    int n = 0;
    for (int i = 0; i < N_OBJECTIVES; i++) {
        const Objective *o = OBJECTIVES[i];
        extras[n++] = (RunSpecExtras){o->name, o->hparams, o->n_hparams};
    }
    for (int i = 0; i < N_AVERAGINGS; i++) {
        const Averaging *a = AVERAGINGS[i];
        extras[n++] = (RunSpecExtras){a->name, a->hparams, a->n_hparams};
    }
    for (int i = 0; i < N_SCHEDULES; i++) {
        const Schedule *s = SCHEDULES[i];
        extras[n++] = (RunSpecExtras){s->name, s->hparams, s->n_hparams};
    }
    return (RunTables){extras, n, METHOD_RECIPES, N_METHOD_RECIPES};
}
