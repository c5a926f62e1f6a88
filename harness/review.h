/* From a reviewed CSV (of `dgbench audit`, or of anyone) to a stored list of exclusions. Columns
 * path and verdict have to be there; dataset and reason may be; others are passed over. */
#ifndef HARNESS_REVIEW_H
#define HARNESS_REVIEW_H

#include "arena.h"
#include "exclusion.h"

/* name NULL: the file's name without ".csv". What is wrong with the file's lines: exclusion_store.
 */
MUST_USE bool review_store(Store *store, ExclusionCounts *counts, const char *path,
                           const char *name, Err *err);

/* The name that NULL stands for, in the arena. */
const char *review_name(const char *path, Arena *arena);

/* Whether someone has written a verdict into the file: it can't be read, or has none: false. */
bool review_has_verdicts(const char *path);

#endif
