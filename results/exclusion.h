/* Reviewed lists of images: stored, listed, and left out of what a connection reads.
 *
 *     results_open(&db, "results.db", err);
 *     exclusion_use(db, "reviewed", err);           from here on every reader of db does without
 *     table_print(db, stdout, "accuracy", ...);     and its tables say so
 *
 * Accuracies on held-out domains are counted again from stored predictions: exact, because a
 * checkpoint keeps those of all images of a domain or of none. Where there are none, a domain with
 * excluded images has no accuracy. Predictions and alignment scores of excluded images are not
 * there. Selection, and with it validation accuracies and source domains, stays as it was: runs
 * trained on these images, and chose with them. Nothing in the file changes.
 */
#ifndef RESULTS_EXCLUSION_H
#define RESULTS_EXCLUSION_H

#include "query.h"
#include "store.h"

/* name: of a stored list; an unknown one is ERR_USAGE and names the nearest. NULL: leaves all in.
 * Once per connection. */
MUST_USE bool exclusion_use(Db *db, const char *name, Err *err);

/* What the tables of this connection say of it; NULL: nothing is left out. */
const char *exclusion_sentence(const Db *db);

/* ERR_USAGE with the nearest name when there is no such list. */
MUST_USE bool exclusion_find(Db *db, const char *name, Err *err);

typedef struct {
    const char *dataset; /* name; NULL or "": the one dataset that has the path */
    const char *path;    /* relative to the dataset's root */
    const char *verdict; /* "exclude", "keep" (looked at, and right), or "": not looked at yet;
                            capitals and blanks around it don't matter */
    const char *reason;  /* "" or NULL: none */
    int line;            /* of the source, for messages */
} ExclusionVerdict;

typedef struct {
    const char *name, *source; /* source: where it was read from */
    const ExclusionVerdict *verdicts;
    int n;
} ExclusionList;

typedef struct {
    int64_t excluded, kept, open; /* open: not looked at yet, and not stored */
    bool replaced;                /* there was a list of this name */
} ExclusionCounts;

/* Stores the list, in place of one of the same name, in one transaction. All or nothing: when a
 * verdict is no such word, a path is not known, known to two datasets, or there twice, each such
 * line is a warning (log.h), they are counted in the error, and the file stays as it was. */
MUST_USE bool exclusion_store(Store *store, ExclusionCounts *counts, const ExclusionList *list,
                              Err *err);

/* An unknown name is ERR_USAGE and names the nearest one. */
MUST_USE bool exclusion_remove(Store *store, const char *name, Err *err);

#endif
