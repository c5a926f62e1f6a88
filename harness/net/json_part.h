/* Reading JSON objects: values of a known type, or one line that says where something else is.
 *
 *     JsonPart cfg = {.object = root, .place = "m/config.json", .path = ""};
 *     int width = 768;
 *     if (!json_part_int(&cfg, "width", &width, err)) return false; // missing or null: stays 768
 */
#ifndef NET_JSON_PART_H
#define NET_JSON_PART_H

#include "err.h"

#include <jansson.h>

typedef struct {
    json_t *object; /* borrowed */
    const char *place,
        *path; /* file, and where the object is in it: "vision_cfg."; "" at the top */
} JsonPart;

/* A value that is missing or null leaves *value as it is; one of another type is an error. */
MUST_USE bool json_part_int(const JsonPart *p, const char *key, int *value, Err *err);
MUST_USE bool json_part_real(const JsonPart *p, const char *key, double *value, Err *err);
MUST_USE bool json_part_bool(const JsonPart *p, const char *key, bool *value, Err *err);
MUST_USE bool json_part_text(const JsonPart *p, const char *key, const char **value, Err *err);
MUST_USE bool json_part_reals(const JsonPart *p, const char *key, double *values, int n, Err *err);

/* An integer, or an array or object whose integers are all the same: {"height": 32, "width": 32}.
 */
MUST_USE bool json_part_side(const JsonPart *p, const char *key, int *value, Err *err);

/* The object under key; path is that of the result. Missing: error. */
MUST_USE bool json_part_object(const JsonPart *p, const char *key, const char *path, JsonPart *out,
                               Err *err);

/* A key that is not among known[0..n) and whose value is neither null nor false: error. */
MUST_USE bool json_part_only(const JsonPart *p, const char *const *known, int n, Err *err);

/* For other values: "place: path.key: <what>". Returns false. */
bool json_part_error(const JsonPart *p, const char *key, const char *what, Err *err);

#endif
