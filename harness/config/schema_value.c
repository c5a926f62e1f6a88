/* Values of a schema: YAML node -> field of a struct, field -> text. */
#include "schema_value.h"

#include "json_text.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { FOUND_MAX_BYTES = 80 }; /* of a text shown in a message */

static void *field_of(const SchemaRow *row, void *target)
{
    return (char *)target + row->offset;
}

static const void *const_field_of(const SchemaRow *row, const void *target)
{
    return (const char *)target + row->offset;
}

static bool has_range(const SchemaRow *row)
{
    return row->low != 0 || row->high != 0;
}

static bool in_range(const SchemaRow *row, double value)
{
    return !has_range(row) || (value >= row->low && value <= row->high);
}

static bool is_empty(const YamlNode *node)
{
    return node->kind == YAML_SCALAR && !node->quoted && node->text[0] == '\0';
}

/* An unquoted scalar made of these characters only; keeps strtod's hexadecimal, "inf" and "nan"
 * out. */
static bool is_made_of(const YamlNode *node, const char *characters)
{
    return node->kind == YAML_SCALAR && !node->quoted && node->text[0] != '\0' &&
           node->text[strspn(node->text, characters)] == '\0';
}

static bool read_bool(bool *out, const YamlNode *node)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};
    if (node->kind != YAML_SCALAR || node->quoted) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(node->text, words[i].word) != 0) continue;
        *out = words[i].value;
        return true;
    }
    return false;
}

static bool read_int(const SchemaRow *row, int64_t *out, const YamlNode *node)
{
    long long value;
    if (!is_made_of(node, "0123456789+-") || !str_to_int64(node->text, &value)) return false;
    if (!in_range(row, (double)value)) return false;
    *out = value;
    return true;
}

static bool read_float(const SchemaRow *row, double *out, const YamlNode *node)
{
    double value;
    if (!is_made_of(node, "0123456789+-.eE") || !str_to_double(node->text, &value)) return false;
    if (!in_range(row, value)) return false;
    *out = value;
    return true;
}

static bool read_choice(const SchemaRow *row, int *out, const YamlNode *node)
{
    if (node->kind != YAML_SCALAR) return false;
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (!str_equal(row->choices[i], node->text)) continue;
        *out = i;
        return true;
    }
    return false;
}

/* A list's items; a scalar is a list of one, an empty one a list of none. NULL for a map. */
static const YamlNode *list_items(const YamlNode *node, int *n)
{
    *n = node->kind == YAML_LIST ? node->n_items : is_empty(node) ? 0 : 1;
    if (node->kind == YAML_MAP) return NULL;
    return node->kind == YAML_LIST ? node->items : node;
}

static bool read_text_list(TextList *out, const YamlNode *node, Arena *arena, const YamlNode **bad)
{
    int n;
    const YamlNode *items = list_items(node, &n);
    if (items == NULL) return false;
    TextList list = {arena_alloc(arena, (size_t)n, sizeof *list.items), n};
    for (int i = 0; i < n; i++) {
        *bad = &items[i];
        if (items[i].kind != YAML_SCALAR) return false;
        list.items[i] = arena_strdup(arena, items[i].text);
    }
    *out = list;
    return true;
}

static bool read_number_list(const SchemaRow *row, NumberList *out, const YamlNode *node,
                             Arena *arena, const YamlNode **bad)
{
    int n;
    const YamlNode *items = list_items(node, &n);
    if (items == NULL) return false;
    NumberList list = {arena_alloc(arena, (size_t)n, sizeof *list.items), n};
    for (int i = 0; i < n; i++) {
        *bad = &items[i];
        if (!read_float(row, &list.items[i], &items[i])) return false;
    }
    *out = list;
    return true;
}

bool schema_value_read(const SchemaRow *row, void *target, const YamlNode *node, Arena *arena,
                       const YamlNode **bad)
{
    void *field = field_of(row, target);
    *bad = node;
    switch (row->type) {
    case FIELD_BOOL:
        return read_bool(field, node);
    case FIELD_INT:
        return read_int(row, field, node);
    case FIELD_FLOAT:
        return read_float(row, field, node);
    case FIELD_TEXT:
        if (node->kind != YAML_SCALAR) return false;
        *(char **)field = arena_strdup(arena, node->text);
        return true;
    case FIELD_CHOICE:
        return read_choice(row, field, node);
    case FIELD_TEXT_LIST:
        return read_text_list(field, node, arena, bad);
    case FIELD_NUMBER_LIST:
        return read_number_list(row, field, node, arena, bad);
    case FIELD_NODE:
        *(const YamlNode **)field = node;
        return true;
    }
    check(false, "row \"%s\" has type %d", row->key, (int)row->type);
    return false;
}

