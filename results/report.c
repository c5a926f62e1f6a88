/* The page as a whole: see report.h. */
#include "report.h"

#include "arena.h"
#include "database.h"
#include "exclusion.h"
#include "file.h"
#include "html.h"
#include "query_internal.h"
#include "report_parts.h"
#include "results_files.h"
#include "sql_file.h"
#include "svg_chart.h"
#include "view_copy.h"

#include <string.h>

/* Parts in the order of the page. */
static const struct {
    const char *name;
    const char *menu; /* what the table of contents calls it; NULL: belongs to the part before */
} report_parts[] = {
    {"overview", "Overview"},
    {"accuracy", "Accuracy"},
    {"intervals", "Intervals"},
    {"gap", "Validation gap"},
    {"curves", "Curves"},
    {"ip-oop", "IP and OOP"},
    {"rules", "Selection rules"},
    {"cost", "Cost"},
    {"hparams", "Hyper-parameters"},
    {"hparams-fixed", NULL},
    {"unfinished", "Runs in no cell"},
    {"machine", "Provenance"},
    {"datasets", NULL},
    {"runs", NULL},
    {"commands", NULL},
};

enum { N_PARTS = sizeof report_parts / sizeof report_parts[0] };

typedef void (*PartWriter)(const Part *part);

static PartWriter part_writer(const char *kind)
{
    static const struct {
        const char *kind;
        PartWriter write;
    } KINDS[] = {{"facts", part_facts},  {"matrix", part_matrix}, {"table", part_table},
                 {"list", part_list},    {"lines", part_lines},   {"dots", part_dots},
                 {"curves", part_curves}};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (str_equal(KINDS[i].kind, kind)) return KINDS[i].write;
    }
    check(false, "no part of kind \"%s\"", kind);
    return NULL;
}

