/* The table walked: defaults, maps, `key=value`, suggestions. Values themselves are in
 * schema_value.c. */
#include "schema.h"

#include "mem.h"
#include "schema_value.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const Schema *schema;
    void *target;
    const char *place;
    ErrCode code;
    Arena *arena;
    Err *err;
    bool *seen; /* one per row */
} Reader;

static bool read_map(Reader *r, const char *prefix, const YamlNode *map);

const SchemaRow *schema_find(const Schema *schema, const char *key)
{
    for (int i = 0; i < schema->n_rows; i++) {
        if (str_equal(schema->rows[i].key, key)) return &schema->rows[i];
    }
    return NULL;
}

/* Comma-separated default of a list, as the YAML list it stands for. */
static YamlNode default_list(const char *text, Arena *arena)
{
    int n = 1;
    for (const char *s = text; *s != '\0'; s++) n += *s == ',';
    YamlNode node = {.kind = YAML_LIST, .items = arena_alloc(arena, (size_t)n, sizeof(YamlNode))};
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *item = arena_strndup(arena, text, length);
        node.items[node.n_items++] = (YamlNode){.kind = YAML_SCALAR, .text = item};
        text += length + (text[length] == ',');
    }
    return node;
}

static void set_default(const SchemaRow *row, void *target, Arena *arena)
{
    bool is_list = row->type == FIELD_TEXT_LIST || row->type == FIELD_NUMBER_LIST;
    const char *text = row->default_text;
    if (row->type == FIELD_NODE) {
        check(text == NULL, "key \"%s\" cannot have a default", row->key);
        *(const YamlNode **)((char *)target + row->offset) = NULL;
        return;
    }
    if (text == NULL && row->type == FIELD_CHOICE) text = row->choices[0];
    if (text == NULL) text = row->type == FIELD_BOOL ? "false" : "";
    YamlNode node = {.kind = YAML_SCALAR, .text = text};
    if (is_list) node = default_list(text, arena);
    if (text[0] == '\0' && (row->type == FIELD_INT || row->type == FIELD_FLOAT)) node.text = "0";
    SchemaRow any = *row; /* the default of a required number may lie outside its range */
    if (row->default_text == NULL) any.low = any.high = 0;
    const YamlNode *bad;
    bool fits = schema_value_read(&any, target, &node, arena, &bad);
    check(fits, "key \"%s\" has the default \"%s\"", row->key, text);
}

void schema_defaults(const Schema *schema, void *target, Arena *arena)
{
    for (int i = 0; i < schema->n_rows; i++) set_default(&schema->rows[i], target, arena);
}

/* "exp.yaml:12: " in a file, "--set " in front of a key of the command line. */
static void add_place(const Reader *r, int line, Str *out)
{
    if (line > 0) {
        str_addf(out, "%s:%d: ", r->place, line);
    } else {
        str_addf(out, "%s ", r->place);
    }
}

static bool fail_with(const Reader *r, Str *message)
{
    err_set(r->err, r->code, "%s", str_text(message));
    str_done(message);
    return false;
}

/* The names that could stand where the last part of `full` stands; *prefix_length is the part
 * before it. */
static const char *nearest_sibling(const Reader *r, const char *full, size_t prefix_length)
{
    const Schema *schema = r->schema;
    const char **names = arena_alloc(r->arena, (size_t)schema->n_rows, sizeof *names);
    int n = 0;
    for (int i = 0; i < schema->n_rows; i++) {
        const char *key = schema->rows[i].key;
        if (strncmp(key, full, prefix_length) != 0) continue;
        const char *part = key + prefix_length;
        names[n++] = arena_strndup(r->arena, part, strcspn(part, "."));
    }
    return str_nearest(full + prefix_length, names, n);
}

/* A key that ends like the one that was found: "method.lr" for "lr" or "train.lr". */
static const char *same_ending(const Reader *r, const char *leaf)
{
    for (int i = 0; i < r->schema->n_rows; i++) {
        const char *dot = strrchr(r->schema->rows[i].key, '.');
        if (dot != NULL && str_equal(dot + 1, leaf)) return r->schema->rows[i].key;
    }
    return NULL;
}

static bool fail_unknown(const Reader *r, const char *full, int line)
{
    const char *dot = strrchr(full, '.');
    size_t prefix_length = dot != NULL ? (size_t)(dot + 1 - full) : 0;
    const char *ending = same_ending(r, full + prefix_length);
    const char *sibling = nearest_sibling(r, full, prefix_length);
    Str message = {0};
    if (line > 0) {
        add_place(r, line, &message);
    } else {
        str_addf(&message, "%s: ", r->place);
    }
    str_addf(&message, "unknown key \"%s\"", full);
    if (sibling != NULL) {
        str_addf(&message, " (did you mean \"%.*s%s\"?)", (int)prefix_length, full, sibling);
    } else if (ending != NULL) {
        str_addf(&message, " (did you mean \"%s\"?)", ending);
    }
    return fail_with(r, &message);
}