void schema_describe_node(const YamlNode *node, Str *out)
{
    if (node->kind == YAML_LIST) {
        str_add(out, "a list");
    } else if (node->kind == YAML_MAP) {
        str_add(out, "a map");
    } else if (is_empty(node)) {
        str_add(out, "nothing");
    } else {
        bool is_long = strlen(node->text) > FOUND_MAX_BYTES;
        str_addf(out, "\"%.*s%s\"", (int)FOUND_MAX_BYTES, node->text, is_long ? "..." : "");
    }
}

static void describe_range(const SchemaRow *row, Str *out)
{
    if (!has_range(row)) return;
    str_add(out, isinf(row->high) ? " of at least " : " from ");
    json_add_number(out, row->low);
    if (isinf(row->high)) return;
    str_add(out, " to ");
    json_add_number(out, row->high);
}

void schema_describe_row(const SchemaRow *row, Str *out)
{
    static const char *const kinds[] = {
        [FIELD_BOOL] = "true or false",
        [FIELD_INT] = "a whole number",
        [FIELD_FLOAT] = "a number",
        [FIELD_TEXT] = "a text",
        [FIELD_CHOICE] = "one of ",
        [FIELD_TEXT_LIST] = "a list of texts",
        [FIELD_NUMBER_LIST] = "a list of numbers",
        [FIELD_NODE] = "YAML",
    };
    str_add(out, kinds[row->type]);
    for (int i = 0; row->type == FIELD_CHOICE && row->choices[i] != NULL; i++) {
        str_addf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
    }
    describe_range(row, out);
}

/* Written without quotes when no YAML reader could take it for anything but this text. */
static void add_yaml_text(const char *text, Str *out)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./";
    bool plain = text[0] != '\0' && strchr(safe, text[0]) != NULL &&
                 text[strcspn(text, "\"'#,:[]{}&*!|>%@`\\? \t\r\n")] == '\0';
    for (const char *s = text; plain && *s != '\0'; s++) plain = *s > 0x20 && *s < 0x7f;
    if (plain) {
        str_add(out, text);
    } else {
        json_add_text(out, text);
    }
}

static void add_text(const char *text, bool as_json, Str *out)
{
    if (as_json) {
        json_add_text(out, text);
    } else {
        add_yaml_text(text, out);
    }
}

static void add_list(const SchemaRow *row, const void *field, bool as_json, Str *out)
{
    bool is_text = row->type == FIELD_TEXT_LIST;
    const TextList *texts = field;
    const NumberList *numbers = field;
    int n = is_text ? texts->n : numbers->n;
    str_add(out, "[");
    for (int i = 0; i < n; i++) {
        if (i > 0) str_add(out, as_json ? "," : ", ");
        if (is_text) {
            add_text(texts->items[i], as_json, out);
        } else {
            json_add_number(out, numbers->items[i]);
        }
    }
    str_add(out, "]");
}

static void add_value(const SchemaRow *row, const void *target, bool as_json, Str *out)
{
    const void *field = const_field_of(row, target);
    switch (row->type) {
    case FIELD_BOOL:
        str_add(out, *(const bool *)field ? "true" : "false");
        break;
    case FIELD_INT:
        str_addf(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case FIELD_FLOAT:
        json_add_number(out, *(const double *)field);
        break;
    case FIELD_TEXT:
        add_text(*(char *const *)field, as_json, out);
        break;
    case FIELD_CHOICE:
        add_text(row->choices[*(const int *)field], as_json, out);
        break;
    case FIELD_TEXT_LIST:
    case FIELD_NUMBER_LIST:
        add_list(row, field, as_json, out);
        break;
    case FIELD_NODE:
        break;
    }
}

void schema_value_json(const SchemaRow *row, const void *target, Str *out)
{
    add_value(row, target, true, out);
}

void schema_value_text(const SchemaRow *row, const void *target, Str *out)
{
    add_value(row, target, false, out);
}

double schema_number(const SchemaRow *row, const void *target)
{
    const void *field = const_field_of(row, target);
    switch (row->type) {
    case FIELD_BOOL:
        return *(const bool *)field;
    case FIELD_INT:
        return (double)*(const int64_t *)field;
    case FIELD_FLOAT:
        return *(const double *)field;
    case FIELD_CHOICE:
        return *(const int *)field;
    case FIELD_TEXT:
    case FIELD_TEXT_LIST:
    case FIELD_NUMBER_LIST:
    case FIELD_NODE:
        break;
    }
    check(false, "row \"%s\" of type %d is no number", row->key, (int)row->type);
    return 0;
}
