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
 *     -- low: low                   ends of its interval (optional): value [low, high]
 *     -- high: high
 *     -- unit: unit                 what it is, where cells differ (optional): count, percent (a
 * fraction, times 100), score (3 digits), number (4 significant digits); else as digits and scale
 * say
 *     -- n: n_trials                how many were averaged (optional)
 *     -- row_order: first_run_id    columns to sort by (optional; else in order of appearance)
 *     -- column_order: domain_position
 *     -- average: yes               a last column: mean of the unrounded cells, "-" if one is
 * missing
 *     -- scale: percent             values times 100
 *     -- digits: 1                  after the point, 0 to 9 (optional)
 *     -- runs: n_runs               counts to sum for the line below the table (optional)
 *     -- steps: n_steps
 *     -- best: max                  the best of each column is marked: max, min or none
 *     -- outside: outside           column that is true for rows that are never the best (optional)
 *     -- base: yes                  there is a SELECT in front: its rows are kept as the table
 * `base`, which the other two read
 *     -- :rule=training-domain      {training-domain|last} a parameter, its default, its values
 *     SELECT ...;                   the cells, one per row
 *     SELECT ...;                   lines of text to print below: what was counted, what was not
 *
 * A table that uses :experiments (a JSON array of names) is made once for each way in which the
 * experiments are read: :rule, :scored and :stderr are theirs unless they are given (reading.h).
 * :references is a JSON array of published values (reference.h); statistics: sql_statistics.h. A
 * SELECT may give the column Avg itself.
 *
 * A connection that leaves images out (exclusion.h) has its sentence below the title, and its
 * list's name as a last column "without" of CSV and in every row of JSON.
 *
 * Missing cells print as "-". CSV has columns NAME, NAME stderr, NAME n (with intervals NAME low,
 * NAME high, too) and unrounded numbers, and no marks.
 */
#ifndef RESULTS_TABLES_H
#define RESULTS_TABLES_H

#include "err.h"
#include "query.h"

#include <stdio.h>

/* An unknown name is ERR_USAGE and names the nearest one. FORMAT_JSON gives the cells as rows, of
 * all readings in one array. */
MUST_USE bool table_print(Db *db, FILE *out, const char *name, QueryParameters parameters,
                          Format format, Err *err);

/* The same for a table that is not in tables/. */
typedef struct {
    const char *name; /* for messages */
    const char *text;
} TableFile;
MUST_USE bool table_print_file(Db *db, FILE *out, const TableFile *file, QueryParameters parameters,
                               Format format, Err *err);

/* All tables with their titles and parameters. */
void table_list(FILE *out);

#endif
