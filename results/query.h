/* Reading the results database: any SELECT, written as text, CSV, JSON, Markdown or LaTeX. Nothing
 * here can write: the file is opened read-only and an authorizer refuses everything that is no
 * reading.
 *
 *     Db *db;
 *     results_open(&db, "results.db", err);
 *     QueryParameter dataset = {"dataset", "emoji-styles"};
 *     QueryParameters parameters = {&dataset, 1};
 *     const char *sql = "SELECT * FROM run_info WHERE dataset = :dataset";
 *     query_run(db, stdout, sql, parameters, FORMAT_TEXT, err);
 *     query_named(db, stdout, "runs", parameters, FORMAT_CSV, err);
 *     results_close(db);
 *
 * A named query is a file queries/NAME.sql whose first lines describe it:
 *     -- title: Every run and how it ended
 *     -- :dataset  only this dataset                         NULL unless given
 *     -- :rule=last  {last|oracle} how to select             a default, and all values there are
 */
#ifndef RESULTS_QUERY_H
#define RESULTS_QUERY_H

#include "err.h"

#include <stdio.h>

typedef struct Db Db;

typedef enum { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON, FORMAT_MD, FORMAT_LATEX } Format;

/* "text" (also "table"), "csv", "json", "md", "latex"; an unknown name is ERR_USAGE. */
MUST_USE bool format_parse(Format *out, const char *name, Err *err);

/* A file of an older version is brought up to date first, which is said on stderr. Fails with one
 * line when the file is missing, no results file of dgbench, of a newer version, or of an older one
 * and can't be written. */
MUST_USE bool results_open(Db **out, const char *path, Err *err);
void results_close(Db *db); /* NULL is fine */

typedef struct {
    const char *name,
        *value; /* bound as a number where it reads as one, else as text; never pasted into SQL */
} QueryParameter;

typedef struct {
    const QueryParameter *items;
    int n;
} QueryParameters;

/* "name=value" (split at the first '='; points into arena-like memory of the caller: `text` is
 * changed). */
MUST_USE bool query_parameter_parse(QueryParameter *out, char *text, Err *err);

/* One statement of the user. Every :parameter in it needs a value, and every value a parameter.
 * FORMAT_LATEX is for tables only. */
MUST_USE bool query_run(Db *db, FILE *out, const char *sql, QueryParameters parameters,
                        Format format, Err *err);

/* A query of queries/; an unknown name is ERR_USAGE and names the nearest one. */
MUST_USE bool query_named(Db *db, FILE *out, const char *name, QueryParameters parameters,
                          Format format, Err *err);
bool query_is_named(const char *name);

/* All named queries with what they show and their parameters. */
void query_list(FILE *out);

#endif
