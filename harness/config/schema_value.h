/* One value of a schema: from a YAML node into its field, and back to text. Inside harness/config
 * only; everybody else includes schema.h. */
#ifndef CONFIG_SCHEMA_VALUE_H
#define CONFIG_SCHEMA_VALUE_H

#include "schema.h"

/* Reads node into the row's field of target. On failure returns false and points *bad to the node
 * (node itself or an item of it) that does not fit. */
MUST_USE bool schema_value_read(const SchemaRow *row, void *target, const YamlNode *node,
                                Arena *arena, const YamlNode **bad);

/* Appends what a node is, for messages: "abc" (in quotes), nothing, a list, a map. */
void schema_describe_node(const YamlNode *node, Str *out);

/* Appends what the row takes, for messages and the reference: a whole number from 1 to 10. */
void schema_describe_row(const SchemaRow *row, Str *out);

/* Appends the value as JSON (schema_value_text in schema.h appends it as YAML). */
void schema_value_json(const SchemaRow *row, const void *target, Str *out);

#endif
