/* YAML text as a tree of scalars, lists and maps that remembers line numbers, for messages that
 * name the place. Everything lives in the caller's arena. Aliases, tags and multiple documents are
 * refused; duplicate keys are an error; depth, size and number of nodes are limited (YAML_MAX_...),
 * so hostile input cannot exhaust memory. Text is UTF-8 without NUL bytes. JSON is YAML, so JSON is
 * read here too.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "arena.h"
#include "err.h"

enum { YAML_MAX_DEPTH = 32, YAML_MAX_BYTES = 16 << 20, YAML_MAX_NODES = 1 << 18 };

typedef enum { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;

typedef struct YamlNode YamlNode;
struct YamlNode {
    YamlKind kind;
    int line;    /* 1-based line where the node begins */
    bool quoted; /* scalar: written in quotes or as a block, so it is text even if it looks like a
                    number */
    const char *text;  /* scalar: its text; "" for an empty one; NULL for lists and maps */
    int n_items;       /* list, map */
    YamlNode *items;   /* list: n_items values; map: n_items values in file order */
    const char **keys; /* map: n_items keys; NULL for lists */
    int *key_lines;    /* map: the line of each key */
};

/* place names the input in messages ("exp.yaml"). An empty document is an empty map. */
MUST_USE bool yaml_parse(YamlNode **out, const char *text, size_t n_bytes, const char *place,
                         Arena *arena, Err *err);
MUST_USE bool yaml_parse_file(YamlNode **out, const char *path, Arena *arena, Err *err);

/* The value at key of a map, or NULL. */
const YamlNode *yaml_find(const YamlNode *map, const char *key);

#endif
