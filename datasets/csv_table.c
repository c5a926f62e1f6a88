/* libcsv's callbacks collected into a table. The text is fed line by line, so that rows know where
 * they began. */
#include "csv_table.h"

#include "file.h"
#include "mem.h"
#include "str.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Arena *arena;
    const char *place;
    Err *err;
    bool failed;
    int line, row_line, row_fields; /* row_fields: fields of the row that is being read */
    int n_columns;                  /* 0 before the first row is complete */
    const char **cells;             /* header row first */
    int n_cells, cell_capacity;
    int *lines;
    int n_rows, row_capacity;
} Collector;

static void collector_fail(Collector *c, const char *what)
{
    if (c->failed) return;
    c->failed = true;
    err_set(c->err, ERR_FORMAT, "%s:%d: %s", c->place, c->line, what);
}

static void on_field(void *text, size_t n, void *user)
{
    Collector *c = user;
    if (c->failed) return;
    if (c->row_fields == 0) c->row_line = c->line;
    if (c->row_fields == CSV_MAX_COLUMNS) {
        collector_fail(c, "too many fields in one row");
        return;
    }
    if (n > 0 && memchr(text, '\0', n) != NULL) {
        collector_fail(c, "found a zero byte, expected text");
        return;
    }
    mem_reserve(c->cells, c->cell_capacity, c->n_cells + 1);
    c->cells[c->n_cells++] = arena_strndup(c->arena, n > 0 ? text : "", n);
    c->row_fields++;
}

static void on_row_end(int terminator, void *user)
{
    (void)terminator;
    Collector *c = user;
    if (c->failed) return;
    if (c->n_columns == 0) c->n_columns = c->row_fields;
    if (c->row_fields != c->n_columns) {
        c->failed = true;
        err_set(c->err, ERR_FORMAT, "%s:%d: found %d fields, expected %d as in the first row",
                c->place, c->row_line, c->row_fields, c->n_columns);
        return;
    }
    mem_reserve(c->lines, c->row_capacity, c->n_rows + 1);
    c->lines[c->n_rows++] = c->row_line;
    c->row_fields = 0;
}

static void feed_lines(Collector *c, struct csv_parser *parser, const char *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && !c->failed) {
        const char *newline = memchr(bytes + at, '\n', n - at);
        size_t end = newline != NULL ? (size_t)(newline - bytes) + 1 : n;
        c->line++;
        if (csv_parse(parser, bytes + at, end - at, on_field, on_row_end, c) != end - at) {
            collector_fail(c, "a quote inside a field, expected \"\" in a quoted field");
        }
        at = end;
    }
    if (!c->failed && csv_fini(parser, on_field, on_row_end, c) != 0) {
        collector_fail(c, "the last field's quote is not closed");
    }
}

static void table_fill(CsvTable *out, const Collector *c)
{
    size_t n_columns = (size_t)c->n_columns, n_rows = (size_t)c->n_rows - 1;
    const char **cells = arena_alloc(c->arena, (size_t)c->n_cells, sizeof *cells);
    memcpy(cells, c->cells, (size_t)c->n_cells * sizeof *cells);
    int *lines = arena_alloc(c->arena, n_rows, sizeof *lines);
    if (n_rows > 0) memcpy(lines, c->lines + 1, n_rows * sizeof *lines);
    *out = (CsvTable){.place = arena_strdup(c->arena, c->place),
                      .n_columns = c->n_columns,
                      .n_rows = (int)n_rows,
                      .columns = cells,
                      .cells = cells + n_columns,
                      .lines = lines};
}

bool csv_table_parse(CsvTable *out, const char *bytes, size_t n_bytes, const char *place,
                     Arena *arena, Err *err)
{
    if (n_bytes > CSV_MAX_BYTES) return err_set(err, ERR_FORMAT, "%s: larger than 256 MiB", place);
    struct csv_parser parser;
    check(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0, "csv_init failed");
    Collector c = {.arena = arena, .place = place, .err = err};
    if (n_bytes >= 3 &&
        memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark, as spreadsheets write it */
        bytes += 3;
        n_bytes -= 3;
    }
    feed_lines(&c, &parser, bytes, n_bytes);
    csv_free(&parser);
    if (!c.failed && c.n_rows == 0) {
        c.failed = true;
        err_set(err, ERR_FORMAT, "%s: empty, expected a first row that names the columns", place);
    }
    if (!c.failed) table_fill(out, &c);
    free(c.cells);
    free(c.lines);
    return !c.failed;
}

bool csv_table_read(CsvTable *out, const char *path, Arena *arena, Err *err)
{
    char *bytes;
    size_t n;
    if (!file_read(&bytes, &n, path, CSV_MAX_BYTES, err)) return false;
    bool ok = csv_table_parse(out, bytes, n, path, arena, err);
    free(bytes);
    return ok;
}

bool csv_table_column(int *out, const CsvTable *table, const char *name, Err *err)
{
    Str list = {0};
    for (int i = 0; i < table->n_columns; i++) {
        if (str_equal(table->columns[i], name)) {
            *out = i;
            str_done(&list);
            return true;
        }
        str_addf(&list, "%s%s", i > 0 ? ", " : "", table->columns[i]);
    }
    err_set(err, ERR_FORMAT, "%s:1: no column \"%s\", found: %s", table->place, name,
            str_text(&list));
    str_done(&list);
    return false;
}

const char *csv_table_cell(const CsvTable *table, int row, int column)
{
    check(row >= 0 && row < table->n_rows && column >= 0 && column < table->n_columns,
          "cell (%d, %d) of %d x %d", row, column, table->n_rows, table->n_columns);
    return table->cells[(size_t)row * (size_t)table->n_columns + (size_t)column];
}
