/* Two presets side by side: the schema's keys as each of them sets them. */
#include "plan_diff.h"

#include "protocols.h"
#include "registry.h"

#include <string.h>

enum { MAX_LINES = 256 };

typedef struct {
    const char *key, *datasets; /* datasets: names with commas; NULL: any */
    const char *values[2];
} Line;

typedef struct {
    const Protocol *protocols[2];
    const Schema *schema;
    Arena *arena;
    Line lines[MAX_LINES];
    int n;
} Diff;

static bool find_protocol(const Protocol **out, const char *name, Err *err)
{
    *out = protocol_find(name);
    if (*out != NULL) return true;
    const char *names[MAX_LINES];
    int n;
    const Protocol *all = protocol_list(&n);
    for (int i = 0; i < n; i++) names[i] = all[i].name;
    const char *near = str_nearest(name, names, n);
    return err_set(err, ERR_USAGE, "plan: no protocol \"%s\"%s%s%s", name,
                   near != NULL ? " (did you mean \"" : ", see dgbench list protocols",
                   near != NULL ? near : "", near != NULL ? "\"?)" : "");
}

static const char *value_text(const Diff *diff, const SchemaRow *row, const RunSpec *spec)
{
    Str text = {0};
    schema_value_text(row, spec, &text);
    bool is_empty = str_equal(str_text(&text), "\"\"");
    const char *copy = arena_strdup(diff->arena, is_empty ? "-" : str_text(&text));
    str_done(&text);
    return copy;
}

static Line *find_line(Diff *diff, const Line *line)
{
    for (int i = 0; i < diff->n; i++) {
        Line *other = &diff->lines[i];
        if (str_equal(other->key, line->key) && str_equal(other->values[0], line->values[0]) &&
            str_equal(other->values[1], line->values[1]))
            return other;
    }
    return NULL;
}

/* A difference that is there for another dataset gets one more name; one that is there for any
 * dataset is told already. */
static void add_line(Diff *diff, const Line *line)
{
    if (str_equal(line->values[0], line->values[1])) return;
    Line *same = find_line(diff, line);
    if (same != NULL) {
        if (same->datasets == NULL) return;
        same->datasets = arena_printf(diff->arena, "%s, %s", same->datasets, line->datasets);
        return;
    }
    check(diff->n < MAX_LINES, "more than %d lines", MAX_LINES);
    diff->lines[diff->n++] = *line;
}

/* All keys that differ for a dataset (NULL: for any). */
static void add_lines(Diff *diff, const char *dataset)
{
    RunSpec *specs[2];
    const char *name = dataset != NULL ? dataset : "";
    for (int i = 0; i < 2; i++) {
        specs[i] = arena_alloc(diff->arena, 1, sizeof *specs[i]);
        schema_defaults(diff->schema, specs[i], diff->arena);
        protocol_apply(diff->protocols[i], name, diff->schema, specs[i], diff->arena);
    }
    for (int r = 0; r < diff->schema->n_rows; r++) {
        const SchemaRow *row = &diff->schema->rows[r];
        add_line(diff, &(Line){row->key,
                               dataset,
                               {value_text(diff, row, specs[0]), value_text(diff, row, specs[1])}});
    }
    add_line(diff, &(Line){"sweep.draw",
                           dataset,
                           {protocol_draw(diff->protocols[0], name),
                            protocol_draw(diff->protocols[1], name)}});
}

/* Every dataset that one of the two treats in its own way, once. */
static void add_datasets(Diff *diff)
{
    const Protocol *a = diff->protocols[0], *b = diff->protocols[1];
    for (const ProtocolRow *row = a->rows; row->dataset != NULL; row++)
        add_lines(diff, row->dataset);
    for (const ProtocolRow *row = b->rows; row->dataset != NULL; row++) {
        if (protocol_row(a, row->dataset) == NULL) add_lines(diff, row->dataset);
    }
}

static int wider(int width, const char *text)
{
    int n = (int)strlen(text);
    return n > width ? n : width;
}

/* widths of key, a and b; widths[2] 0: without the column of datasets. */
static void print_line(const Line *line, const int widths[3], FILE *out)
{
    fprintf(out, "%-*s  %-*s  ", widths[0], line->key, widths[1], line->values[0]);
    if (widths[2] == 0) {
        fprintf(out, "%s\n", line->values[1]);
    } else {
        fprintf(out, "%-*s  %s\n", widths[2], line->values[1],
                line->datasets != NULL ? line->datasets : "any");
    }
}

/* The column of datasets is there when some line has one, and none has been asked for. */
static void print_lines(const Diff *diff, const char *dataset, FILE *out)
{
    Line head = {"key", "dataset", {diff->protocols[0]->name, diff->protocols[1]->name}};
    int widths[3] = {wider(0, head.key), wider(0, head.values[0]), wider(0, head.values[1])};
    bool with_datasets = false;
    for (int i = 0; i < diff->n; i++) {
        const Line *line = &diff->lines[i];
        widths[0] = wider(widths[0], line->key);
        for (int k = 0; k < 2; k++) widths[k + 1] = wider(widths[k + 1], line->values[k]);
        with_datasets = with_datasets || (dataset == NULL && line->datasets != NULL);
    }
    if (!with_datasets) widths[2] = 0;
    print_line(&head, widths, out);
    for (int i = 0; i < diff->n; i++) print_line(&diff->lines[i], widths, out);
}

static void print_notes(const Protocol *p, FILE *out)
{
    fprintf(out, "\n%s: %s\n", p->name, p->source);
    for (const char *const *note = p->notes; *note != NULL; note++) fprintf(out, "- %s\n", *note);
}

bool plan_diff(FILE *out, const char *a, const char *b, const char *dataset, Err *err)
{
    Arena *arena = arena_new();
    RunTables tables = method_tables(arena);
    Diff *diff = arena_alloc(arena, 1, sizeof *diff);
    *diff = (Diff){.schema = &run_keys_new(&tables, arena)->schema, .arena = arena};
    bool ok =
        find_protocol(&diff->protocols[0], a, err) && find_protocol(&diff->protocols[1], b, err);
    if (ok) {
        add_lines(diff, dataset);
        if (dataset == NULL) add_datasets(diff);
        print_lines(diff, dataset, out);
        print_notes(diff->protocols[0], out);
        if (diff->protocols[0] != diff->protocols[1]) print_notes(diff->protocols[1], out);
    }
    arena_free(arena);
    return ok;
}
