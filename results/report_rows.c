/* Rows of a SELECT in memory: see report_rows.h. */
#include "report_rows.h"

#include "mem.h"
#include "query_internal.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

static void read_row(Rows *rows, int *capacity, sqlite3_stmt *statement, Arena *arena)
{
    int n = rows->n_columns;
    mem_reserve(rows->cells, *capacity, (rows->n_rows + 1) * n);
    for (int i = 0; i < n; i++) {
        const char *text = (const char *)sqlite3_column_text(statement, i);
        rows->cells[rows->n_rows * n + i] = text != NULL ? arena_strdup(arena, text) : NULL;
    }
    rows->n_rows++;
}

bool rows_read(Rows *out, Db *db, const char *sql, QueryParameters parameters, Arena *arena,
               Err *err)
{
    sqlite3_stmt *statement = NULL;
    if (!query_prepare(db, &statement, NULL, sql, parameters, err)) return false;
    Rows rows = {.n_columns = sqlite3_column_count(statement)};
    rows.names = arena_alloc(arena, (size_t)rows.n_columns, sizeof *rows.names);
    for (int i = 0; i < rows.n_columns; i++)
        rows.names[i] = arena_strdup(arena, sqlite3_column_name(statement, i));
    int capacity = 0;
    bool row = false, ok;
    while ((ok = query_step(db, statement, &row, err)) && row)
        read_row(&rows, &capacity, statement, arena);
    sqlite3_finalize(statement);
    if (ok) {
        const char **kept =
            arena_alloc(arena, (size_t)rows.n_rows * (size_t)rows.n_columns, sizeof *kept);
        if (rows.n_rows > 0)
            memcpy(kept, rows.cells, (size_t)rows.n_rows * (size_t)rows.n_columns * sizeof *kept);
        free(rows.cells);
        rows.cells = kept;
        *out = rows;
        return true;
    }
    free(rows.cells);
    return false;
}

int rows_column(const Rows *rows, const char *column)
{
    for (int i = 0; i < rows->n_columns; i++) {
        if (str_equal(rows->names[i], column)) return i;
    }
    return -1;
}

const char *rows_text(const Rows *rows, int row, const char *column)
{
    int i = rows_column(rows, column);
    const char *text = i < 0 ? NULL : rows->cells[row * rows->n_columns + i];
    return text != NULL ? text : "";
}

double rows_number(const Rows *rows, int row, const char *column)
{
    double value;
    return str_to_double(rows_text(rows, row, column), &value) ? value : NAN;
}

RowSpan rows_all(const Rows *rows)
{
    return (RowSpan){0, rows->n_rows};
}

bool rows_next_span(RowSpan *span, const Rows *rows, RowSpan within, const char *column)
{
    int first = span->end > within.first ? span->end : within.first;
    if (first >= within.end) return false;
    int end = first + 1;
    const char *text = rows_text(rows, first, column);
    while (end < within.end && str_equal(rows_text(rows, end, column), text)) end++;
    *span = (RowSpan){first, end};
    return true;
}

typedef struct {
    const char *text;
    double order;
    int seen; /* row of its first appearance */
} Ordered;

static int compare_ordered(const void *a, const void *b)
{
    const Ordered *x = a, *y = b;
    int by_order = (x->order > y->order) - (x->order < y->order);
    return by_order != 0 ? by_order : x->seen - y->seen;
}

const char **rows_labels(int *n, const Rows *rows, RowSpan span, const char *column,
                         const char *order_column, Arena *arena)
{
    Ordered *found = NULL;
    int count = 0, capacity = 0;
    for (int r = span.first; r < span.end; r++) {
        const char *text = rows_text(rows, r, column);
        double order = rows_number(rows, r, order_column);
        if (isnan(order)) order = r;
        int i = 0;
        while (i < count && !str_equal(found[i].text, text)) i++;
        if (i == count) {
            mem_reserve(found, capacity, count + 1);
            found[count++] = (Ordered){text, order, r};
        } else if (order < found[i].order) {
            found[i].order = order;
        }
    }
    if (count > 0) qsort(found, (size_t)count, sizeof *found, compare_ordered);
    const char **labels = arena_alloc(arena, (size_t)count, sizeof *labels);
    for (int i = 0; i < count; i++) labels[i] = found[i].text;
    free(found);
    *n = count;
    return labels;
}

int rows_label_index(const char *const *labels, int n, const char *text)
{
    int i = 0;
    while (i < n && !str_equal(labels[i], text)) i++;
    return i;
}
