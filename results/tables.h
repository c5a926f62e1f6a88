/* Tables of results: rows are methods, columns are held-out domains and their average, a cell is
 * mean +/- standard error (trials). A table is a file tables/NAME.sql, layout in its comment lines
 * and two SELECTs:
 *
 *     -- title: Accuracy (%) on the held-out domain
 *     -- section: section           column whose value starts a new table (optional)
 *     -- row: method                column that names the row
 *     -- column: domain             column that names the column
 *     -- value: mean                the cell's number
 *     -- error: stderr              its standard error (optional)
 *     -- n: n_trials                how many were averaged (optional)
 *     -- row_order: first_run_id    columns to sort by (optional; else in order of appearance)
 *     -- column_order: domain_position
 *     -- average: yes               a last column: mean of the unrounded cells; "-" when one is
 * missing
 *     -- scale: percent             values times 100
 *     -- best: max                  the best of each column is marked: max, min or none
 *     -- :rule=training-domain      a parameter, its default, its meaning
 *     SELECT ...;                   the cells, one per row
 *     SELECT ...;                   lines of text to print below: what was counted, what was not
 *
 * Missing cells print as "-". CSV has columns NAME, NAME stderr, NAME n and unrounded numbers, and
 * no marks.
 */
#ifndef RESULTS_TABLES_H
#define RESULTS_TABLES_H

#include "err.h"
#include "query.h"

#include <stdio.h>

/* An unknown name is ERR_USAGE and names the nearest one. FORMAT_JSON gives the cells as rows. */
MUST_USE bool table_print(Db *db, FILE *out, const char *name, const QueryParameter *parameters,
                          int n_parameters, Format format, Err *err);

/* The same for the text of a table file (`place` is its name in messages). */
MUST_USE bool table_print_text(Db *db, FILE *out, const char *place, const char *text,
                               const QueryParameter *parameters, int n_parameters, Format format,
                               Err *err);

/* All tables with their titles and parameters. */
void table_list(FILE *out);

#endif
