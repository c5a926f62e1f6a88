/* Rows of a SELECT in memory: see report_rows.h. */
#include "report_rows.h"

#include "mem.h"
#include "query_internal.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>

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
        size_t n = (size_t)rows.n_rows * (size_t)rows.n_columns;
        const char **kept = arena_alloc(arena, n, sizeof *kept);
        check(n == 0 || rows.cells != NULL, "%d rows without cells", rows.n_rows);
        for (size_t i = 0; i < n; i++) kept[i] = rows.cells[i];
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

typedef struct {
    Ordered *items;
    int n, capacity;
} OrderedList;

/* A text with its order: a new one, or a lower order of one that is there. */
static void list_note(OrderedList *list, const char *text, double order, int row)
{
    for (int i = 0; i < list->n; i++) {
        if (!str_equal(list->items[i].text, text)) continue;
        list->items[i].order = fmin(list->items[i].order, order);
        return;
    }
    mem_reserve(list->items, list->capacity, list->n + 1);
    list->items[list->n++] = (Ordered){text, order, row};
}

const char **rows_labels(int *n, const Rows *rows, RowSpan span, const char *column,
                         const char *order_column, Arena *arena)
{
    OrderedList list = {0};
    for (int r = span.first; r < span.end; r++) {
        double order = rows_number(rows, r, order_column);
        list_note(&list, rows_text(rows, r, column), isnan(order) ? r : order, r);
    }
    if (list.n > 0) qsort(list.items, (size_t)list.n, sizeof *list.items, compare_ordered);
    const char **labels = arena_alloc(arena, (size_t)list.n, sizeof *labels);
    for (int i = 0; i < list.n; i++) labels[i] = list.items[i].text;
    free(list.items);
    *n = list.n;
    return labels;
}

int rows_label_index(const char *const *labels, int n, const char *text)
{
    int i = 0;
    while (i < n && !str_equal(labels[i], text)) i++;
    return i;
}
