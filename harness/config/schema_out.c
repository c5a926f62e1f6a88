/* A schema written out: canonical JSON of a struct, and the reference of all keys. */
#include "mem.h"
#include "schema.h"
#include "schema_value.h"

#include <stdlib.h>
#include <string.h>

/* Order of nested, sorted keys: by parts, and a part before the longer parts that begin with it
 * ("a.b" < "a-b"). */
static int compare_rows(const void *a, const void *b)
{
    const char *x = (*(const SchemaRow *const *)a)->key, *y = (*(const SchemaRow *const *)b)->key;
    while (*x != '\0' && *x == *y) {
        x++;
        y++;
    }
    int cx = *x == '.' ? 1 : (unsigned char)*x, cy = *y == '.' ? 1 : (unsigned char)*y;
    return cx - cy;
}

/* Length of the sections (with their dots) that both keys have in common. */
static size_t common_sections(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++) {
        if (a[i] == '.') common = i + 1;
    }
    return common;
}

static void close_sections(const char *key, size_t keep, Str *out)
{
    for (const char *s = key + keep; *s != '\0'; s++) {
        if (*s == '.') str_add(out, "}");
    }
}

static void open_sections(const char *key, size_t from, Str *out)
{
    const char *part = key + from;
    for (const char *dot; (dot = strchr(part, '.')) != NULL; part = dot + 1) {
        str_addf(out, "\"%.*s\":{", (int)(dot - part), part);
    }
    str_addf(out, "\"%s\":", part);
}

static bool has_default(const SchemaRow *row, const void *target, const void *defaults)
{
    Str value = {0}, standard = {0};
    schema_value_json(row, target, &value);
    schema_value_json(row, defaults, &standard);
    bool same = str_equal(str_text(&value), str_text(&standard));
    str_done(&value);
    str_done(&standard);
    return same;
}

/* Rows that belong to the identity: what the struct is, where it is not as it would be anyway. */
static int identity_rows(const SchemaRow **rows, const Schema *schema, const void *target)
{
    enum { LARGEST_FIELD = 64 };
    size_t size = 0;
    for (int i = 0; i < schema->n_rows; i++) {
        size_t end = schema->rows[i].offset + LARGEST_FIELD;
        if (end > size) size = end;
    }
    Arena *arena = arena_new();
    void *defaults = arena_alloc(arena, size, 1);
    schema_defaults(schema, defaults, arena);
    int n = 0;
    for (int i = 0; i < schema->n_rows; i++) {
        const SchemaRow *row = &schema->rows[i];
        if (row->type == FIELD_NODE || (row->flags & FIELD_NOT_IDENTITY)) continue;
        if (!has_default(row, target, defaults)) rows[n++] = row;
    }
    arena_free(arena);
    return n;
}

static int all_rows(const SchemaRow **rows, const Schema *schema)
{
    int n = 0;
    for (int i = 0; i < schema->n_rows; i++) {
        if (schema->rows[i].type != FIELD_NODE) rows[n++] = &schema->rows[i];
    }
    return n;
}

void schema_to_json(const Schema *schema, const void *target, bool identity_only, Str *out)
{
    const SchemaRow **rows = mem_alloc((size_t)schema->n_rows, sizeof *rows);
    int n = identity_only ? identity_rows(rows, schema, target) : all_rows(rows, schema);
    if (n > 0) qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    const char *last = "";
    str_add(out, "{");
    for (int i = 0; i < n; i++) {
        size_t common = common_sections(last, rows[i]->key);
        close_sections(last, common, out);
        if (i > 0) str_add(out, ",");
        open_sections(rows[i]->key, common, out);
        schema_value_json(rows[i], target, out);
        last = rows[i]->key;
    }
    close_sections(last, 0, out);
    str_add(out, "}");
    free(rows);
}

static void add_default(const SchemaRow *row, Str *out)
{
    const char *text = row->default_text;
    if (text == NULL && row->type == FIELD_CHOICE) text = row->choices[0];
    if (row->flags & FIELD_REQUIRED) {
        str_add(out, "; required");
    } else if (text != NULL && text[0] != '\0') {
        str_addf(out, "; default %s", text);
    }
}

void schema_print(const Schema *schema, FILE *out)
{
    Str line = {0};
    for (int i = 0; i < schema->n_rows; i++) {
        const SchemaRow *row = &schema->rows[i];
        str_clear(&line);
        schema_describe_row(row, &line);
        add_default(row, &line);
        fprintf(out, "%-26s %s\n    %s\n", row->key, str_text(&line), row->help);
    }
    str_done(&line);
}
