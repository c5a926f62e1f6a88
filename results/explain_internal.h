/* What the parts of explain share: statements whose parameters are all texts (a domain may be
 * called "0", a key may look like a number). */
#ifndef RESULTS_EXPLAIN_INTERNAL_H
#define RESULTS_EXPLAIN_INTERNAL_H

#include "arena.h"
#include "query_internal.h"

typedef struct {
    const char *name, *value; /* ":name"; NULL binds NULL */
} TextParameter;

typedef struct {
    const TextParameter *items;
    int n;
} TextParameters;

MUST_USE bool explain_prepare(Db *db, sqlite3_stmt **out, const char *sql, TextParameters texts,
                              Err *err);

/* A column as text in the arena, "" for NULL. */
const char *explain_column(sqlite3_stmt *statement, int i, Arena *arena);

#endif
