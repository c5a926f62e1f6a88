/* libyaml's events gathered into a tree. Children wait on one scratch stack until their list or map
 * closes. */
#include "yaml_tree.h"

#include "file.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { STACK_AT_START = 64 };

typedef struct {
    const char *key; /* NULL in lists */
    int key_line;
    YamlNode node;
} Entry;

typedef struct {
    yaml_parser_t yaml;
    const char *text, *place;
    size_t n_bytes;
    Arena *arena;
    Err *err;
    Entry *stack;
    size_t n, capacity; /* of stack */
    int n_nodes;
} Reader;

static bool read_node(Reader *r, yaml_event_t *event, YamlNode *out, int depth);

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static int line_at_offset(const Reader *r, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < r->n_bytes; i++) line += r->text[i] == '\n';
    return line;
}

/* libyaml says "cannot start any token" about a tab in the indentation; people need to hear "tab".
 */
static bool line_begins_with_tab(const Reader *r, int line)
{
    size_t i = 0;
    for (int at = 1; at < line && i < r->n_bytes; i++) at += r->text[i] == '\n';
    while (i < r->n_bytes && r->text[i] == ' ') i++;
    return i < r->n_bytes && r->text[i] == '\t';
}

static bool fail_syntax(Reader *r)
{
    const yaml_parser_t *yaml = &r->yaml;
    if (yaml->error == YAML_READER_ERROR) {
        return err_set(r->err, ERR_FORMAT, "%s:%d: %s, expected text in UTF-8", r->place,
                       line_at_offset(r, yaml->problem_offset), yaml->problem);
    }
    int line = (int)yaml->problem_mark.line + 1;
    if (line_begins_with_tab(r, line)) {
        return err_set(r->err, ERR_FORMAT, "%s:%d: found a tab, expected spaces as indentation",
                       r->place, line);
    }
    bool has_context = yaml->context != NULL;
    return err_set(r->err, ERR_FORMAT, "%s:%d: not valid YAML: %s%s%s", r->place, line,
                   yaml->problem != NULL ? yaml->problem : "cannot be read", has_context ? " " : "",
                   has_context ? yaml->context : "");
}

static bool next_event(Reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->yaml, event) || fail_syntax(r);
}

static bool refuse(Reader *r, int line, const char *found)
{
    return err_set(r->err, ERR_FORMAT, "%s:%d: found %s, which is not supported here", r->place,
                   line, found);
}

static bool check_plain(Reader *r, int line, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) return refuse(r, line, "an anchor (&)");
    if (tag != NULL) return refuse(r, line, "a tag (!)");
    return true;
}

static bool copy_scalar(Reader *r, const yaml_event_t *event, const char **out)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length) != NULL) {
        return refuse(r, line_of(event), "a NUL character in a text");
    }
    if (!check_plain(r, line_of(event), event->data.scalar.anchor, event->data.scalar.tag)) {
        return false;
    }
    *out = arena_strndup(r->arena, value, length);
    return true;
}

static void push(Reader *r, const char *key, int key_line, const YamlNode *node)
{
    mem_reserve(r->stack, r->capacity, r->n + 1);
    r->stack[r->n++] = (Entry){key, key_line, *node};
}

static int compare_keys(const void *a, const void *b)
{
    const Entry *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    if (order != 0) return order;
    return (*x > *y) - (*x < *y);
}

static bool check_duplicates(Reader *r, const Entry *entries, size_t n)
{
    const Entry **sorted = mem_alloc(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &entries[i];
    if (n > 1) qsort(sorted, n, sizeof *sorted, compare_keys);
    bool ok = true;
    for (size_t i = 1; ok && i < n; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) != 0) continue;
        ok = err_set(r->err, ERR_FORMAT, "%s:%d: key \"%s\" is given twice (first in line %d)",
                     r->place, sorted[i]->key_line, sorted[i]->key, sorted[i - 1]->key_line);
    }
    free(sorted);
    return ok;
}

/* Moves the entries above `base` from the scratch stack into the node. */
static void close_items(Reader *r, size_t base, YamlNode *out)
{
    size_t n = r->n - base;
    const Entry *entries = r->stack + base;
    out->n_items = (int)n;
    out->items = arena_alloc(r->arena, n, sizeof *out->items);
    for (size_t i = 0; i < n; i++) out->items[i] = entries[i].node;
    if (out->kind == YAML_MAP) {
        out->keys = arena_alloc(r->arena, n, sizeof *out->keys);
        out->key_lines = arena_alloc(r->arena, n, sizeof *out->key_lines);
        for (size_t i = 0; i < n; i++) out->keys[i] = entries[i].key;
        for (size_t i = 0; i < n; i++) out->key_lines[i] = entries[i].key_line;
    }
    r->n = base;
}

static bool read_list(Reader *r, YamlNode *out, int depth)
{
    size_t base = r->n;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) break;
        YamlNode node;
        if (!read_node(r, &event, &node, depth + 1)) return false;
        push(r, NULL, 0, &node);
    }
    close_items(r, base, out);
    return true;
}

static bool read_key(Reader *r, yaml_event_t *event, const char **out)
{
    bool ok = event->type == YAML_SCALAR_EVENT
                  ? copy_scalar(r, event, out)
                  : refuse(r, line_of(event), "a list, map or alias as a key");
    if (ok && (*out)[0] == '\0') ok = refuse(r, line_of(event), "an empty key");
    yaml_event_delete(event);
    return ok;
}

