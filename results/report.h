/* The report: one HTML page with the tables and charts of a results database. It needs nothing but
 * itself (no network, no script, no other file), and reads on a phone, on a desktop and on paper.
 *
 *     ReportOptions options = {.experiment = "erm-emoji-styles"};
 *     report_write("out", "results.db", &options, err);                  out/index.html
 *
 * A part of the page is a file report/NAME.sql, in the order of report_parts (report.c): one SELECT
 * and comment lines that say how it is drawn:
 *
 *     -- part: matrix      facts, matrix, table, list, lines, dots or curves (report_parts.h)
 *     -- title: Accuracy   heading; each value of the column `section` is one table or figure
 *     -- caption: ...      of its tables
 *     -- note: ...         small print below
 *
 * They read temporary tables that report/result.sql and report/shown.sql fill from the views
 * `result` and `cell` (views.sql), so that the page's numbers are those of every other table.
 */
#ifndef RESULTS_REPORT_H
#define RESULTS_REPORT_H

#include "err.h"
#include "str.h"

typedef struct {
    const char *experiment, *dataset; /* only these; NULL: all there are */
    const char *rule;                 /* selection rule; NULL: the one each experiment is read by */
    const char *excluding; /* images of this list are left out (exclusion.h); NULL: none */
} ReportOptions;

/* The page as text. Unknown names are ERR_USAGE and name the nearest one. */
MUST_USE bool report_make(Str *out, const char *results_path, const ReportOptions *options,
                          Err *err);

/* The page as folder/index.html; the folder is made when it is missing. An index.html that is there
 * is replaced as a whole, or kept when something fails. */
MUST_USE bool report_write(const char *folder, const char *results_path,
                           const ReportOptions *options, Err *err);

#endif
