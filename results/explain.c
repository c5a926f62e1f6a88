/* One cell, one run: found, read, shown. */
#include "explain.h"

#include "explain_internal.h"
#include "results_files.h"
#include "sql_file.h"
#include "stats.h"

#include <string.h>

enum { MAX_NAMES = 64, N_DIMENSIONS = 5 };

/* ---- which cell ---- */

typedef struct {
    const char *items[MAX_NAMES];
    int n;
} Names;

/* The first column of all rows, at most MAX_NAMES. */
static bool read_names(Names *out, Db *db, const char *sql, TextParameters texts, Arena *arena,
                       Err *err)
{
    sqlite3_stmt *statement;
    if (!explain_prepare(db, &statement, sql, texts, err)) return false;
    bool row = false, ok;
    out->n = 0;
    while ((ok = query_step(db, statement, &row, err)) && row && out->n < MAX_NAMES) {
        out->items[out->n++] = explain_column(statement, 0, arena);
    }
    sqlite3_finalize(statement);
    return ok;
}

#define RUNS                                                                                       \
    " FROM run JOIN run_experiment ON run_experiment.run_id = run.id"                              \
    " JOIN dataset ON dataset.id = run.dataset_id WHERE run.n_held_out = 1"
#define FILTERED                                                                                   \
    RUNS " AND (:experiment IS NULL OR run_experiment.experiment = :experiment)"                   \
         " AND (:dataset IS NULL OR dataset.name = :dataset)"                                      \
         " AND (:split IS NULL OR run.split_rule = :split)"                                        \
         " AND (:method IS NULL OR run.method = :method)"                                          \
         " AND (:held_out IS NULL OR run.held_out = :held_out)"

/* What names a cell among runs: those there are, and those that fit what was said. */
static const struct {
    const char *option, *all, *fitting;
    size_t offset;
} DIMENSIONS[N_DIMENSIONS] = {
    {"--method", "SELECT DISTINCT run.method" RUNS " ORDER BY 1",
     "SELECT DISTINCT run.method" FILTERED " ORDER BY 1", offsetof(ExplainQuery, method)},
    {"--held-out", "SELECT DISTINCT run.held_out" RUNS " ORDER BY 1",
     "SELECT DISTINCT run.held_out" FILTERED " ORDER BY 1", offsetof(ExplainQuery, held_out)},
    {"--dataset", "SELECT DISTINCT dataset.name" RUNS " ORDER BY 1",
     "SELECT DISTINCT dataset.name" FILTERED " ORDER BY 1", offsetof(ExplainQuery, dataset)},
    {"--experiment", "SELECT DISTINCT run_experiment.experiment" RUNS " ORDER BY 1",
     "SELECT DISTINCT run_experiment.experiment" FILTERED " ORDER BY 1",
     offsetof(ExplainQuery, experiment)},
    {"--split", "SELECT DISTINCT run.split_rule" RUNS " ORDER BY 1",
     "SELECT DISTINCT run.split_rule" FILTERED " ORDER BY 1", offsetof(ExplainQuery, split)},
};

static const char **said(ExplainQuery *query, int dimension)
{
    return (const char **)((char *)query + DIMENSIONS[dimension].offset);
}

/* :experiment ... :variant, and :run (NULL) */
static TextParameters parameters_of(TextParameter out[9], const ExplainQuery *q, const char *run)
{
    const TextParameter all[9] = {
        {":experiment", q->experiment}, {":dataset", q->dataset},   {":split", q->split},
        {":method", q->method},         {":held_out", q->held_out}, {":rule", q->rule},
        {":scored", q->scored},         {":variant", q->variant},   {":run", run}};
    memcpy(out, all, sizeof all);
    return (TextParameters){out, 9};
}

static bool unknown_name(Err *err, const char *option, const char *found, const char *const *names,
                         int n)
{
    const char *nearest = str_nearest(found, names, n);
    if (nearest != NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s: no \"%s\" (did you mean \"%s\"?)", option, found,
                       nearest);
    }
    Str list = {0};
    for (int i = 0; i < n; i++) str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    err_set(err, ERR_NOT_FOUND, "%s: no \"%s\", there are: %s", option, found,
            n > 0 ? str_text(&list) : "none");
    str_done(&list);
    return false;
}

static bool check_known(Err *err, const char *option, const char *found, const char *const *names,
                        int n)
{
    for (int i = 0; i < n; i++) {
        if (str_equal(names[i], found)) return true;
    }
    return unknown_name(err, option, found, names, n);
}

static bool fail_ambiguous(Err *err, const char *option, const char *const *names, int n)
{
    Str list = {0};
    for (int i = 0; i < n; i++) str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    err_set(err, ERR_USAGE, "explain: several cells are meant, expected %s with one of: %s", option,
            str_text(&list));
    str_done(&list);
    return false;
}

/* Names that are not there at all, before names that do not go together. */
static bool check_names(Db *db, ExplainQuery *query, Arena *arena, Err *err)
{
    Names names;
    for (int i = 0; i < N_DIMENSIONS; i++) {
        const char *found = *said(query, i);
        if (found == NULL) continue;
        if (!read_names(&names, db, DIMENSIONS[i].all, (TextParameters){0}, arena, err) ||
            !check_known(err, DIMENSIONS[i].option, found, names.items, names.n)) {
            return false;
        }
    }
    return true;
}