static bool read_map(Reader *r, YamlNode *out, int depth)
{
    size_t base = r->n;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) return false;
        if (event.type == YAML_MAPPING_END_EVENT) break;
        int key_line = line_of(&event);
        const char *key;
        YamlNode node;
        if (!read_key(r, &event, &key) || !next_event(r, &event) ||
            !read_node(r, &event, &node, depth + 1)) {
            return false;
        }
        push(r, key, key_line, &node);
    }
    if (!check_duplicates(r, r->stack + base, r->n - base)) return false;
    close_items(r, base, out);
    return true;
}

static bool read_scalar(Reader *r, const yaml_event_t *event, YamlNode *out)
{
    out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return copy_scalar(r, event, &out->text);
}

static bool check_limits(Reader *r, int line, int depth)
{
    if (depth > YAML_MAX_DEPTH) {
        return err_set(r->err, ERR_FORMAT, "%s:%d: nested deeper than %d levels", r->place, line,
                       YAML_MAX_DEPTH);
    }
    if (++r->n_nodes > YAML_MAX_NODES) {
        return err_set(r->err, ERR_FORMAT, "%s:%d: more than %d values", r->place, line,
                       YAML_MAX_NODES);
    }
    return true;
}

/* Takes over the event. */
static bool read_node(Reader *r, yaml_event_t *event, YamlNode *out, int depth)
{
    yaml_event_type_t type = event->type;
    *out = (YamlNode){.line = line_of(event)};
    bool ok = check_limits(r, out->line, depth);
    if (ok && type == YAML_ALIAS_EVENT) {
        ok = refuse(r, out->line, "an alias (*)");
    } else if (ok && type == YAML_SCALAR_EVENT) {
        ok = read_scalar(r, event, out);
    } else if (ok && type == YAML_SEQUENCE_START_EVENT) {
        out->kind = YAML_LIST;
        ok = check_plain(r, out->line, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
    } else if (ok) {
        out->kind = YAML_MAP;
        ok = check_plain(r, out->line, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
    }
    yaml_event_delete(event);
    if (!ok || out->kind == YAML_SCALAR) return ok;
    return out->kind == YAML_LIST ? read_list(r, out, depth) : read_map(r, out, depth);
}

/* After the first document only its end and the end of the stream may come. */
static bool check_single(Reader *r)
{
    yaml_event_t event;
    if (!next_event(r, &event)) return false;
    yaml_event_delete(&event);
    if (!next_event(r, &event)) return false;
    bool ok = event.type == YAML_STREAM_END_EVENT ||
              refuse(r, line_of(&event), "a second document (---)");
    yaml_event_delete(&event);
    return ok;
}

static bool read_stream(Reader *r, YamlNode *root)
{
    yaml_event_t event;
    *root = (YamlNode){.kind = YAML_MAP, .line = 1};
    if (!next_event(r, &event)) return false; /* the start of the stream */
    yaml_event_delete(&event);
    if (!next_event(r, &event)) return false;
    bool is_empty = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
    if (is_empty) return true;
    if (!next_event(r, &event) || !read_node(r, &event, root, 1)) return false;
    bool is_nothing = root->text != NULL && !root->quoted && root->text[0] == '\0';
    if (is_nothing) *root = (YamlNode){.kind = YAML_MAP, .line = 1};
    return check_single(r);
}

bool yaml_parse(YamlNode **out, const char *text, size_t n_bytes, const char *place, Arena *arena,
                Err *err)
{
    if (n_bytes > YAML_MAX_BYTES) {
        return err_set(err, ERR_FORMAT, "%s: %zu bytes, expected at most %d", place, n_bytes,
                       YAML_MAX_BYTES);
    }
    Reader r = {.text = text, .place = place, .n_bytes = n_bytes, .arena = arena, .err = err};
    const char *nul = n_bytes > 0 ? memchr(text, '\0', n_bytes) : NULL;
    if (nul != NULL) {
        return err_set(err, ERR_FORMAT, "%s:%d: found a NUL byte, expected text in UTF-8", place,
                       line_at_offset(&r, (size_t)(nul - text)));
    }
    check(yaml_parser_initialize(&r.yaml), "out of memory for a YAML parser of %zu bytes", n_bytes);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, n_bytes);
    mem_reserve(r.stack, r.capacity, STACK_AT_START);
    YamlNode *root = arena_alloc(arena, 1, sizeof *root);
    bool ok = read_stream(&r, root);
    yaml_parser_delete(&r.yaml);
    free(r.stack);
    if (ok) *out = root;
    return ok;
}

bool yaml_parse_file(YamlNode **out, const char *path, Arena *arena, Err *err)
{
    char *text;
    size_t n_bytes;
    if (!file_read(&text, &n_bytes, path, YAML_MAX_BYTES, err)) return false;
    bool ok = yaml_parse(out, text, n_bytes, path, arena, err);
    free(text);
    return ok;
}

const YamlNode *yaml_find(const YamlNode *map, const char *key)
{
    check(map->kind == YAML_MAP, "looking for \"%s\" in node kind %d", key, (int)map->kind);
    for (int i = 0; i < map->n_items; i++) {
        if (strcmp(map->keys[i], key) == 0) return &map->items[i];
    }
    return NULL;
}
