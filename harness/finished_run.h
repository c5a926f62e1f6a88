/* A run that is stored as done, opened again for what came out of it: its spec, its dataset, its
 * weights on disk.
 *
 *     FinishedRun f;
 *     FinishedRunQuery query = {.results = "dgbench.db", .run = "3f9a01c2"};
 *     if (!finished_run_open(&f, &query, err)) return false;
 *     if (finished_run_learner(&f, true, err) && finished_run_load(&f, "model", err)) ...
 *     finished_run_close(&f);
 */
#ifndef HARNESS_FINISHED_RUN_H
#define HARNESS_FINISHED_RUN_H

#include "run_setup.h"

typedef struct {
    const char *results; /* database */
    const char *run;     /* its number or the beginning of its key */
    const char *output;  /* folder that holds its weights; NULL: as its spec says */
} FinishedRunQuery;

typedef struct {
    Arena *arena;
    RunSpec spec;
    RunSetup setup;
    const char *key;    /* as short as folders are called */
    const char *folder; /* of its weights */
} FinishedRun;

/* Finds it and opens its dataset. One that is not done, was imported, or whose dataset or initial
 * weights are others now: error. On failure nothing is left open. */
MUST_USE bool finished_run_open(FinishedRun *out, const FinishedRunQuery *query, Err *err);
void finished_run_close(FinishedRun *f);

/* Its learner as it was before training; merged: without an adapter, for weights that one is merged
 * into. */
MUST_USE bool finished_run_learner(FinishedRun *f, bool merged, Err *err);

/* "model": the weights it reports; with raw "model-raw", where those stand beside an average. */
const char *finished_run_stem(const FinishedRun *f, bool raw);

/* The merged weights of that stem into the learner's network, adapter aside. */
MUST_USE bool finished_run_load(FinishedRun *f, const char *stem, Err *err);

#endif
