/* Reading the database: see query.h. Opening it is in results_open.c. */
#include "query.h"

#include "database.h"
#include "grid.h"
#include "query_internal.h"
#include "results_files.h"
#include "sql_file.h"
#include "str.h"

#include <string.h>

/* ---- formats
 * ------------------------------------------------------------------------------------- */

bool format_parse(Format *out, const char *name, Err *err)
{
    static const struct {
        const char *name;
        Format format;
    } FORMATS[] = {{"text", FORMAT_TEXT}, {"table", FORMAT_TEXT}, {"csv", FORMAT_CSV},
                   {"json", FORMAT_JSON}, {"md", FORMAT_MD},      {"latex", FORMAT_LATEX}};
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (!str_equal(name, FORMATS[i].name)) continue;
        *out = FORMATS[i].format;
        return true;
    }
    return err_set(err, ERR_USAGE, "format \"%s\", expected text, csv, json, md or latex", name);
}

/* ---- statements
 * ---------------------------------------------------------------------------------------------- */

bool query_parameter_parse(QueryParameter *out, char *text, Err *err)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return err_set(err, ERR_USAGE, "parameter \"%s\", expected name=value", text);
    }
    *equals = '\0';
    *out = (QueryParameter){.name = text[0] == ':' ? text + 1 : text, .value = equals + 1};
    return true;
}

static void bind_text_or_number(sqlite3_stmt *statement, int i, const char *value)
{
    long long integer;
    double real;
    if (value == NULL)
        sqlite3_bind_null(statement, i);
    else if (str_to_int64(value, &integer))
        sqlite3_bind_int64(statement, i, integer);
    else if (str_to_double(value, &real))
        sqlite3_bind_double(statement, i, real);
    else
        sqlite3_bind_text(statement, i, value, -1, SQLITE_TRANSIENT);
}

bool query_bind(sqlite3_stmt *statement, QueryParameters parameters, Err *err)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i);
        if (name == NULL)
            return err_set(err, ERR_USAGE,
                           "query: parameter \"?\", expected one with a name, as :name");
        int found = 0;
        while (found < parameters.n && !str_equal(parameters.items[found].name, name + 1)) found++;
        if (found == parameters.n) return err_set(err, ERR_USAGE, "query: no value for %s", name);
        bind_text_or_number(statement, i, parameters.items[found].value);
    }
    return true;
}

static bool prepare_failed(Db *db, Err *err)
{
    int code = sqlite3_errcode(db_handle(db));
    if (code == SQLITE_AUTH) {
        return err_set(err, ERR_USAGE, "query: this does more than read (%s), expected a SELECT",
                       sqlite3_errmsg(db_handle(db)));
    }
    if (code == SQLITE_ERROR)
        return err_set(err, ERR_USAGE, "query: %s", sqlite3_errmsg(db_handle(db)));
    return db_fail(db, err);
}

bool query_prepare(Db *db, sqlite3_stmt **out, const char **rest, const char *sql,
                   QueryParameters parameters, Err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db_handle(db), sql, -1, &statement, rest) != SQLITE_OK)
        return prepare_failed(db, err);
    if (statement == NULL)
        return err_set(err, ERR_USAGE, "query: nothing there, expected a SELECT");
    bool ok = sqlite3_stmt_readonly(statement) != 0 ||
              err_set(err, ERR_USAGE, "query: this does more than read, expected a SELECT");
    if (ok) ok = query_bind(statement, parameters, err);
    if (!ok) {
        sqlite3_finalize(statement);
        return false;
    }
    *out = statement;
    return true;
}

bool query_step(Db *db, sqlite3_stmt *statement, bool *row, Err *err)
{
    int rc = sqlite3_step(statement);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE || prepare_failed(db, err);
}

bool query_has_more(Db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    bool error = sqlite3_prepare_v2(db_handle(db), sql, -1, &statement, NULL) != SQLITE_OK;
    bool more = error || statement != NULL;
    sqlite3_finalize(statement);
    return more;
}

/* ---- rows
 * ----------------------------------------------------------------------------------------------------
 */

/* Blobs as hexadecimal digits. */
static void blob_text(Str *out, sqlite3_stmt *statement, int column)
{
    const unsigned char *bytes = sqlite3_column_blob(statement, column);
    int n = sqlite3_column_bytes(statement, column);
    for (int i = 0; i < n; i++) str_addf(out, "%02x", bytes[i]);
}

static void value_text(Str *out, sqlite3_stmt *statement, int column, bool exact, const char *null)
{
    char number[32];
    str_clear(out);
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        str_add(out, null);
        break;
    case SQLITE_BLOB:
        blob_text(out, statement, column);
        break;
    case SQLITE_FLOAT:
        number_exact(number, sqlite3_column_double(statement, column));
        if (exact)
            str_add(out, number);
        else
            str_addf(out, "%.6g", sqlite3_column_double(statement, column));
        break;
    default:
        str_add(out, (const char *)sqlite3_column_text(statement, column));
    }
}

