/* How the rows of a part of the report become HTML. Internal to results/. Columns by kind (those in
 * brackets may be missing); each value of [section] is a table or figure of its own:
 *
 *   facts    name, value
 *   matrix   [section], row, [row_order], column, [column_order], value, [n, [error]]; or text
 *            instead of value. Line "best: max" marks the best of each column.
 *   table    [section], any columns; numbers are aligned to the right. [of_rows]: how many rows
 *            there are in all, not shown
 *   list     [section], name, value
 *   lines    line: a command to type
 *   dots     [section], panel, [panel_order], lane, [lane_order], series, value, low, high,
 *            reference; line "axis" names the horizontal axis
 *   curves   [section], figure, panel, [panel_order], lane, [lane_order], series, x, y, low, high
 */
#ifndef RESULTS_REPORT_PARTS_H
#define RESULTS_REPORT_PARTS_H

#include "arena.h"
#include "report_rows.h"
#include "str.h"

typedef struct {
    Str *out;
    const Rows *rows;
    RowSpan span;        /* the rows of one section */
    const char *section; /* its name, "" when the part has none */
    const char *text;    /* the part's file: its comment lines say more */
    Arena *arena;
} Part;

void part_facts(const Part *part);
void part_matrix(const Part *part);
void part_table(const Part *part);
void part_list(const Part *part);
void part_lines(const Part *part);
void part_dots(const Part *part);
void part_curves(const Part *part);

#endif