static bool complete_names(Db *db, ExplainQuery *query, Arena *arena, Err *err)
{
    Names names;
    TextParameter texts[9];
    for (int i = 0; i < N_DIMENSIONS; i++) {
        TextParameters parameters = parameters_of(texts, query, NULL);
        if (!read_names(&names, db, DIMENSIONS[i].fitting, parameters, arena, err)) return false;
        if (names.n == 0) return err_set(err, ERR_NOT_FOUND, "explain: no runs of such a cell");
        if (names.n > 1) return fail_ambiguous(err, DIMENSIONS[i].option, names.items, names.n);
        *said(query, i) = names.items[0];
    }
    return true;
}

/* Rule and score: as said, or as the experiment is read. */
static bool complete_rule(Db *db, ExplainQuery *query, Arena *arena, Err *err)
{
    static const char *const rules[] = {"training-domain", "leave-one-domain-out", "oracle",
                                        "last"};
    static const char *const scores[] = {"in", "out", "whole", "validation"};
    if (query->rule != NULL && !check_known(err, "--rule", query->rule, rules, 4)) return false;
    if (query->scored != NULL && !check_known(err, "--scored", query->scored, scores, 4))
        return false;
    Names names;
    TextParameter texts[9];
    TextParameters parameters = parameters_of(texts, query, NULL);
    const char *sql = "SELECT selection FROM experiment WHERE name = :experiment "
                      "UNION ALL SELECT scored FROM experiment WHERE name = :experiment";
    if (!read_names(&names, db, sql, parameters, arena, err)) return false;
    if (query->rule == NULL) query->rule = names.n == 2 ? names.items[0] : rules[0];
    if (query->scored == NULL) query->scored = names.n == 2 ? names.items[1] : scores[0];
    return true;
}

static bool complete_variant(Db *db, ExplainQuery *query, Arena *arena, Err *err)
{
    Names names;
    TextParameter texts[9];
    TextParameters parameters = parameters_of(texts, query, NULL);
    const char *sql = query->variant == NULL
                          ? "SELECT DISTINCT run.variant" FILTERED
                          : "SELECT DISTINCT variant FROM checkpoint WHERE run_id IN "
                            "(SELECT run.id" FILTERED ")";
    if (!read_names(&names, db, sql, parameters, arena, err)) return false;
    if (query->variant != NULL)
        return check_known(err, "--variant", query->variant, names.items, names.n);
    if (names.n > 1) return fail_ambiguous(err, "--variant", names.items, names.n);
    query->variant = names.items[0];
    return true;
}

/* ---- its number ---- */

/* "2 failed, 1 running" */
static bool no_number(Db *db, const ExplainQuery *query, Arena *arena, Err *err)
{
    Names names;
    TextParameter texts[9];
    TextParameters parameters = parameters_of(texts, query, NULL);
    const char *sql = "SELECT group_concat(n || ' ' || status, ', ') FROM "
                      "(SELECT run.status, count(*) AS n" FILTERED " GROUP BY run.status)";
    if (!read_names(&names, db, sql, parameters, arena, err)) return false;
    return err_set(
        err, ERR_NOT_FOUND,
        "explain: the cell is empty: no number for rule %s, scored %s, weights %s; runs: "
        "%s",
        query->rule, query->scored, query->variant, names.n > 0 ? names.items[0] : "none");
}

enum { MAX_TRIALS = 1000, N_CHOSEN = 7 };

/* The cell's selected runs: found once, and given to every section as a table of numbers, for
 * selecting among all runs takes its time. */
static const char CHOSEN[] =
    "SELECT trial, run_id, checkpoint_id, step, hparams_seed, n_runs, rule_value, score "
    "FROM scored_result WHERE rule = :rule AND scored = :scored AND experiment = :experiment"
    " AND dataset = :dataset AND split_rule = :split AND method = :method"
    " AND held_out = :held_out AND n_held_out = 1 AND variant = :variant ORDER BY trial LIMIT 1000";

static void add_chosen(Str *rows, sqlite3_stmt *statement)
{
    str_add(rows, rows->n > 0 ? ", (" : "(");
    for (int i = 0; i < N_CHOSEN; i++) {
        if (sqlite3_column_type(statement, i) == SQLITE_INTEGER)
            str_addf(rows, "%lld, ", (long long)sqlite3_column_int64(statement, i));
        else
            str_addf(rows, "%.17g, ", sqlite3_column_double(statement, i));
    }
    str_addf(rows, "%.17g, :variant, :experiment)", sqlite3_column_double(statement, N_CHOSEN));
}

