/* Which runs a sweep has, and which of them are stored already. */
#ifndef SWEEP_SWEEP_PLAN_H
#define SWEEP_SWEEP_PLAN_H

#include "digest.h"
#include "experiment.h"
#include "store.h"

typedef struct {
    const RunSpec *spec;
    const char *name; /* for people: "erm, held out line, trial 0" */
    char key[SHA256_HEX_SIZE];
    RunStatus status;
} SweepRun;

typedef struct {
    SweepRun *runs;
    int n_runs;
    int n_stored; /* done or diverged: nothing is left to do for them */
} SweepPlan;

/* Opens (and packs) every dataset of the experiment, lists the runs and looks each up. results
 * NULL: the results file is not looked at (it is not even made), every run is RUN_ABSENT. Stored
 * runs are listed under the experiment's name, too. Everything lives in the arena. */
MUST_USE bool sweep_plan_make(SweepPlan *out, const Experiment *e, const char *results,
                              Arena *arena, Err *err);

/* Is there nothing left to do for it? */
bool sweep_run_is_stored(const SweepRun *run);

#endif
