/* A grid of texts and how it prints: see grid.h. */
#include "grid.h"

#include "arena.h"
#include "mem.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *text;
    bool marked;
} GridCell;

struct Grid {
    Arena *arena;
    GridCell *cells;
    bool *right; /* [n_columns] */
    int n_columns, n_cells, capacity;
    bool marks;
};

Grid *grid_new(int n_columns)
{
    Grid *grid = mem_alloc(1, sizeof *grid);
    grid->arena = arena_new();
    grid->n_columns = n_columns;
    grid->right = arena_alloc(grid->arena, (size_t)n_columns, sizeof *grid->right);
    return grid;
}

void grid_free(Grid *grid)
{
    if (grid == NULL) return;
    arena_free(grid->arena);
    free(grid->cells);
    free(grid);
}

void grid_add(Grid *grid, const char *text, bool marked)
{
    mem_reserve(grid->cells, grid->capacity, grid->n_cells + 1);
    grid->cells[grid->n_cells++] = (GridCell){arena_strdup(grid->arena, text), marked};
}

void grid_align_right(Grid *grid, int column)
{
    check(column >= 0 && column < grid->n_columns, "column %d of %d", column, grid->n_columns);
    grid->right[column] = true;
}

void grid_show_marks(Grid *grid)
{
    grid->marks = true;
}

static int n_rows(const Grid *grid)
{
    check(grid->n_cells % grid->n_columns == 0, "%d cells in %d columns", grid->n_cells,
          grid->n_columns);
    return grid->n_cells / grid->n_columns;
}

static const GridCell *cell_at(const Grid *grid, int row, int column)
{
    return &grid->cells[row * grid->n_columns + column];
}

/* ---- text
 * ----------------------------------------------------------------------------------------------------
 */

static int text_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8: not a continuation byte */
    return width;
}

static int column_width(const Grid *grid, int column)
{
    int width = 0;
    for (int row = 0; row < n_rows(grid); row++) {
        int w = text_width(cell_at(grid, row, column)->text);
        if (w > width) width = w;
    }
    return width;
}

static void put_clean(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
}

/* A row without spaces at its end. pending counts the spaces that are printed only before something
 * else. */
static void text_row(const Grid *grid, FILE *out, int row, const int *widths)
{
    int pending = 0;
    for (int column = 0; column < grid->n_columns; column++) {
        const GridCell *cell = cell_at(grid, row, column);
        int room = widths[column] - text_width(cell->text);
        if (grid->right[column]) pending += room;
        if (cell->text[0] != '\0') {
            fprintf(out, "%*s", pending, "");
            put_clean(out, cell->text);
            pending = 0;
        }
        if (!grid->right[column]) pending += room;
        if (cell->marked)
            fputc('*', out);
        else if (grid->marks && column > 0)
            pending++;
        pending += 2;
    }
    fputc('\n', out);
}

static void text_rule(const Grid *grid, FILE *out, const int *widths)
{
    for (int column = 0; column < grid->n_columns; column++) {
        if (column > 0) fputs("  ", out);
        int width = widths[column] + (grid->marks && column > 0);
        for (int i = 0; i < width; i++) fputc('-', out);
    }
    fputc('\n', out);
}

static void print_text(const Grid *grid, FILE *out)
{
    int *widths = mem_alloc((size_t)grid->n_columns, sizeof *widths);
    for (int column = 0; column < grid->n_columns; column++)
        widths[column] = column_width(grid, column);
    for (int row = 0; row < n_rows(grid); row++) {
        text_row(grid, out, row, widths);
        if (row == 0) text_rule(grid, out, widths);
    }
    free(widths);
}

/* ---- CSV and JSON
 * -------------------------------------------------------------------------------------------- */

void csv_field(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL)
        fputs(text, out);
    else
        (void)csv_fwrite(out, text, strlen(text));
}

static void print_csv(const Grid *grid, FILE *out)
{
    for (int i = 0; i < grid->n_cells; i++) {
        csv_field(out, grid->cells[i].text);
        fputc((i + 1) % grid->n_columns == 0 ? '\n' : ',', out);
    }
}

