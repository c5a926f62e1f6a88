/* Parts of the report that are text: see report_parts.h. */
#include "report_parts.h"

#include "html.h"
#include "sql_file.h"

#include <math.h>
#include <string.h>

/* ---- facts, lists, lines --------------------------------------------------------------------- */

static void name_values(const Part *part, const char *class_name)
{
    str_addf(part->out, "<dl class=\"%s\">\n", class_name);
    for (int r = part->span.first; r < part->span.end; r++) {
        const char *value = rows_text(part->rows, r, "value");
        if (value[0] == '\0') continue;
        str_add(part->out, "<div>");
        html_element(part->out, "dt", NULL, rows_text(part->rows, r, "name"));
        html_element(part->out, "dd", NULL, value);
        str_add(part->out, "</div>\n");
    }
    str_add(part->out, "</dl>\n");
}

void part_facts(const Part *part)
{
    name_values(part, "facts");
}

void part_list(const Part *part)
{
    if (part->section[0] != '\0') html_element(part->out, "h3", NULL, part->section);
    name_values(part, "list");
}

void part_lines(const Part *part)
{
    str_add(part->out, "<pre tabindex=\"0\"><code>");
    for (int r = part->span.first; r < part->span.end; r++) {
        html_text(part->out, rows_text(part->rows, r, "line"));
        str_add(part->out, "\n");
    }
    str_add(part->out, "</code></pre>\n");
}

/* ---- what tables share ----------------------------------------------------------------------- */