static void json_row(Db *db, FILE *out, sqlite3_stmt *statement, Str *text, bool first)
{
    fputs(first ? "[\n{" : ",\n{", out);
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        int type = sqlite3_column_type(statement, i);
        value_text(text, statement, i, true, "null");
        if (i > 0) fputs(", ", out);
        json_string(out, sqlite3_column_name(statement, i));
        fputs(": ", out);
        if (type == SQLITE_TEXT || type == SQLITE_BLOB)
            json_string(out, str_text(text));
        else
            fputs(str_text(text), out);
    }
    if (db_left_out_name(db) != NULL) {
        fputs(", \"without\": ", out);
        json_string(out, db_left_out_name(db));
    }
    fputc('}', out);
}

bool query_write_json_rows(Db *db, FILE *out, sqlite3_stmt *statement, bool *first, Err *err)
{
    Str text = {0};
    bool row, ok;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        json_row(db, out, statement, &text, *first);
        *first = false;
    }
    str_done(&text);
    return ok;
}

void query_end_json(FILE *out, bool first)
{
    fputs(first ? "[]\n" : "\n]\n", out);
}

static bool write_json(Db *db, FILE *out, sqlite3_stmt *statement, Err *err)
{
    bool first = true;
    if (!query_write_json_rows(db, out, statement, &first, err)) return false;
    query_end_json(out, first);
    return true;
}

static void csv_row(FILE *out, sqlite3_stmt *statement, Str *text, bool header)
{
    int n = sqlite3_column_count(statement);
    for (int i = 0; i < n; i++) {
        if (!header) value_text(text, statement, i, true, "");
        csv_field(out, header ? sqlite3_column_name(statement, i) : str_text(text));
        fputc(i + 1 == n ? '\n' : ',', out);
    }
}

static bool write_csv(Db *db, FILE *out, sqlite3_stmt *statement, Err *err)
{
    Str text = {0};
    bool row, ok;
    csv_row(out, statement, &text, true);
    while ((ok = query_step(db, statement, &row, err)) && row)
        csv_row(out, statement, &text, false);
    str_done(&text);
    return ok;
}

static void grid_row(Grid *grid, sqlite3_stmt *statement, Str *text)
{
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        int type = sqlite3_column_type(statement, i);
        value_text(text, statement, i, false, "-");
        grid_add(grid, str_text(text), false);
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) grid_align_right(grid, i);
    }
}

static bool write_grid(Db *db, FILE *out, sqlite3_stmt *statement, Format format, Err *err)
{
    int n = sqlite3_column_count(statement);
    Grid *grid = grid_new(n);
    Str text = {0};
    bool row, ok;
    for (int i = 0; i < n; i++) grid_add(grid, sqlite3_column_name(statement, i), false);
    while ((ok = query_step(db, statement, &row, err)) && row) grid_row(grid, statement, &text);
    if (ok) grid_print(grid, out, format);
    str_done(&text);
    grid_free(grid);
    return ok;
}

bool query_write_rows(Db *db, FILE *out, sqlite3_stmt *statement, Format format, Err *err)
{
    if (format == FORMAT_JSON) return write_json(db, out, statement, err);
    if (format == FORMAT_CSV) return write_csv(db, out, statement, err);
    return write_grid(db, out, statement, format, err);
}

static bool run_bound(Db *db, FILE *out, const char *sql, QueryParameters parameters, Format format,
                      Err *err)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = NULL;
    if (!query_prepare(db, &statement, &rest, sql, parameters, err)) return false;
    bool ok = !query_has_more(db, rest) ||
              err_set(err, ERR_USAGE, "query: more than one statement, expected one");
    if (ok) ok = query_write_rows(db, out, statement, format, err);
    sqlite3_finalize(statement);
    return ok;
}

static bool all_used(Db *db, const char *sql, QueryParameters parameters, Err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db_handle(db), sql, -1, &statement, NULL) != SQLITE_OK)
        return prepare_failed(db, err);
    bool ok = true;
    Str name = {0};
    for (int i = 0; ok && i < parameters.n; i++) {
        str_clear(&name);
        str_addf(&name, ":%s", parameters.items[i].name);
        if (sqlite3_bind_parameter_index(statement, str_text(&name)) == 0) {
            ok = err_set(err, ERR_USAGE, "query: a value for \"%s\", but no %s in it",
                         parameters.items[i].name, str_text(&name));
        }
    }
    str_done(&name);
    sqlite3_finalize(statement);
    return ok;
}

bool query_run(Db *db, FILE *out, const char *sql, QueryParameters parameters, Format format,
               Err *err)
{
    if (format == FORMAT_LATEX)
        return err_set(err, ERR_USAGE, "query: format latex, expected text, csv, json or md");
    return all_used(db, sql, parameters, err) && run_bound(db, out, sql, parameters, format, err);
}

bool query_named(Db *db, FILE *out, const char *name, QueryParameters parameters, Format format,
                 Err *err)
{
    if (format == FORMAT_LATEX)
        return err_set(err, ERR_USAGE, "query: format latex, expected text, csv, json or md");
    const char *text;
    if (!sql_file_find(&text, query_files, "query", name, err)) return false;
    Arena *arena = arena_new();
    QueryParameters all = {0};
    bool ok = sql_file_parameters(&all, name, text, parameters, arena, err) &&
              run_bound(db, out, text, all, format, err);
    arena_free(arena);
    return ok;
}

bool query_is_named(const char *name)
{
    const char *text;
    Err ignored;
    return sql_file_find(&text, query_files, "query", name, &ignored);
}

void query_list(FILE *out)
{
    sql_file_list(out, query_files);
}
