/* Long form to matrix: see pivot.h. */
#include "pivot.h"

#include "str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int find_label(const Label *labels, int n, const char *text)
{
    for (int i = 0; i < n; i++) {
        if (str_equal(labels[i].text, text)) return i;
    }
    return n;
}

static int compare_labels(const void *a, const void *b)
{
    const Label *x = a, *y = b;
    int by_order = (x->order > y->order) - (x->order < y->order);
    return by_order != 0 ? by_order : strcmp(x->text, y->text);
}

static bool is_average(const Cell *cell, bool average)
{
    return average && str_equal(cell->column, PIVOT_AVERAGE);
}

/* Distinct labels by their lowest order; those without one stay in order of appearance. Which: the
 * rows, or the columns that are no average. */
typedef enum { ROWS, COLUMNS, COLUMNS_BUT_AVERAGE } Which;

static int collect_labels(Label *labels, const Cell *cells, int n_cells, const char *section,
                          Which which)
{
    int n = 0;
    for (int i = 0; i < n_cells; i++) {
        const Cell *cell = &cells[i];
        if (!str_equal(cell->section, section)) continue;
        if (is_average(cell, which == COLUMNS_BUT_AVERAGE)) continue;
        const char *text = which == ROWS ? cell->row : cell->column;
        double order = which == ROWS ? cell->row_order : cell->column_order;
        int found = find_label(labels, n, text);
        if (found == n)
            labels[n++] = (Label){text, isnan(order) ? (double)i : order};
        else if (order < labels[found].order)
            labels[found].order = order;
    }
    qsort(labels, (size_t)n, sizeof *labels, compare_labels);
    return n;
}

static void add_averages(Pivot *pivot)
{
    for (int r = 0; r < pivot->n_rows; r++) {
        double *values = pivot->values + (size_t)r * (size_t)(pivot->n_columns + 1);
        double sum = 0.0;
        if (!isnan(values[pivot->n_columns])) continue; /* given */
        for (int c = 0; c < pivot->n_columns; c++)
            sum += values[c]; /* a NAN makes the average missing */
        values[pivot->n_columns] = sum / pivot->n_columns;
    }
}

bool pivot_make(Pivot *pivot, const Cell *cells, int n_cells, const char *section, Arena *arena,
                Err *err)
{
    size_t n = (size_t)n_cells;
    pivot->rows = arena_alloc(arena, n, sizeof *pivot->rows);
    pivot->columns = arena_alloc(arena, n, sizeof *pivot->columns);
    pivot->n_rows = collect_labels(pivot->rows, cells, n_cells, section, ROWS);
    pivot->n_columns = collect_labels(pivot->columns, cells, n_cells, section,
                                      pivot->average ? COLUMNS_BUT_AVERAGE : COLUMNS);
    int n_values = pivot->n_rows * (pivot->n_columns + 1);
    pivot->cells = arena_alloc(arena, (size_t)n_values, sizeof *pivot->cells);
    pivot->values = arena_alloc(arena, (size_t)n_values, sizeof *pivot->values);
    for (int i = 0; i < n_values; i++) pivot->values[i] = NAN;
    for (int i = 0; i < n_cells; i++) {
        const Cell *cell = &cells[i];
        if (!str_equal(cell->section, section)) continue;
        int column = is_average(cell, pivot->average)
                         ? pivot->n_columns
                         : find_label(pivot->columns, pivot->n_columns, cell->column);
        int at =
            find_label(pivot->rows, pivot->n_rows, cell->row) * (pivot->n_columns + 1) + column;
        if (pivot->cells[at] != NULL) {
            return err_set(err, ERR_FORMAT, "two values for row \"%s\", column \"%s\"", cell->row,
                           cell->column);
        }
        pivot->cells[at] = cell;
        pivot->values[at] = cell->value;
    }
    add_averages(pivot);
    return true;
}