/* Wide tables scroll inside their box, which the keyboard can reach. */
static void open_table(const Part *part)
{
    const char *caption = sql_file_key(part->text, "caption", part->arena);
    str_add(part->out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(part->out, part->section[0] != '\0' ? part->section : caption);
    str_add(part->out, "\"><table><caption><span>");
    if (part->section[0] != '\0') html_element(part->out, "b", NULL, part->section);
    if (part->section[0] != '\0' && caption != NULL) str_add(part->out, ": ");
    html_text(part->out, caption);
    str_add(part->out, "</span></caption>\n");
}

static void close_table(const Part *part)
{
    str_add(part->out, "</tbody></table></div>\n");
}

/* ---- matrix ---------------------------------------------------------------------------------- */

typedef struct {
    const char **rows, **columns;
    int n_rows, n_columns;
    int *at; /* [n_rows, n_columns]: row of part->rows, -1 where there is none */
} Matrix;

static Matrix make_matrix(const Part *part)
{
    Matrix m = {0};
    m.rows = rows_labels(&m.n_rows, part->rows, part->span, "row", "row_order", part->arena);
    m.columns =
        rows_labels(&m.n_columns, part->rows, part->span, "column", "column_order", part->arena);
    int n = m.n_rows * m.n_columns;
    m.at = arena_alloc(part->arena, (size_t)n, sizeof *m.at);
    for (int i = 0; i < n; i++) m.at[i] = -1;
    for (int r = part->span.first; r < part->span.end; r++) {
        int row = rows_label_index(m.rows, m.n_rows, rows_text(part->rows, r, "row"));
        int column = rows_label_index(m.columns, m.n_columns, rows_text(part->rows, r, "column"));
        m.at[row * m.n_columns + column] = r;
    }
    return m;
}

static double matrix_value(const Part *part, const Matrix *m, int row, int column)
{
    int r = m->at[row * m->n_columns + column];
    return r < 0 ? NAN : rows_number(part->rows, r, "value");
}

/* NAN where nothing is to be marked: fewer than two values. */
static double best_of_column(const Part *part, const Matrix *m, int column)
{
    double best = NAN;
    int n = 0;
    if (sql_file_key(part->text, "best", part->arena) == NULL) return NAN;
    for (int row = 0; row < m->n_rows; row++) {
        double value = matrix_value(part, m, row, column);
        n += !isnan(value);
        best = isnan(best) || value > best ? value : best;
    }
    return n > 1 ? best : NAN;
}

static void matrix_number(const Part *part, int r, bool best)
{
    double error = rows_number(part->rows, r, "error"), n = rows_number(part->rows, r, "n");
    str_add(part->out, best ? "<td class=\"n best\"><b>" : "<td class=\"n\">");
    str_addf(part->out, "%.1f", rows_number(part->rows, r, "value"));
    if (best) str_add(part->out, "</b>");
    if (!isnan(n)) str_add(part->out, "<small>");
    if (!isnan(error)) str_addf(part->out, " \xc2\xb1 %.1f", error);
    if (!isnan(n)) str_addf(part->out, " (%.0f)</small>", n);
    str_add(part->out, "</td>");
}

static void matrix_cell(const Part *part, const Matrix *m, int row, int column, double best)
{
    int r = m->at[row * m->n_columns + column];
    const char *text = r < 0 ? "" : rows_text(part->rows, r, "text");
    double value = matrix_value(part, m, row, column);
    if (text[0] != '\0')
        html_element(part->out, "td", "n", text);
    else if (isnan(value))
        str_add(part->out, "<td class=\"n none\">\xe2\x80\x93</td>");
    else
        matrix_number(part, r, value == best);
}

void part_matrix(const Part *part)
{
    Matrix m = make_matrix(part);
    double *best = arena_alloc(part->arena, (size_t)m.n_columns, sizeof *best);
    open_table(part);
    str_add(part->out, "<thead><tr><td></td>");
    for (int c = 0; c < m.n_columns; c++) {
        best[c] = best_of_column(part, &m, c);
        str_add(part->out, "<th scope=\"col\" class=\"n\">");
        html_text(part->out, m.columns[c]);
        str_add(part->out, "</th>");
    }
    str_add(part->out, "</tr></thead>\n<tbody>\n");
    for (int row = 0; row < m.n_rows; row++) {
        str_add(part->out, "<tr><th scope=\"row\">");
        html_text(part->out, m.rows[row]);
        str_add(part->out, "</th>");
        for (int c = 0; c < m.n_columns; c++) matrix_cell(part, &m, row, c, best[c]);
        str_add(part->out, "</tr>\n");
    }
    close_table(part);
}

/* ---- table ----------------------------------------------------------------------------------- */

static bool is_hidden(const char *column)
{
    return str_equal(column, "section") || str_equal(column, "of_rows");
}

/* Every value reads as a number, and there is one. */
static bool is_numeric(const Part *part, const char *column)
{
    bool any = false;
    for (int r = part->span.first; r < part->span.end; r++) {
        double value;
        const char *text = rows_text(part->rows, r, column);
        if (text[0] == '\0') continue;
        if (!str_to_double(text, &value)) return false;
        any = true;
    }
    return any;
}

/* Messages, which need room. */
static bool is_long(const Part *part, const char *column)
{
    enum { LONG = 40 };
    for (int r = part->span.first; r < part->span.end; r++) {
        if (strlen(rows_text(part->rows, r, column)) > LONG) return true;
    }
    return false;
}

static const char *column_class(const Part *part, const char *column)
{
    if (str_equal(column, "Run key") || str_equal(column, "Fingerprint")) return "code";
    if (is_long(part, column)) return "long";
    return is_numeric(part, column) ? "n" : NULL;
}

static void table_row(const Part *part, int r, const char *const *classes)
{
    str_add(part->out, "<tr>");
    for (int c = 0; c < part->rows->n_columns; c++) {
        const char *name = part->rows->names[c], *text = rows_text(part->rows, r, name);
        if (is_hidden(name)) continue;
        html_element(part->out, "td", classes[c], text[0] != '\0' ? text : "\xe2\x80\x93");
    }
    str_add(part->out, "</tr>\n");
}

void part_table(const Part *part)
{
    int n = part->rows->n_columns;
    const char **classes = arena_alloc(part->arena, (size_t)n, sizeof *classes);
    open_table(part);
    str_add(part->out, "<thead><tr>");
    for (int c = 0; c < n; c++) {
        const char *name = part->rows->names[c];
        if (is_hidden(name)) continue;
        classes[c] = column_class(part, name);
        str_addf(part->out, "<th scope=\"col\"%s>",
                 classes[c] != NULL && str_equal(classes[c], "n") ? " class=\"n\"" : "");
        html_text(part->out, name);
        str_add(part->out, "</th>");
    }
    str_add(part->out, "</tr></thead>\n<tbody>\n");
    for (int r = part->span.first; r < part->span.end; r++) table_row(part, r, classes);
    close_table(part);
    double all = rows_number(part->rows, part->span.first, "of_rows");
    if (part->span.end == part->rows->n_rows && all > part->rows->n_rows)
        str_addf(part->out, "<p class=\"note\">The first %d of %.0f rows.</p>\n",
                 part->rows->n_rows, all);
}
