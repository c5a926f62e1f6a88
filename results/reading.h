/* How a table reads experiments: by which selection rule, on which split, with which standard
 * error. Each experiment says it (table experiment), unless the caller does. Experiments that are
 * read in the same way share a table. Internal to results/.
 */
#ifndef RESULTS_READING_H
#define RESULTS_READING_H

#include "arena.h"
#include "query.h"

typedef struct {
    QueryParameters *items; /* values of all parameters, one list for each way of reading */
    int n;                  /* >= 1 */
} Readings;

/* For a table whose SQL has :experiments (a JSON array of names): `given` with :rule, :scored and
 * :stderr filled in where they have no value, and :experiments; the published values as
 * :references, a JSON array of rows, when the SQL has it. Else `given` as it is. All in the
 * arena. */
MUST_USE bool readings_make(Readings *out, Db *db, const char *sql, QueryParameters given,
                            Arena *arena, Err *err);

/* The rows of the first statement of sql (which has to read only) as the temporary table `base`;
 * one that is there is replaced. *rest is what follows the statement. */
MUST_USE bool reading_keep_base(Db *db, const char *sql, const char **rest,
                                QueryParameters parameters, Err *err);

#endif
