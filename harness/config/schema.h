/* ONE way from YAML (or `--set key=value`) to a C struct: a table with a row per key. Used for
 * experiment files (run_spec.h) and for dataset descriptors (datasets/descriptor.h).
 *
 *     typedef struct { char *name; int64_t steps; double lr; TextList held_out; } Thing;
 *     static const SchemaRow rows[] = {
 *         {.key = "name", .type = FIELD_TEXT, .offset = offsetof(Thing, name), .flags =
 * FIELD_REQUIRED, .help = "name of the experiment"},
 *         {.key = "train.steps", .type = FIELD_INT, .offset = offsetof(Thing, steps), .default_text
 * = "5001", .low = 1, .high = 1e9, .help = "optimiser steps"},
 *     };
 *     Schema schema = {rows, 2};
 *
 * A dot in a key is nesting in YAML: `train:` / `  steps: 100`. Unknown key, wrong type, out of
 * range, unknown choice: one line with place, what was found, what was expected, and the nearest
 * name when there is one: exp.yaml:12: unknown key "lamda" (did you mean "lambda"?)
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "arena.h"
#include "err.h"
#include "str.h"
#include "yaml_tree.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    char **items;
    int n;
} TextList;

typedef struct {
    double *items;
    int n;
} NumberList;

typedef enum {
    FIELD_BOOL,      /* bool: true/false/yes/no/on/off */
    FIELD_INT,       /* int64_t */
    FIELD_FLOAT,     /* double */
    FIELD_TEXT,      /* char * in the arena; never NULL ("" by default) */
    FIELD_CHOICE,    /* int: index into choices[] */
    FIELD_TEXT_LIST, /* TextList; a single scalar is a list of one; default_text is comma-separated
                      */
    FIELD_NUMBER_LIST, /* NumberList */
    FIELD_NODE /* const YamlNode *: any YAML, kept as it is for the caller to read; NULL when not
                  given; never in JSON */
} FieldType;

enum {
    FIELD_REQUIRED = 1, /* no default: has to be given */
    FIELD_NOT_IDENTITY =
        2 /* says where and how, not what: left out of schema_to_json's identity form */
};

typedef struct {
    const char *key; /* dotted */
    FieldType type;
    unsigned flags;
    size_t offset;
    const char *default_text;   /* NULL: zero, "", empty */
    double low, high;           /* numbers: allowed range, both ends in; low == high == 0: any */
    const char *const *choices; /* FIELD_CHOICE: NULL-terminated names */
    const char *help;           /* one line, for `--help` and the manual */
} SchemaRow;

typedef struct {
    const SchemaRow *rows;
    int n_rows;
} Schema;

/* Fills every field of `target` with its default. Rows whose default_text does not fit their own
 * type are our bug. */
void schema_defaults(const Schema *schema, void *target, Arena *arena);

/* Reads a map into target; keys not given keep what is there. `place` is the file's name for
 * messages. */
MUST_USE bool schema_read(const Schema *schema, void *target, const YamlNode *map,
                          const char *place, Arena *arena, Err *err);

/* One `key=value` (from --set); value is YAML flow syntax, so lists are [a, b]. */
MUST_USE bool schema_set(const Schema *schema, void *target, const char *assignment, Arena *arena,
                         Err *err);

/* Fails when a FIELD_REQUIRED text or list is still empty. */
MUST_USE bool schema_complete(const Schema *schema, const void *target, const char *place,
                              Err *err);

/* Canonical JSON: keys sorted, nested by dots, numbers with 17 significant digits where needed, no
 * spaces. identity_only leaves out FIELD_NOT_IDENTITY rows, and rows that have their default, so
 * that a key added later changes nothing that was stored before. (That is why a default, once
 * released, never changes.) Appends to out. */
void schema_to_json(const Schema *schema, const void *target, bool identity_only, Str *out);

/* The value of one row as text, as YAML would write it (for tables of hyper-parameters and `plan`).
 */
void schema_value_text(const SchemaRow *row, const void *target, Str *out);

const SchemaRow *schema_find(const Schema *schema, const char *key); /* NULL when there is none */

/* The row's value of a FIELD_BOOL, FIELD_INT, FIELD_FLOAT or FIELD_CHOICE as a number (for tables
 * of numbers). */
double schema_number(const SchemaRow *row, const void *target);

/* The whole schema as a reference for people: key, type or choices, default, range, help; one key a
 * paragraph. */
void schema_print(const Schema *schema, FILE *out);

#endif
