/* Printing the tables: see domainbed_table.h. */
#include "domainbed_table.h"

#include "domainbed_results.h"
#include "mem.h"
#include "numpy_sum.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 20, AVERAGES_WIDTH = 25 };

static const char *const RULE_NAMES[N_SELECTIONS] = {
    [SELECT_TRAINING] = "training-domain validation set",
    [SELECT_LEAVE_ONE_OUT] = "leave-one-domain-out cross-validation",
    [SELECT_ORACLE] = "test-domain validation set (oracle)"};

typedef struct {
    FILE *out;
    bool latex;
    const DomainbedResults *results;
    int rule;
    double *values; /* room for one per trial */
} Printer;

/* ---- cells -------------------------------------------------------------------------------------
 */

/* Cut or padded to `width` characters. */
static void print_cell(const Printer *p, const char *text, int width)
{
    int n = 0;
    for (const char *s = text; *s != '\0'; s++) {
        bool continues = ((unsigned char)*s & 0xc0) == 0x80;
        n += !continues;
        if (n > width) return;
        fputc(*s, p->out);
    }
    for (; n < width; n++) fputc(' ', p->out);
}

static void next_cell(const Printer *p, const char *text, int width)
{
    fputs(p->latex ? " & " : "  ", p->out);
    print_cell(p, text, width);
}

static void end_row(const Printer *p)
{
    fputs(p->latex ? " \\\\\n" : " \n", p->out);
}

/* Mean and standard error in percent of the n values; returns the mean, NAN when there is none. */
static double print_mean(const Printer *p, double *values, int n, int width)
{
    char text[64] = "X";
    double mean = (double)NAN;
    if (n > 0) {
        mean = 100 * numpy_mean(values, n);
        for (int i = 0; i < n; i++) values[i] /= sqrt(n);
        snprintf(text, sizeof text, p->latex ? "%.1f $\\pm$ %.1f" : "%.1f +/- %.1f", mean,
                 100 * numpy_std(values, n));
    }
    next_cell(p, text, width);
    return mean;
}

