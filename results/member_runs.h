/* Runs that could be merged into one: those of a method, in groups that differ in nothing but
 * hyper-parameters and seeds. */
#ifndef RESULTS_MEMBER_RUNS_H
#define RESULTS_MEMBER_RUNS_H

#include "arena.h"
#include "query.h"

#include <stdint.h>

typedef struct {
    const char *method;                                  /* of the runs */
    const char *dataset, *experiment, *held_out, *trial; /* NULL: any */
} MemberQuery;

typedef struct {
    const char *key, *spec_json, *dataset, *held_out;
    int64_t dataset_id, trial;
    double source_accuracy; /* of the last raw weights, on the source domains' out splits; NAN when
                               there are none */
} MemberRun;

typedef struct {
    MemberRun *items;
    int n;
} MemberRuns;

/* Runs that are done and were made here by training, group after group (dataset, held-out domains,
 * trial), within a group the best validation first. Texts live in the arena. */
MUST_USE bool member_runs_read(MemberRuns *out, Db *db, const MemberQuery *query, Arena *arena,
                               Err *err);

/* How many runs from `first` on are of one group. */
int member_runs_group(const MemberRuns *runs, int first);

#endif