static bool read_trials(ExplainCell *cell, Db *db, Arena *arena, Err *err)
{
    TextParameter texts[9];
    sqlite3_stmt *statement;
    TextParameters parameters = parameters_of(texts, &cell->name, NULL);
    if (!explain_prepare(db, &statement, CHOSEN, parameters, err)) return false;
    double *scores = arena_alloc(arena, MAX_TRIALS, sizeof *scores);
    cell->runs = arena_alloc(arena, MAX_TRIALS, sizeof *cell->runs);
    Str rows = {0};
    bool row = false, ok;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        scores[cell->n_trials] = sqlite3_column_double(statement, N_CHOSEN);
        cell->runs[cell->n_trials++] = sqlite3_column_int64(statement, 1);
        add_chosen(&rows, statement);
    }
    sqlite3_finalize(statement);
    cell->chosen = arena_printf(arena,
                                "WITH chosen(trial, run_id, checkpoint_id, step, hparams_seed, "
                                "n_runs, rule_value, score, variant, experiment) AS (VALUES %s) ",
                                str_text(&rows));
    str_done(&rows);
    if (ok && cell->n_trials > 0) cell->mean = stats_mean(scores, cell->n_trials);
    if (ok && cell->n_trials > 1)
        cell->error =
            stats_stderr(scores, cell->n_trials, str_equal(cell->deviation, "population"));
    return ok;
}

static bool read_number(ExplainCell *cell, Db *db, Arena *arena, Err *err)
{
    Names names;
    TextParameter texts[9];
    const char *sql = "SELECT coalesce((SELECT stderr FROM experiment WHERE name = :experiment),"
                      " 'population')";
    if (!read_names(&names, db, sql, parameters_of(texts, &cell->name, NULL), arena, err))
        return false;
    cell->deviation = names.items[0];
    if (!read_trials(cell, db, arena, err)) return false;
    return cell->n_trials > 0 || no_number(db, &cell->name, arena, err);
}

bool explain_find_cell(ExplainCell *out, Db *db, const ExplainQuery *query, Arena *arena, Err *err)
{
    ExplainCell cell = {.name = *query};
    if (!check_names(db, &cell.name, arena, err) || !complete_names(db, &cell.name, arena, err) ||
        !complete_rule(db, &cell.name, arena, err) ||
        !complete_variant(db, &cell.name, arena, err) || !read_number(&cell, db, arena, err)) {
        return false;
    }
    *out = cell;
    return true;
}

/* ---- sections ---- */

/* "cell_left_out.sql" is the section "left_out" of a cell. */
static const char *section_name(const EmbeddedFile *file, const char *kind, Arena *arena)
{
    size_t n = strlen(kind);
    if (strncmp(file->name, kind, n) != 0) return NULL;
    return arena_strndup(arena, file->name + n, strlen(file->name) - n - strlen(".sql"));
}

static bool print_rows(Db *db, FILE *out, const char *title, sqlite3_stmt *statement, Format format,
                       Err *err)
{
    bool row = false;
    if (format == FORMAT_JSON) return query_write_rows(db, out, statement, format, err);
    if (!query_step(db, statement, &row, err)) return false;
    sqlite3_reset(statement);
    if (!row) return true;
    fprintf(out, "\n%s\n", title);
    return query_write_rows(db, out, statement, format, err);
}

typedef struct {
    const char *kind;   /* "cell_", "run_" */
    const char *chosen; /* goes before every section; "": nothing */
    TextParameters texts;
    Format format;
} Sections;

static bool print_section(Db *db, FILE *out, const EmbeddedFile *file, const Sections *sections,
                          Err *err)
{
    Arena *arena = arena_new();
    Str sql = {0};
    sqlite3_stmt *statement = NULL;
    const char *name = section_name(file, sections->kind, arena);
    bool ok = true, json = sections->format == FORMAT_JSON;
    if (name != NULL) {
        str_add(&sql, sections->chosen);
        str_add(&sql, file->text);
        const char *title = sql_file_key(file->text, "title", arena);
        if (json) fprintf(out, "\"%s\": ", name);
        ok = explain_prepare(db, &statement, str_text(&sql), sections->texts, err) &&
             print_rows(db, out, title, statement, sections->format, err);
        if (json) fprintf(out, ",\n");
    }
    sqlite3_finalize(statement);
    str_done(&sql);
    arena_free(arena);
    return ok;
}

static bool print_sections(Db *db, FILE *out, const Sections *sections, Err *err)
{
    bool ok = true;
    for (const EmbeddedFile *file = explain_files; ok && file->name != NULL; file++) {
        ok = print_section(db, out, file, sections, err);
    }
    return ok;
}

bool explain_cell_sections(Db *db, FILE *out, const ExplainCell *cell, Format format, Err *err)
{
    TextParameter texts[9];
    TextParameters parameters = parameters_of(texts, &cell->name, NULL);
    return print_sections(db, out, &(Sections){"cell_", cell->chosen, parameters, format}, err);
}

bool explain_run_sections(Db *db, FILE *out, const ExplainRun *run, Format format, Err *err)
{
    TextParameter texts[9];
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)run->id);
    ExplainQuery of_run = {.method = run->method, .held_out = run->held_out};
    TextParameters parameters = parameters_of(texts, &of_run, id);
    return print_sections(db, out, &(Sections){"run_", "", parameters, format}, err);
}
