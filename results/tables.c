/* Tables: a SELECT in long form, pivoted and printed. See tables.h. */
#include "tables.h"

#include "arena.h"
#include "cell_text.h"
#include "database.h"
#include "grid.h"
#include "mem.h"
#include "pivot.h"
#include "query_internal.h"
#include "reading.h"
#include "results_files.h"
#include "sql_file.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>

enum { COLUMN_NONE = -1 };

/* Which column of the SELECT plays which part; COLUMN_NONE: none. */
typedef struct {
    int section, row, column, value, error, low, high, unit, n, runs, steps;
    int row_order, column_order, outside;
} Parts;

typedef struct {
    const char *title, *best;
    bool average, percent, base;
    int digits;
} Layout;

/* What all sections of a table share. */
typedef struct {
    Db *db;
    FILE *out;
    const char *place;
    Arena *arena;
    sqlite3_stmt *statement; /* the cells' SELECT, while it is read */
    Layout layout;
    Parts parts;
    Cell *cells;
    int n_cells, capacity;
    int64_t n_averaged, n_runs, n_steps;
} Table;

/* ---- reading
 * -------------------------------------------------------------------------------------------------
 */

static bool find_part(int *out, const Table *table, const char *text, const char *key,
                      bool required, Err *err)
{
    const char *name = sql_file_key(text, key, table->arena);
    *out = COLUMN_NONE;
    if (name == NULL)
        return !required || err_set(err, ERR_FORMAT, "%s: no line \"-- %s:\"", table->place, key);
    for (int i = 0; i < sqlite3_column_count(table->statement); i++) {
        if (str_equal(sqlite3_column_name(table->statement, i), name)) *out = i;
    }
    return *out != COLUMN_NONE ||
           err_set(err, ERR_FORMAT, "%s: %s is \"%s\", which the SELECT has no column for",
                   table->place, key, name);
}

static bool find_parts(Table *table, const char *text, Err *err)
{
    Parts *p = &table->parts;
    return find_part(&p->section, table, text, "section", false, err) &&
           find_part(&p->row, table, text, "row", true, err) &&
           find_part(&p->column, table, text, "column", true, err) &&
           find_part(&p->value, table, text, "value", true, err) &&
           find_part(&p->error, table, text, "error", false, err) &&
           find_part(&p->low, table, text, "low", false, err) &&
           find_part(&p->high, table, text, "high", false, err) &&
           find_part(&p->unit, table, text, "unit", false, err) &&
           find_part(&p->n, table, text, "n", false, err) &&
           find_part(&p->runs, table, text, "runs", false, err) &&
           find_part(&p->steps, table, text, "steps", false, err) &&
           find_part(&p->row_order, table, text, "row_order", false, err) &&
           find_part(&p->column_order, table, text, "column_order", false, err) &&
           find_part(&p->outside, table, text, "outside", false, err);
}

static Layout read_layout(const char *text, Arena *arena)
{
    const char *title = sql_file_key(text, "title", arena),
               *best = sql_file_key(text, "best", arena);
    const char *average = sql_file_key(text, "average", arena),
               *scale = sql_file_key(text, "scale", arena);
    const char *digits = sql_file_key(text, "digits", arena),
               *base = sql_file_key(text, "base", arena);
    return (Layout){.title = title != NULL ? title : "",
                    .best = best != NULL ? best : "none",
                    .average = average != NULL && str_equal(average, "yes"),
                    .base = base != NULL && str_equal(base, "yes"),
                    .percent = scale != NULL && str_equal(scale, "percent"),
                    .digits = digits != NULL ? digits[0] - '0' : 1};
}

static const char *text_at(const Table *table, sqlite3_stmt *statement, int column)
{
    const char *text =
        column == COLUMN_NONE ? NULL : (const char *)sqlite3_column_text(statement, column);
    return arena_strdup(table->arena, text != NULL ? text : "");
}

