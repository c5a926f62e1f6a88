/* A CSV with a row per image: path, label, domain, and if wanted a split tag and a caption. Without
 * a label or domain column (a list of images) all are of one class or domain. */
#include "csv_table.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "source.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

enum { MISSING_SHOWN = 20 };

/* Column numbers; -1 where the descriptor names none. */
typedef struct {
    int path, label, domain, split, caption;
} Columns;

static const char ONLY_DOMAIN[] = "all", ONLY_CLASS[] = "image";

static bool find_columns(Columns *c, const CsvTable *table, const Descriptor *d, Err *err)
{
    const struct {
        const char *name;
        int *column;
    } wanted[] = {{d->manifest.label, &c->label},
                  {d->manifest.domain, &c->domain},
                  {d->manifest.split, &c->split},
                  {d->manifest.caption, &c->caption}};
    *c = (Columns){-1, -1, -1, -1, -1};
    bool ok = csv_table_column(&c->path, table, d->manifest.path, err);
    for (size_t i = 0; ok && i < sizeof wanted / sizeof wanted[0]; i++) {
        if (wanted[i].name[0] != '\0')
            ok = csv_table_column(wanted[i].column, table, wanted[i].name, err);
    }
    return ok;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The descriptor's domains, else the sorted values of the column. */
static TextList domain_values(const CsvTable *table, int column, const Descriptor *d, Arena *arena)
{
    if (d->domains.n > 0 || table->n_rows == 0) return d->domains;
    if (column < 0) {
        char **only = arena_alloc(arena, 1, sizeof *only);
        only[0] = arena_strdup(arena, ONLY_DOMAIN);
        return (TextList){only, 1};
    }
    size_t n = (size_t)table->n_rows;
    char **values = arena_alloc(arena, n, sizeof *values);
    for (int i = 0; i < table->n_rows; i++)
        values[i] = arena_strdup(arena, csv_table_cell(table, i, column));
    qsort(values, n, sizeof *values, compare_texts);
    int n_unique = 0;
    for (int i = 0; i < table->n_rows; i++) {
        if (n_unique == 0 || !str_equal(values[i], values[n_unique - 1]))
            values[n_unique++] = values[i];
    }
    return (TextList){values, n_unique};
}

static int find_text(const TextList *list, const char *text)
{
    for (int i = 0; i < list->n; i++) {
        if (str_equal(list->items[i], text)) return i;
    }
    return -1;
}

static const char *cell_or(const CsvTable *table, int row, int column, const char *otherwise)
{
    return column >= 0 ? csv_table_cell(table, row, column) : otherwise;
}

typedef struct {
    CsvTable table;
    Columns columns;
    TextList domains;
    const Descriptor *descriptor;
    Arena *arena;
} Manifest;

static bool check_label(const Manifest *m, int row, const char *label, Err *err)
{
    const char *place = m->table.place;
    const TextList *classes = &m->descriptor->classes;
    if (label[0] == '\0') {
        return err_set(err, ERR_FORMAT, "%s:%d: empty label, expected a class name", place,
                       m->table.lines[row]);
    }
    if (classes->n == 0 || find_text(classes, label) >= 0) return true;
    const char *nearest = str_nearest(label, (const char *const *)classes->items, classes->n);
    return err_set(
        err, ERR_FORMAT, "%s:%d: label \"%s\" is not one of the descriptor's %d classes%s%s%s",
        place, m->table.lines[row], label, classes->n, nearest != NULL ? " (did you mean \"" : "",
        nearest != NULL ? nearest : "", nearest != NULL ? "\"?)" : "");
}

static bool read_row(FoundImage *out, const Manifest *m, int row, Err *err)
{
    const CsvTable *t = &m->table;
    const Columns *c = &m->columns;
    const char *path = csv_table_cell(t, row, c->path);
    const char *label = cell_or(t, row, c->label, ONLY_CLASS);
    const char *domain = cell_or(t, row, c->domain, ONLY_DOMAIN);
    int domain_number = find_text(&m->domains, domain);
    if (path[0] == '\0')
        return err_set(err, ERR_FORMAT, "%s:%d: empty path", t->place, t->lines[row]);
    if (!check_label(m, row, label, err)) return false;
    if (domain_number < 0 || domain[0] == '\0') {
        return err_set(err, ERR_FORMAT, "%s:%d: domain \"%s\", expected one of the descriptor's %d",
                       t->place, t->lines[row], domain, m->domains.n);
    }
    bool has_concept = m->descriptor->concept == CONCEPT_STEM;
    *out = (FoundImage){.class_name = label,
                        .image = {.path = path,
                                  .domain = domain_number,
                                  .split = cell_or(t, row, c->split, ""),
                                  .caption = cell_or(t, row, c->caption, ""),
                                  .concept = has_concept ? source_concept_of(path, m->arena) : ""}};
    return true;
}

/* Says which files are not there: the first ones, and how many. */
static bool check_files(const Manifest *m, const FoundImages *found, Err *err)
{
    const char *root = m->descriptor->root;
    int n = 0;
    for (int row = 0; row < found->n; row++) {
        const char *path = found->items[row].image.path;
        if (file_exists(file_join(m->arena, root, path))) continue;
        if (n++ == 0) {
            err_set(err, ERR_NOT_FOUND, "%s:%d: image %s does not exist in %s", m->table.place,
                    m->table.lines[row], path, root);
        } else if (n <= MISSING_SHOWN) {
            log_warn("%s:%d: image %s does not exist", m->table.place, m->table.lines[row], path);
        }
    }
    if (n > 1) err_context(err, "%d of %d images are missing", n, found->n);
    return n == 0;
}

static bool read_rows(FoundImages *found, const Manifest *m, Err *err)
{
    for (int row = 0; row < m->table.n_rows; row++) {
        FoundImage image = {0};
        if (!read_row(&image, m, row, err)) return false;
        found_add(found, image);
    }
    return check_files(m, found, err);
}

static bool manifest_read(Manifest *m, const char *path, Err *err)
{
    if (!csv_table_read(&m->table, path, m->arena, err)) return false;
    if (!find_columns(&m->columns, &m->table, m->descriptor, err)) return false;
    m->domains = domain_values(&m->table, m->columns.domain, m->descriptor, m->arena);
    return true;
}

bool source_open_manifest(Source *source, const Descriptor *d, Arena *arena, Err *err)
{
    Manifest m = {.descriptor = d, .arena = arena};
    source->place = file_join(arena, d->root, d->manifest.file);
    if (!manifest_read(&m, source->place, err)) return false;
    source_name_domains(source, &m.domains, d, arena);
    FoundImages found = {0};
    bool ok = read_rows(&found, &m, err) && source_take_images(source, &found, d, arena, err);
    found_done(&found);
    return ok && source_use_files(source, d->root, arena, err);
}
