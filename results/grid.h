/* A grid of texts with a header row, printed aligned, as CSV, Markdown or LaTeX; and the small
 * writers that CSV and JSON need. Internal to results/. */
#ifndef RESULTS_GRID_H
#define RESULTS_GRID_H

#include "query.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct Grid Grid;

Grid *grid_new(int n_columns); /* free with grid_free */
void grid_free(Grid *grid);    /* NULL is fine */

/* Cells row by row, the header row first; texts are copied. Marked: the best of its column ("*",
 * bold). */
void grid_add(Grid *grid, const char *text, bool marked);
void grid_align_right(Grid *grid, int column);
void grid_show_marks(Grid *grid); /* text: room for the "*", so that numbers stay aligned */

/* FORMAT_TEXT, FORMAT_MD, FORMAT_LATEX or FORMAT_CSV (without marks). */
void grid_print(const Grid *grid, FILE *out, Format format);

/* One CSV field, quoted where needed (libcsv does the quoting). */
void csv_field(FILE *out, const char *text);

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *text);

/* The shortest of %.15g and %.17g that reads back as the same number. */
void number_exact(char out[32], double value);

/* With the characters escaped that mean something to LaTeX, or to a Markdown table. */
void latex_text(FILE *out, const char *text);
void md_text(FILE *out, const char *text);

#endif