static double number_at(sqlite3_stmt *statement, int column)
{
    bool missing = column == COLUMN_NONE || sqlite3_column_type(statement, column) == SQLITE_NULL;
    return missing ? NAN : sqlite3_column_double(statement, column);
}

static int64_t count_at(sqlite3_stmt *statement, int column)
{
    return column == COLUMN_NONE ? 0 : sqlite3_column_int64(statement, column);
}

static void add_cell(Table *table, sqlite3_stmt *statement)
{
    const Parts *p = &table->parts;
    mem_reserve(table->cells, table->capacity, table->n_cells + 1);
    table->cells[table->n_cells++] = (Cell){.section = text_at(table, statement, p->section),
                                            .row = text_at(table, statement, p->row),
                                            .column = text_at(table, statement, p->column),
                                            .value = number_at(statement, p->value),
                                            .error = number_at(statement, p->error),
                                            .low = number_at(statement, p->low),
                                            .high = number_at(statement, p->high),
                                            .unit = text_at(table, statement, p->unit),
                                            .row_order = number_at(statement, p->row_order),
                                            .column_order = number_at(statement, p->column_order),
                                            .n = count_at(statement, p->n),
                                            .outside = count_at(statement, p->outside) != 0};
    table->n_averaged += count_at(statement, p->n);
    table->n_runs += count_at(statement, p->runs);
    table->n_steps += count_at(statement, p->steps);
}

static bool read_cells(Table *table, sqlite3_stmt *statement, const char *text, Err *err)
{
    bool row, ok;
    table->statement = statement;
    if (!find_parts(table, text, err)) return false;
    while ((ok = query_step(table->db, statement, &row, err)) && row) add_cell(table, statement);
    return ok;
}

static bool is_outside(const Pivot *pivot, int row)
{
    for (int c = 0; c <= pivot->n_columns; c++) {
        const Cell *cell = pivot->cells[row * (pivot->n_columns + 1) + c];
        if (cell != NULL) return cell->outside;
    }
    return false;
}

/* The value to mark in a column, NAN when there is none: fewer than two values, or nothing to be
 * best in. */
static double best_value(const Table *table, const Pivot *pivot, int column)
{
    if (str_equal(table->layout.best, "none")) return NAN;
    double sign = str_equal(table->layout.best, "min") ? -1.0 : 1.0, best = NAN;
    int n = 0;
    for (int r = 0; r < pivot->n_rows; r++) {
        double value = pivot->values[r * (pivot->n_columns + 1) + column];
        if (isnan(value) || is_outside(pivot, r)) continue;
        n++;
        if (isnan(best) || sign * value > sign * best) best = value;
    }
    return n > 1 ? best : NAN;
}

/* ---- printing
 * ------------------------------------------------------------------------------------------------
 */

static Grid *cells_grid(const Table *table, const Pivot *pivot)
{
    int n_columns = pivot->n_columns + table->layout.average;
    CellUnit unit = {table->layout.percent ? 100.0 : 1.0, table->layout.digits, false};
    Grid *grid = grid_new(n_columns + 1);
    grid_add(grid, "", false);
    for (int c = 0; c < n_columns; c++) {
        grid_add(grid, c < pivot->n_columns ? pivot->columns[c].text : "Avg", false);
        grid_align_right(grid, c + 1);
    }
    for (int r = 0; r < pivot->n_rows; r++) {
        grid_add(grid, pivot->rows[r].text, false);
        for (int c = 0; c < n_columns; c++) {
            int at = r * (pivot->n_columns + 1) + c;
            double value = pivot->values[at];
            grid_add(grid, cell_text(table->arena, value, pivot->cells[at], unit),
                     value == best_value(table, pivot, c) && !is_outside(pivot, r));
        }
    }
    if (!str_equal(table->layout.best, "none")) grid_show_marks(grid);
    return grid;
}

