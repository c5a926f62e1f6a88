/* Lines of JSON as Python writes them, looked at before a JSON parser does. */
#ifndef RESULTS_JSON_LINE_H
#define RESULTS_JSON_LINE_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* A piece of a line; text NULL: none. */
typedef struct {
    const char *text;
    size_t n;
} JsonPiece;

bool json_piece_equal(JsonPiece a, JsonPiece b); /* two that are none are not */

/* The object {...} that is the value of the member `name` of the line's outermost object. */
JsonPiece json_line_object(const char *line, size_t n, const char *name);

/* Appends line[0..n) with the bare words NaN, Infinity and -Infinity outside strings as null. */
void json_line_add_legal(Str *out, const char *line, size_t n);

/* False: the line holds none of these words. */
bool json_line_may_be_illegal(const char *line, size_t n);

#endif
