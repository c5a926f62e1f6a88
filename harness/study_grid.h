/* The grid of a study: parameterisations x optimisers x learning rates x seeds. Cells that the
 * database does not have yet are computed, independent ones at the same time, and written one by
 * one, so that a kill loses at most those under way. */
#ifndef HARNESS_STUDY_GRID_H
#define HARNESS_STUDY_GRID_H

#include "cli.h"
#include "study.h"
#include "thread_pool.h"

/* clang-format off */
#define OPTIONS_STUDY_GRID(NAMES, OPTIMIZERS, INPUT_STDS, SEEDS) \
    {"parameterisation", 0, "NAME,...", "which: " NAMES " (default: both)", 0}, \
    {"optimizer", 'o', "NAME,...", "which: sgd, momentum, adam (default: " OPTIMIZERS ")", 0}, \
    {"lr", 0, "X,...", "learning rates, the highest of the schedule (default: half decades around the window)", 0}, \
    {"input-std", 0, "X,...", "deviation of the generators' learned inputs at the start (default: " INPUT_STDS ")", 0}, \
    {"seeds", 0, "N", "initial values 0 .. N-1 (default: " SEEDS ")", 0}, \
    {"jobs", 'j', "N", "cells at the same time (default: the cores this process may use)", 0}
/* clang-format on */

typedef struct {
    const char *study, *problem;         /* as in the table study_cell */
    const char *learned, *generated;     /* names of the parameterisations */
    const char *optimizers, *input_stds; /* defaults, with commas */
    int n_seeds;
    /* Of the default learning rates of each optimiser: 10^(low/2) .. 10^(high/2). */
    struct {
        int low, high;
    } half_decades[STUDY_OPTIMIZERS];
    double floor, floor_rank; /* NAN: not known */

    /* What has to be made before the first cell; not called when every cell is there. NULL:
     * nothing. */
    void (*prepare)(void *context, ThreadPool *threads);
    /* One cell, in the calling thread; context is shared by all. */
    void (*run)(StudyOutcome *out, const void *context, const StudyCell *cell);
    void *context;
} StudyGrid;

/* Computes and stores what is missing in the file of --results. */
MUST_USE bool study_grid_run(const StudyGrid *grid, const Args *args, Err *err);

/* Prints table `study` of this study and problem. */
MUST_USE bool study_grid_print(const StudyGrid *grid, const Args *args, Err *err);

#endif