static void add_number(Grid *grid, double value)
{
    char text[32] = "";
    if (!isnan(value)) number_exact(text, value);
    grid_add(grid, text, false);
}

/* Columns of CSV for one of the table's. */
static int csv_parts(const Table *table)
{
    return table->parts.low == COLUMN_NONE && table->parts.high == COLUMN_NONE ? 3 : 5;
}

static void add_csv_header(const Table *table, const Pivot *pivot, Grid *grid)
{
    static const char *const SUFFIXES[] = {"", " stderr", " n", " low", " high"};
    int n_parts = csv_parts(table);
    grid_add(grid, "section", false);
    grid_add(grid, "row", false);
    for (int c = 0; c < n_parts * pivot->n_columns; c++) {
        const char *column = pivot->columns[c / n_parts].text;
        grid_add(grid, arena_printf(table->arena, "%s%s", column, SUFFIXES[c % n_parts]), false);
    }
    if (table->layout.average) grid_add(grid, "Avg", false);
    if (db_left_out_name(table->db) != NULL) grid_add(grid, "without", false);
}

/* Unrounded, as stored (fractions stay fractions). */
static Grid *csv_grid(const Table *table, const Pivot *pivot, const char *section)
{
    const char *without = db_left_out_name(table->db);
    Grid *grid = grid_new(2 + csv_parts(table) * pivot->n_columns + table->layout.average +
                          (without != NULL));
    add_csv_header(table, pivot, grid);
    for (int r = 0; r < pivot->n_rows; r++) {
        grid_add(grid, section, false);
        grid_add(grid, pivot->rows[r].text, false);
        for (int c = 0; c < pivot->n_columns; c++) {
            int at = r * (pivot->n_columns + 1) + c;
            const Cell *cell = pivot->cells[at];
            add_number(grid, pivot->values[at]);
            add_number(grid, cell != NULL ? cell->error : NAN);
            add_number(grid, cell != NULL && cell->n > 0 ? (double)cell->n : NAN);
            if (csv_parts(table) == 3) continue;
            add_number(grid, cell != NULL ? cell->low : NAN);
            add_number(grid, cell != NULL ? cell->high : NAN);
        }
        if (table->layout.average)
            add_number(grid, pivot->values[r * (pivot->n_columns + 1) + pivot->n_columns]);
        if (without != NULL) grid_add(grid, without, false);
    }
    return grid;
}

/* A line of text beside the table, as its format writes one. CSV has none. */
static void print_line(FILE *out, const char *text, Format format, bool heading)
{
    if (format == FORMAT_CSV) return;
    if (format == FORMAT_LATEX) fputs("% ", out);
    if (format == FORMAT_MD && heading) fputs("**", out);
    if (format == FORMAT_MD)
        md_text(out, text);
    else
        fputs(text, out);
    if (format == FORMAT_MD) fputs(heading ? "**\n" : "  ", out);
    fputc('\n', out);
}

static bool print_section(const Table *table, const char *section, Format format, Err *err)
{
    Pivot pivot = {.average = table->layout.average};
    if (!pivot_make(&pivot, table->cells, table->n_cells, section, table->arena, err)) {
        return err_context(err, "%s", table->place);
    }
    if (section[0] != '\0') print_line(table->out, section, format, true);
    Grid *grid =
        format == FORMAT_CSV ? csv_grid(table, &pivot, section) : cells_grid(table, &pivot);
    grid_print(grid, table->out, format);
    grid_free(grid);
    if (format != FORMAT_CSV) fputc('\n', table->out);
    return true;
}

static bool print_sections(const Table *table, Format format, Err *err)
{
    for (int i = 0; i < table->n_cells; i++) {
        bool seen = false;
        for (int j = 0; !seen && j < i; j++)
            seen = str_equal(table->cells[j].section, table->cells[i].section);
        if (!seen && !print_section(table, table->cells[i].section, format, err)) return false;
    }
    return true;
}