/* Length of the UTF-8 sequence at s (1 to 4), or 0 when it is none. */
static int utf8_length(const unsigned char *s)
{
    int n = s[0] < 0x80                   ? 1
            : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
            : (s[0] & 0xf0) == 0xe0       ? 3
            : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                          : 0;
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside =
        (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f); /* surrogates, > U+10FFFF */
    return overlong || outside ? 0 : n;
}

void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        int n = utf8_length(s);
        if (n == 0)
            fputs("\\ufffd", out);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (*s < ' ')
            fprintf(out, "\\u%04x", *s);
        else
            (void)fwrite(s, 1, (size_t)n, out);
        s += n > 0 ? n : 1;
    }
    fputc('"', out);
}

void number_exact(char out[32], double value)
{
    snprintf(out, 32, "%.15g", value);
    if (strtod(out, NULL) != value) snprintf(out, 32, "%.17g", value);
}

/* ---- Markdown and LaTeX
 * -------------------------------------------------------------------------------------- */

void md_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') fputc('\\', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

static void print_md(const Grid *grid, FILE *out)
{
    for (int row = 0; row < n_rows(grid); row++) {
        fputc('|', out);
        for (int column = 0; column < grid->n_columns; column++) {
            const GridCell *cell = cell_at(grid, row, column);
            const char *stars = cell->marked ? "**" : "";
            fprintf(out, " %s", stars);
            md_text(out, cell->text);
            fprintf(out, "%s |", stars);
        }
        fputc('\n', out);
        for (int column = 0; row == 0 && column < grid->n_columns; column++) {
            fprintf(out, "%s %s |", column == 0 ? "|" : "", grid->right[column] ? "---:" : "---");
        }
        if (row == 0) fputc('\n', out);
    }
}

static const char *latex_special(char c)
{
    switch (c) {
    case '\\':
        return "\\textbackslash{}";
    case '~':
        return "\\textasciitilde{}";
    case '^':
        return "\\textasciicircum{}";
    case '&':
        return "\\&";
    case '%':
        return "\\%";
    case '$':
        return "\\$";
    case '#':
        return "\\#";
    case '_':
        return "\\_";
    case '{':
        return "\\{";
    case '}':
        return "\\}";
    default:
        return NULL;
    }
}

void latex_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *special = latex_special(*text);
        if (strncmp(text, "+/-", 3) == 0) {
            fputs("$\\pm$", out);
            text += 2;
        } else if (special != NULL) {
            fputs(special, out);
        } else {
            fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
    }
}

static void latex_row(const Grid *grid, FILE *out, int row)
{
    for (int column = 0; column < grid->n_columns; column++) {
        const GridCell *cell = cell_at(grid, row, column);
        bool bold = cell->marked || (row == 0 && cell->text[0] != '\0');
        if (column > 0) fputs(" & ", out);
        if (bold) fputs("\\textbf{", out);
        latex_text(out, cell->text);
        if (bold) fputc('}', out);
    }
    fputs(" \\\\\n", out);
}

static void print_latex(const Grid *grid, FILE *out)
{
    fputs("\\begin{tabular}{", out);
    for (int column = 0; column < grid->n_columns; column++)
        fputc(grid->right[column] ? 'r' : 'l', out);
    fputs("}\n\\toprule\n", out);
    for (int row = 0; row < n_rows(grid); row++) {
        latex_row(grid, out, row);
        if (row == 0) fputs("\\midrule\n", out);
    }
    fputs("\\bottomrule\n\\end{tabular}\n", out);
}

void grid_print(const Grid *grid, FILE *out, Format format)
{
    switch (format) {
    case FORMAT_TEXT:
        print_text(grid, out);
        break;
    case FORMAT_CSV:
        print_csv(grid, out);
        break;
    case FORMAT_MD:
        print_md(grid, out);
        break;
    case FORMAT_LATEX:
        print_latex(grid, out);
        break;
    case FORMAT_JSON:
        check(false, "a grid has no JSON form");
        break;
    }
}
