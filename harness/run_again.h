/* `dgbench run --again`: makes a stored run once more, from the spec that was stored with it, into
 * another database, and says whether it came out the same. */
#ifndef HARNESS_RUN_AGAIN_H
#define HARNESS_RUN_AGAIN_H

#include "err.h"
#include "run.h"

typedef struct {
    const char *run;     /* its number, or the beginning of its key */
    const char *results; /* where it is stored */
    const char *into;    /* where it is made again; a run that is there already is only compared */
    const char *output;  /* folder for its checkpoints */
    int threads;         /* 0: as many as it had */
} RunAgainOptions;

/* Fails when the run was not made by this program, when the data, the initial weights or the
 * program are not what they were (the key says so), and when an evaluation came out otherwise
 * (after printing which). */
MUST_USE bool run_again(const RunAgainOptions *options, const RunHooks *hooks, Err *err);

#endif
