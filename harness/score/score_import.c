/* Rows of the CSV to images of the dataset. */
#include "score_import.h"

#include "csv_table.h"
#include "file.h"
#include "log.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 10 }; /* of each kind of problem */

static const double COSINE_SLACK = 1e-5; /* a cosine of rounded vectors may pass 1 */

typedef enum { UNKNOWN_PATH, PATH_TWICE, NO_COSINE, UNKNOWN_CLASS, NO_ROW, N_PROBLEMS } Problem;

static const char *const PROBLEM_NAMES[N_PROBLEMS][2] = {
    [UNKNOWN_PATH] = {"path that is not in the dataset", "paths that are not in the dataset"},
    [PATH_TWICE] = {"path for the second time", "paths for the second time"},
    [NO_COSINE] = {"value that is no number in -1..1", "values that are no numbers in -1..1"},
    [UNKNOWN_CLASS] = {"unknown class", "unknown classes"},
    [NO_ROW] = {"image without a row", "images without a row"},
};

typedef struct {
    const char *path;
    int image;
} PathEntry;

typedef struct {
    StoreAlignment *out;
    const Dataset *dataset;
    CsvTable table;
    int path, score, zero_shot, similarity, nearest; /* columns; -1: not there */
    PathEntry *paths;                                /* [n_images], sorted */
    bool *seen;                                      /* [n_images] */
    int counts[N_PROBLEMS];
} Import;

static void add_problem(Import *m, Problem problem, int row, const char *text)
{
    if (++m->counts[problem] > SHOWN) return;
    const char *name = PROBLEM_NAMES[problem][0];
    if (row >= 0) log_warn("%s:%d: %s: \"%s\"", m->table.place, m->table.lines[row], name, text);
    if (row < 0) log_warn("%s: %s: %s", m->table.place, name, text);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const PathEntry *)a)->path, ((const PathEntry *)b)->path);
}

static void sort_paths(Import *m)
{
    int n = m->dataset->n_images;
    m->paths = mem_alloc((size_t)n, sizeof *m->paths);
    for (int i = 0; i < n; i++) m->paths[i] = (PathEntry){m->dataset->images[i].path, i};
    qsort(m->paths, (size_t)n, sizeof *m->paths, compare_paths);
}

static int find_column(const CsvTable *table, const char *name)
{
    for (int i = 0; i < table->n_columns; i++) {
        if (str_equal(table->columns[i], name)) return i;
    }
    return -1;
}

MUST_USE static bool find_columns(Import *m, Err *err)
{
    m->zero_shot = find_column(&m->table, "zero_shot");
    m->similarity = find_column(&m->table, "similarity");
    m->nearest = find_column(&m->table, "nearest");
    return csv_table_column(&m->path, &m->table, "path", err) &&
           csv_table_column(&m->score, &m->table, "score", err);
}

/* NAN where it is no cosine (which is noted). */
static double cosine_of(Import *m, int row, int column)
{
    const char *text = csv_table_cell(&m->table, row, column);
    double value;
    if (str_to_double(text, &value) && fabs(value) <= 1 + COSINE_SLACK) return value;
    add_problem(m, NO_COSINE, row, text);
    return NAN;
}

static const char *optional_cell(const Import *m, int row, int column)
{
    return column >= 0 ? csv_table_cell(&m->table, row, column) : "";
}

static void take_row(Import *m, int row)
{
    PathEntry wanted = {.path = csv_table_cell(&m->table, row, m->path)};
    const PathEntry *entry =
        bsearch(&wanted, m->paths, (size_t)m->dataset->n_images, sizeof *m->paths, compare_paths);
    if (entry == NULL || m->seen[entry->image]) {
        add_problem(m, entry == NULL ? UNKNOWN_PATH : PATH_TWICE, row, wanted.path);
        return;
    }
    m->seen[entry->image] = true;
    const char *class_name = optional_cell(m, row, m->zero_shot);
    const char *nearest = optional_cell(m, row, m->nearest);
    StoreAlignment a = {.image = entry->image,
                        .score = cosine_of(m, row, m->score),
                        .zero_shot_score = NAN,
                        .zero_shot = -1,
                        .similarity = NAN};
    if (optional_cell(m, row, m->similarity)[0] != '\0')
        a.similarity = cosine_of(m, row, m->similarity);
    if (nearest[0] != '\0') a.nearest = nearest;
    if (class_name[0] != '\0') {
        a.zero_shot = dataset_find_class(m->dataset, class_name);
        if (a.zero_shot < 0) add_problem(m, UNKNOWN_CLASS, row, class_name);
    }
    m->out[entry->image] = a;
}

/* One line that counts all problems; true when there are none. */
MUST_USE static bool judge(const Import *m, Err *err)
{
    Str line = {0};
    for (int p = 0; p < N_PROBLEMS; p++) {
        if (m->counts[p] == 0) continue;
        str_addf(&line, "%s%d %s", line.n > 0 ? ", " : "", m->counts[p],
                 PROBLEM_NAMES[p][m->counts[p] > 1]);
    }
    bool ok = line.n == 0 || err_set(err, ERR_FORMAT, "%s: nothing was imported: %s",
                                     m->table.place, str_text(&line));
    str_done(&line);
    return ok;
}

MUST_USE static bool take_rows(Import *m, Err *err)
{
    sort_paths(m);
    m->seen = mem_alloc((size_t)m->dataset->n_images, sizeof *m->seen);
    for (int row = 0; row < m->table.n_rows; row++) take_row(m, row);
    for (int i = 0; i < m->dataset->n_images; i++) {
        if (!m->seen[i]) add_problem(m, NO_ROW, -1, m->dataset->images[i].path);
    }
    free(m->seen);
    free(m->paths);
    return judge(m, err);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): out is written through m.out */
bool score_import(StoreAlignment *out, char digest[SHA256_HEX_SIZE], const char *path,
                  const Dataset *dataset, Arena *arena, Err *err)
{
    Import m = {.out = out, .dataset = dataset};
    char *bytes;
    size_t n;
    if (!file_read(&bytes, &n, path, CSV_MAX_BYTES, err)) return false;
    Sha256 *sha = sha256_new();
    sha256_add(sha, bytes, n);
    sha256_done_hex(sha, digest);
    bool ok = csv_table_parse(&m.table, bytes, n, path, arena, err);
    free(bytes);
    return ok && find_columns(&m, err) && take_rows(&m, err);
}