static const char *report_file(const char *name)
{
    for (const EmbeddedFile *file = report_files; file->name != NULL; file++) {
        if (str_equal(file->name, name)) return file->text;
    }
    check(false, "no file report/%s", name);
    return NULL;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static bool check_name(Db *db, const char *kind, const char *sql, const char *name, Arena *arena,
                       Err *err)
{
    Rows rows;
    if (name == NULL) return true;
    if (!rows_read(&rows, db, sql, (QueryParameters){0}, arena, err)) return false;
    if (rows_label_index(rows.cells, rows.n_rows, name) < rows.n_rows) return true;
    const char *nearest = str_nearest(name, rows.cells, rows.n_rows);
    if (nearest != NULL)
        return err_set(err, ERR_USAGE, "%s: no %s \"%s\" (did you mean \"%s\"?)", db_path(db), kind,
                       name, nearest);
    return err_set(err, ERR_USAGE, "%s: no %s \"%s\"", db_path(db), kind, name);
}

static bool check_options(Db *db, const ReportOptions *options, Arena *arena, Err *err)
{
    static const char *const RULES =
        "VALUES ('training-domain'), ('leave-one-domain-out'), ('oracle'), ('last')";
    return check_name(db, "experiment",
                      "SELECT name FROM experiment UNION SELECT experiment FROM run_experiment",
                      options->experiment, arena, err) &&
           check_name(db, "dataset", "SELECT name FROM dataset", options->dataset, arena, err) &&
           check_name(db, "selection rule", RULES, options->rule, arena, err);
}

/* The temporary tables that the parts read. The file itself is open for reading only. */
static bool prepare(Db *db, const ReportOptions *options, Arena *arena, Err *err)
{
    if (!exclusion_use(db, options->excluding, err)) return false;
    query_only_reads(db, false); /* temporary tables are made */
    return check_options(db, options, arena, err) &&
           db_script(db, "PRAGMA temp_store = MEMORY", err) &&
           db_do(db,
                 "CREATE TEMP TABLE option AS SELECT ?1 AS results, ?2 AS experiment, ?3 AS "
                 "dataset, ?4 AS rule, ?5 AS excluding",
                 DB_VALUES(db_text(db_path(db)), db_text(options->experiment),
                           db_text(options->dataset), db_text(options->rule),
                           db_text(options->excluding)),
                 err) &&
           db_script(db, report_file("result.sql"), err) &&
           view_copy(db, "scored_result", arena, err) && view_copy(db, "cell", arena, err) &&
           db_script(db, report_file("shown.sql"), err);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* left_out: what the numbers are without, or NULL. */
static void write_head(Str *out, const char *left_out)
{
    str_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; img-src data:\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<link rel=\"icon\" href=\"data:,\">\n"
                 "<title>dgbench report</title>\n<style>\n");
    str_add(out, report_file("report.css"));
    str_add(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the "
                 "results</a>\n<header>\n<h1>Accuracy on domains held out</h1>\n<p>Each domain is "
                 "left out of training in turn, and then tested on. Numbers come from one results "
                 "database of dgbench, where every cell can be traced to its runs.</p>\n");
    if (left_out != NULL) html_element(out, "p", "left-out", left_out);
    str_add(out, "<nav aria-label=\"Contents\"><ul>\n");
    for (int i = 0; i < N_PARTS; i++) {
        if (report_parts[i].menu == NULL) continue;
        str_addf(out, "<li><a href=\"#%s\">%s</a></li>\n", report_parts[i].name,
                 report_parts[i].menu);
    }
    str_add(out, "</ul></nav>\n</header>\n<main id=\"main\">\n");
    svg_shapes(out);
}

static void write_sections(const Part *whole, PartWriter write)
{
    Part part = *whole;
    const char *empty = sql_file_key(part.text, "empty", part.arena);
    if (part.rows->n_rows == 0)
        html_element(part.out, "p", "empty", empty != NULL ? empty : "Nothing to show.");
    for (RowSpan s = {0}; rows_next_span(&s, part.rows, rows_all(part.rows), "section");) {
        part.span = s;
        part.section = rows_text(part.rows, s.first, "section");
        write(&part);
    }
}

static bool write_part(Str *out, Db *db, int i, Err *err)
{
    Arena *arena = arena_new();
    const char *name = report_parts[i].name, *menu = report_parts[i].menu;
    const char *text = report_file(arena_printf(arena, "%s.sql", name));
    Rows rows;
    bool ok = rows_read(&rows, db, text, (QueryParameters){0}, arena, err);
    if (ok) {
        Part part = {.out = out, .rows = &rows, .text = text, .arena = arena, .section = ""};
        if (menu != NULL)
            str_addf(out, "%s<section id=\"%s\">\n", i > 0 ? "</section>\n" : "", name);
        html_element(out, menu != NULL ? "h2" : "h3", NULL, sql_file_key(text, "title", arena));
        write_sections(&part, part_writer(sql_file_key(text, "part", arena)));
        const char *note = sql_file_key(text, "note", arena);
        if (note != NULL && rows.n_rows > 0) html_element(out, "p", "note", note);
    } else {
        err_context(err, "report %s", name);
    }
    arena_free(arena);
    return ok;
}

bool report_make(Str *out, const char *results_path, const ReportOptions *options, Err *err)
{
    Db *db;
    if (!results_open(&db, results_path, err)) return false;
    Arena *arena = arena_new();
    bool ok = prepare(db, options, arena, err);
    if (ok) write_head(out, db_left_out_sentence(db));
    for (int i = 0; ok && i < N_PARTS; i++) ok = write_part(out, db, i, err);
    if (ok) str_add(out, "</section>\n</main>\n</body>\n</html>\n");
    arena_free(arena);
    results_close(db);
    return ok;
}

bool report_write(const char *folder, const char *results_path, const ReportOptions *options,
                  Err *err)
{
    Str page = {0};
    Arena *arena = arena_new();
    bool ok = report_make(&page, results_path, options, err) && file_make_dirs(folder, err) &&
              file_write_atomic(file_join(arena, folder, "index.html"), page.text, page.n, err);
    str_done(&page);
    arena_free(arena);
    return ok;
}