/* sum: of the row's n means; NAN when a cell is missing. */
static void print_average(const Printer *p, double sum, int n, int width)
{
    char text[32] = "X";
    if (n > 0 && !isnan(sum)) snprintf(text, sizeof text, "%.1f", sum / n);
    next_cell(p, text, width);
    end_row(p);
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static void print_label(const Printer *p, const char *label, int width, bool first)
{
    Str text = {0};
    if (p->latex) str_add(&text, "\\textbf{");
    for (const char *s = label; *s != '\0'; s++) {
        if (p->latex && *s == '%') str_add(&text, "\\");
        str_add_n(&text, s, 1);
    }
    if (p->latex) str_add(&text, "}");
    if (first)
        print_cell(p, str_text(&text), width);
    else
        next_cell(p, str_text(&text), width);
    str_done(&text);
}

static void print_head(const Printer *p, const char *const *columns, int n, int width)
{
    if (p->latex) {
        fputs("\\begin{center}\n\\adjustbox{max width=\\textwidth}{%\n\\begin{tabular}{l", p->out);
        for (int i = 0; i <= n; i++) fputc('c', p->out);
        fputs("}\n\\toprule\n", p->out);
    }
    print_label(p, "Algorithm", width, true);
    for (int i = 0; i < n; i++) print_label(p, columns[i], width, false);
    print_label(p, "Avg", width, false);
    end_row(p);
    if (p->latex) fputs("\\midrule\n", p->out);
}

static void print_foot(const Printer *p)
{
    if (p->latex) fputs("\\bottomrule\n\\end{tabular}}\n\\end{center}\n", p->out);
}

static void print_title(const Printer *p, const char *section, const char *kind)
{
    if (p->latex)
        fprintf(p->out, "\n\\subsubsection{%s}\n\n", section);
    else
        fprintf(p->out, "\n-------- %s%s, model selection method: %s\n", kind, section,
                RULE_NAMES[p->rule]);
}

static bool is_of(const DomainbedTrial *trial, int dataset, int algorithm)
{
    return trial->dataset == dataset && trial->algorithm == algorithm;
}

static int values_of_env(const Printer *p, int dataset, int algorithm, int env)
{
    int n = 0;
    for (int i = 0; i < p->results->n_trials; i++) {
        const DomainbedTrial *trial = &p->results->trials[i];
        double accuracy = trial->accuracy[p->rule][env];
        if (is_of(trial, dataset, algorithm) && !isnan(accuracy)) p->values[n++] = accuracy;
    }
    return n;
}

/* Per trial the mean over the environments that have a number. */
static int values_of_dataset(const Printer *p, int dataset, int algorithm)
{
    int n = 0;
    for (int i = 0; i < p->results->n_trials; i++) {
        const DomainbedTrial *trial = &p->results->trials[i];
        if (!is_of(trial, dataset, algorithm)) continue;
        double found[DOMAINBED_MOST_ENVS];
        int n_found = 0;
        for (int env = 0; env < domainbed_datasets[dataset].n_envs; env++) {
            double accuracy = trial->accuracy[p->rule][env];
            if (!isnan(accuracy)) found[n_found++] = accuracy;
        }
        if (n_found > 0) p->values[n++] = numpy_mean(found, n_found);
    }
    return n;
}

static void print_dataset(const Printer *p, int dataset)
{
    const DomainbedDataset *d = &domainbed_datasets[dataset];
    print_title(p, d->name, "Dataset: ");
    print_head(p, d->envs, d->n_envs, WIDTH);
    for (int i = 0; i < p->results->n_algorithms; i++) {
        double sum = 0;
        print_cell(p, p->results->algorithms[i].name, WIDTH);
        for (int env = 0; env < d->n_envs; env++)
            sum += print_mean(p, p->values, values_of_env(p, dataset, i, env), WIDTH);
        print_average(p, sum, d->n_envs, WIDTH);
    }
    print_foot(p);
}

static void print_averages(const Printer *p, const int *datasets, int n)
{
    const char **names = mem_alloc((size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) names[i] = domainbed_datasets[datasets[i]].name;
    print_title(p, "Averages", "");
    print_head(p, names, n, AVERAGES_WIDTH);
    for (int i = 0; i < p->results->n_algorithms; i++) {
        double sum = 0;
        print_cell(p, p->results->algorithms[i].name, AVERAGES_WIDTH);
        for (int k = 0; k < n; k++)
            sum += print_mean(p, p->values, values_of_dataset(p, datasets[k], i), AVERAGES_WIDTH);
        print_average(p, sum, n, AVERAGES_WIDTH);
    }
    print_foot(p);
    free(names);
}

static void print_all(Printer *p)
{
    const DomainbedResults *results = p->results;
    int *datasets = mem_alloc((size_t)domainbed_n_datasets, sizeof *datasets);
    int n = 0;
    for (int i = 0; i < domainbed_n_datasets; i++) {
        if (results->datasets[i]) datasets[n++] = i;
    }
    if (p->latex)
        fputs("\\documentclass{article}\n\\usepackage{booktabs}\n\\usepackage{adjustbox}\n"
              "\\begin{document}\n\\section{Full DomainBed results}\n",
              p->out);
    fprintf(p->out, "%sTotal records: %lld\n", p->latex ? "% " : "", (long long)results->n_records);
    for (p->rule = 0; p->rule < N_SELECTIONS; p->rule++) {
        if (p->latex) fprintf(p->out, "\n\\subsection{Model selection: %s}\n", RULE_NAMES[p->rule]);
        for (int i = 0; i < n; i++) print_dataset(p, datasets[i]);
        print_averages(p, datasets, n);
    }
    if (p->latex) fputs("\\end{document}\n", p->out);
    free(datasets);
}

/* ---- which sweep -------------------------------------------------------------------------------
 */

/* The experiments with imported runs: *out (free it) is the only one. */
static bool only_experiment(char **out, Db *db, Err *err)
{
    static const char sql[] =
        "SELECT count(*), coalesce(min(experiment), ''), group_concat(experiment, ', ') FROM"
        " (SELECT name AS experiment FROM experiment WHERE EXISTS"
        "  (SELECT 1 FROM run_experiment JOIN run ON run.id = run_id"
        "   WHERE experiment = name AND origin GLOB 'domainbed:*'))";
    sqlite3_stmt *row;
    if (sqlite3_prepare_v2(db_handle(db), sql, -1, &row, NULL) != SQLITE_OK)
        return db_fail(db, err);
    bool ok = sqlite3_step(row) == SQLITE_ROW || db_fail(db, err);
    int n = ok ? sqlite3_column_int(row, 0) : 0;
    if (ok && n == 0)
        ok = err_set(err, ERR_NOT_FOUND, "%s: no run in it was imported from DomainBed",
                     db_path(db));
    else if (ok && n > 1)
        ok = err_set(err, ERR_USAGE,
                     "%s: found %d imported sweeps, expected --experiment with one of: %s",
                     db_path(db), n, (const char *)sqlite3_column_text(row, 2));
    else if (ok)
        *out = mem_strdup((const char *)sqlite3_column_text(row, 1));
    sqlite3_finalize(row);
    return ok;
}

bool domainbed_table_print(Db *db, FILE *out, const char *experiment, Format format, Err *err)
{
    if (format != FORMAT_TEXT && format != FORMAT_LATEX)
        return err_set(err, ERR_USAGE,
                       "--as-domainbed: DomainBed knows the formats text and latex");
    DomainbedResults results;
    char *only = NULL;
    if (experiment == NULL && !only_experiment(&only, db, err)) return false;
    bool ok = domainbed_results_read(&results, db, experiment ? experiment : only, err);
    free(only);
    if (!ok) return false;
    Printer p = {.out = out, .latex = format == FORMAT_LATEX, .results = &results};
    p.values = mem_alloc((size_t)results.n_trials, sizeof *p.values);
    print_all(&p);
    free(p.values);
    domainbed_results_done(&results);
    return true;
}