static void print_counts(const Table *table, Format format)
{
    if (table->n_cells == 0) {
        print_line(table->out, "Nothing to show: no run that is done fits.", format, false);
        return;
    }
    if (table->parts.runs == COLUMN_NONE || table->parts.steps == COLUMN_NONE) return;
    Str text = {0};
    str_addf(&text,
             "Averaged: %lld selected checkpoints, chosen from %lld runs with %lld checkpoints.",
             (long long)table->n_averaged, (long long)table->n_runs, (long long)table->n_steps);
    print_line(table->out, str_text(&text), format, false);
    str_done(&text);
}

/* The second SELECT: one line of text per row. */
static bool print_notes(const Table *table, const char *sql, QueryParameters parameters,
                        Format format, Err *err)
{
    sqlite3_stmt *statement;
    bool row, ok;
    if (format == FORMAT_CSV || !query_has_more(table->db, sql)) return true;
    if (!query_prepare(table->db, &statement, NULL, sql, parameters, err)) return false;
    while ((ok = query_step(table->db, statement, &row, err)) && row) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (text != NULL) print_line(table->out, text, format, false);
    }
    sqlite3_finalize(statement);
    return ok;
}

/* One way of reading the experiments: its sections, its counts, its notes. *first: nothing of the
 * table has been printed yet. */
static bool print_reading(Table *table, const char *text, QueryParameters parameters, Format format,
                          bool *first, Err *err)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = NULL, *cells = text;
    table->n_cells = 0;
    table->n_averaged = table->n_runs = table->n_steps = 0;
    if (table->layout.base && !reading_keep_base(table->db, text, &cells, parameters, err))
        return false;
    if (!query_prepare(table->db, &statement, &rest, cells, parameters, err)) return false;
    bool ok = format == FORMAT_JSON
                  ? query_write_json_rows(table->db, table->out, statement, first, err)
                  : read_cells(table, statement, text, err);
    sqlite3_finalize(statement);
    if (!ok || format == FORMAT_JSON) return ok;
    if (*first) {
        print_line(table->out, table->layout.title, format, true);
        const char *sentence = db_left_out_sentence(table->db);
        if (sentence != NULL) print_line(table->out, sentence, format, false);
    }
    *first = false;
    if (format == FORMAT_TEXT) fputc('\n', table->out);
    if (!print_sections(table, format, err)) return false;
    print_counts(table, format);
    return print_notes(table, rest, parameters, format, err);
}

static bool print_all(Table *table, const char *text, QueryParameters parameters, Format format,
                      Err *err)
{
    Readings readings;
    if (!readings_make(&readings, table->db, text, parameters, table->arena, err)) return false;
    bool ok = true, first = true;
    for (int i = 0; ok && i < readings.n; i++)
        ok = print_reading(table, text, readings.items[i], format, &first, err);
    if (ok && format == FORMAT_JSON) query_end_json(table->out, first);
    return ok;
}

bool table_print_file(Db *db, FILE *out, const TableFile *file, QueryParameters parameters,
                      Format format, Err *err)
{
    Arena *arena = arena_new();
    Table table = {.db = db,
                   .out = out,
                   .place = file->name,
                   .arena = arena,
                   .layout = read_layout(file->text, arena)};
    QueryParameters all = {0};
    bool ok = sql_file_parameters(&all, file->name, file->text, parameters, arena, err) &&
              print_all(&table, file->text, all, format, err);
    free(table.cells);
    arena_free(arena);
    return ok;
}

bool table_print(Db *db, FILE *out, const char *name, QueryParameters parameters, Format format,
                 Err *err)
{
    TableFile file = {.name = name};
    return sql_file_find(&file.text, table_files, "table", name, err) &&
           table_print_file(db, out, &file, parameters, format, err);
}

void table_list(FILE *out)
{
    sql_file_list(out, table_files);
}
