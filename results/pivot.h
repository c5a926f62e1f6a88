/* Cells in long form made into a matrix of rows and columns. Internal to results/. */
#ifndef RESULTS_PIVOT_H
#define RESULTS_PIVOT_H

#include "arena.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *section, *row, *column;
    double value, error, low, high, row_order, column_order; /* NAN: not given */
    const char *unit;                                        /* see cell_text.h; "": the table's */
    int64_t n;                                               /* 0: not given */
    bool outside;                                            /* never the best of its column */
} Cell;

typedef struct {
    const char *text;
    double order;
} Label;

/* One section as a matrix: cells[row * (n_columns + 1) + column], NULL where there is none. */
typedef struct {
    bool average; /* set before: cells of the column PIVOT_AVERAGE are the averages of their rows */
    Label *rows, *columns;
    int n_rows, n_columns;
    const Cell **cells;
    double *values; /* [n_rows, n_columns + 1]; the last one is the average; NAN: missing */
} Pivot;

/* The column of averages, when a SELECT gives one itself. */
#define PIVOT_AVERAGE "Avg"

/* The cells of one section, in the arena. Averages that are not given are computed. Rows and
 * columns are sorted by their lowest order, without one by first appearance. Two cells for one
 * place are an error. */
MUST_USE bool pivot_make(Pivot *pivot, const Cell *cells, int n_cells, const char *section,
                         Arena *arena, Err *err);

#endif
