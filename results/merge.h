/* Merging results databases: everything of one file is copied into another, by content, in SQL
 * (the scripts of merge/).
 *
 *     merge_check("b.db", err)                                reads all of it, changes nothing
 *     store_open(&store, "all.db", err);
 *     merge_source(store, "b.db", stdout, &counts, err);      as often as there are files
 *     store_close(store);
 *
 * Runs are the same when their keys are, datasets when their fingerprints are; experiments, scorers
 * and rules go by name. What is in the target stays, but a run that is unfinished there and done in
 * the source (or got further) is replaced. A run that ended in both files with other numbers is a
 * conflict: reported, and what is there stays.
 *
 * Runs are committed 200 at a time with all that belongs to them: a kill at any moment leaves a
 * valid database, and the same call again completes it. The source is opened for reading only; one
 * of an older version is brought up to date on a temporary copy beside the target.
 */
#ifndef RESULTS_MERGE_H
#define RESULTS_MERGE_H

#include "store.h"

#include <stdio.h>

typedef struct {
    int64_t added, completed; /* runs that were not there; that were unfinished there */
    int64_t kept, same;       /* got further in the target; the same in both */
    int64_t conflicts;        /* runs, scorers and rules that ended up different */
} MergeCounts;

/* Whether a file can be merged: it is there, a results file, of no newer version, not locked, and
 * undamaged. */
MUST_USE bool merge_check(const char *source, Err *err);

/* Merges one file, which merge_check has found good, into the store. Writes to `out` a line for
 * each thing that people have to know, beginning with the source's path. *counts is set, not added
 * to. Fails when the source can't be read, writing fails, or a dataset of the same fingerprint has
 * another content; batches that were committed by then stay. */
MUST_USE bool merge_source(Store *store, const char *source, FILE *out, MergeCounts *counts,
                           Err *err);

#endif
