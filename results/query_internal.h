/* What query.c and tables.c share: a SELECT made ready. */
#ifndef RESULTS_QUERY_INTERNAL_H
#define RESULTS_QUERY_INTERNAL_H

#include "database.h"
#include "query.h"

/* Prepares the first statement of sql, which has to read only, and binds its parameters: a
 * :parameter without an entry in the list is an error, an entry whose value is NULL binds NULL.
 * *rest (may be NULL) is what follows the statement. Finalize the statement. */
MUST_USE bool query_prepare(Db *db, sqlite3_stmt **out, const char **rest, const char *sql,
                            QueryParameters parameters, Err *err);

/* Binds all parameters of a statement, as query_prepare does. */
MUST_USE bool query_bind(sqlite3_stmt *statement, QueryParameters parameters, Err *err);

/* Whether statements that do more than read are refused when they are prepared: true from
 * results_open on. */
void query_only_reads(Db *db, bool only);

/* The next row of a statement: *row says whether there was one. */
MUST_USE bool query_step(Db *db, sqlite3_stmt *statement, bool *row, Err *err);

/* All rows in a format other than LaTeX. */
MUST_USE bool query_write_rows(Db *db, FILE *out, sqlite3_stmt *statement, Format format, Err *err);

/* All rows as objects of a JSON array that several statements may fill. *first: true before its
 * first row, false from then on; query_end_json ends the array. */
MUST_USE bool query_write_json_rows(Db *db, FILE *out, sqlite3_stmt *statement, bool *first,
                                    Err *err);
void query_end_json(FILE *out, bool first);

/* Whether anything but space and comments is left. */
bool query_has_more(Db *db, const char *sql);

#endif