static bool fail_value(const Reader *r, const SchemaRow *row, const YamlNode *bad)
{
    Str message = {0};
    add_place(r, bad->line, &message);
    str_addf(&message, "%s: found ", row->key);
    schema_describe_node(bad, &message);
    str_add(&message, ", expected ");
    schema_describe_row(row, &message);
    if (row->type == FIELD_CHOICE && bad->kind == YAML_SCALAR) {
        int n = 0;
        while (row->choices[n] != NULL) n++;
        const char *nearest = str_nearest(bad->text, row->choices, n);
        if (nearest != NULL) str_addf(&message, " (did you mean \"%s\"?)", nearest);
    }
    return fail_with(r, &message);
}

static bool is_section(const Schema *schema, const char *full)
{
    size_t length = strlen(full);
    for (int i = 0; i < schema->n_rows; i++) {
        const char *key = schema->rows[i].key;
        if (strncmp(key, full, length) == 0 && key[length] == '.') return true;
    }
    return false;
}

static bool read_section(Reader *r, const char *full, const YamlNode *node)
{
    bool is_nothing = node->kind == YAML_SCALAR && !node->quoted && node->text[0] == '\0';
    if (is_nothing) return true; /* `train:` with nothing below it */
    if (node->kind == YAML_MAP) return read_map(r, arena_printf(r->arena, "%s.", full), node);
    Str message = {0};
    add_place(r, node->line, &message);
    str_addf(&message, "%s: found ", full);
    schema_describe_node(node, &message);
    str_add(&message, ", expected a map of keys");
    return fail_with(r, &message);
}

static bool read_row(Reader *r, const SchemaRow *row, const YamlNode *node, int line)
{
    bool *seen = &r->seen[row - r->schema->rows];
    if (*seen) {
        Str message = {0};
        add_place(r, line, &message);
        str_addf(&message, "key \"%s\" is given twice", row->key);
        return fail_with(r, &message);
    }
    *seen = true;
    const YamlNode *bad;
    return schema_value_read(row, r->target, node, r->arena, &bad) || fail_value(r, row, bad);
}

static bool read_key(Reader *r, const char *full, const YamlNode *node, int line)
{
    const SchemaRow *row = schema_find(r->schema, full);
    if (row != NULL) return read_row(r, row, node, line);
    if (is_section(r->schema, full)) return read_section(r, full, node);
    return fail_unknown(r, full, line);
}

static bool read_map(Reader *r, const char *prefix, const YamlNode *map)
{
    for (int i = 0; i < map->n_items; i++) {
        const char *full = arena_printf(r->arena, "%s%s", prefix, map->keys[i]);
        if (!read_key(r, full, &map->items[i], map->key_lines[i])) return false;
    }
    return true;
}

bool schema_read(const Schema *schema, void *target, const YamlNode *map, const char *place,
                 Arena *arena, Err *err)
{
    if (map->kind != YAML_MAP) {
        return err_set(err, ERR_FORMAT, "%s:%d: found %s, expected keys with values (key: value)",
                       place, map->line, map->kind == YAML_LIST ? "a list" : "a text");
    }
    bool *seen = mem_alloc((size_t)schema->n_rows, sizeof *seen);
    Reader r = {schema, target, place, ERR_FORMAT, arena, err, seen};
    bool ok = read_map(&r, "", map);
    free(seen);
    return ok;
}

/* Nodes of the command line have no line: the key says where. */
static void forget_lines(YamlNode *node)
{
    node->line = 0;
    for (int i = 0; i < node->n_items; i++) {
        forget_lines(&node->items[i]);
        if (node->kind == YAML_MAP) node->key_lines[i] = 0;
    }
}

bool schema_set(const Schema *schema, void *target, const char *assignment, Arena *arena, Err *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment) {
        return err_set(err, ERR_USAGE, "--set \"%s\": expected key=value", assignment);
    }
    const char *key = arena_strndup(arena, assignment, (size_t)(equals - assignment));
    const char *text = equals + 1;
    YamlNode nothing = {.kind = YAML_SCALAR, .text = ""}, *node = &nothing;
    if (*text != '\0' && !yaml_parse(&node, text, strlen(text), "--set", arena, err)) {
        bool needs_quotes = strchr("*&!%@`", *text) != NULL;
        return err_set(err, ERR_USAGE, "--set %s: found \"%s\", expected a value in YAML%s", key,
                       text, needs_quotes ? ", which quotes it: '\"...\"'" : "");
    }
    forget_lines(node);
    bool *seen = mem_alloc((size_t)schema->n_rows, sizeof *seen);
    Reader r = {schema, target, "--set", ERR_USAGE, arena, err, seen};
    bool ok = read_key(&r, key, node, 0);
    free(seen);
    return ok;
}

static bool is_missing(const SchemaRow *row, const void *target)
{
    const char *field = (const char *)target + row->offset;
    if (row->type == FIELD_TEXT) return (*(char *const *)(const void *)field)[0] == '\0';
    if (row->type == FIELD_TEXT_LIST) return ((const TextList *)(const void *)field)->n == 0;
    if (row->type == FIELD_NUMBER_LIST) return ((const NumberList *)(const void *)field)->n == 0;
    return false;
}

bool schema_complete(const Schema *schema, const void *target, const char *place, Err *err)
{
    for (int i = 0; i < schema->n_rows; i++) {
        const SchemaRow *row = &schema->rows[i];
        if (!(row->flags & FIELD_REQUIRED) || !is_missing(row, target)) continue;
        return err_set(err, ERR_FORMAT, "%s: missing key \"%s\" (%s)", place, row->key, row->help);
    }
    return true;
}
