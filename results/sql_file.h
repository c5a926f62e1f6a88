/* SQL texts that the program carries (queries/, tables/): comment lines at the top describe them.
 * Internal to results/.
 *
 *     -- title: Every run and how it ended
 *     -- :experiment  only this one                    NULL unless given
 *     -- :rule=last   {last|oracle} how to select      a default, and all values there are
 */
#ifndef RESULTS_SQL_FILE_H
#define RESULTS_SQL_FILE_H

#include "arena.h"
#include "query.h"
#include "results_files.h"

/* The file NAME.sql; ERR_USAGE with the nearest name when there is none. kind: "query", "table". */
MUST_USE bool sql_file_find(const char **out_text, const EmbeddedFile *files, const char *kind,
                            const char *name, Err *err);

/* The value of the header line `-- key: value`, in the arena; NULL when there is none. */
char *sql_file_key(const char *text, const char *key, Arena *arena);

/* All documented parameters with the given values, or their defaults. A given one that is not
 * documented is ERR_USAGE. */
MUST_USE bool sql_file_parameters(QueryParameters *out, const char *place, const char *text,
                                  QueryParameters given, Arena *arena, Err *err);

/* Names, titles, parameters, for people. */
void sql_file_list(FILE *out, const EmbeddedFile *files);

#endif
