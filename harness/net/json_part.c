/* Typed reading of JSON objects. */
#include "json_part.h"

#include "str.h"

#include <limits.h>
#include <math.h>

bool json_part_error(const JsonPart *p, const char *key, const char *what, Err *err)
{
    return err_set(err, ERR_FORMAT, "%s: %s%.60s: %s", p->place, p->path, key, what);
}

/* NULL when missing or null. */
static const json_t *find(const JsonPart *p, const char *key)
{
    const json_t *v = json_object_get(p->object, key);
    return v == NULL || json_is_null(v) ? NULL : v;
}

static bool to_int(const json_t *v, int *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < INT_MIN || json_integer_value(v) > INT_MAX) {
        return false;
    }
    *out = (int)json_integer_value(v);
    return true;
}

bool json_part_int(const JsonPart *p, const char *key, int *value, Err *err)
{
    const json_t *v = find(p, key);
    if (v == NULL || to_int(v, value)) return true;
    return json_part_error(p, key, "expected a whole number", err);
}

bool json_part_real(const JsonPart *p, const char *key, double *value, Err *err)
{
    const json_t *v = find(p, key);
    if (v == NULL) return true;
    if (!json_is_number(v)) return json_part_error(p, key, "expected a number", err);
    *value = json_number_value(v);
    return true;
}

bool json_part_bool(const JsonPart *p, const char *key, bool *value, Err *err)
{
    const json_t *v = find(p, key);
    if (v == NULL) return true;
    if (!json_is_boolean(v)) return json_part_error(p, key, "expected true or false", err);
    *value = json_is_true(v);
    return true;
}

bool json_part_text(const JsonPart *p, const char *key, const char **value, Err *err)
{
    const json_t *v = find(p, key);
    if (v == NULL) return true;
    if (!json_is_string(v)) return json_part_error(p, key, "expected a text", err);
    *value = json_string_value(v);
    return true;
}

bool json_part_reals(const JsonPart *p, const char *key, double *values, int n, Err *err)
{
    const json_t *v = find(p, key);
    if (v == NULL) return true;
    bool ok = json_is_array(v) && json_array_size(v) == (size_t)n;
    for (int i = 0; ok && i < n; i++) ok = json_is_number(json_array_get(v, (size_t)i));
    if (!ok) {
        return err_set(err, ERR_FORMAT, "%s: %s%s: expected %d numbers", p->place, p->path, key, n);
    }
    for (int i = 0; i < n; i++) values[i] = json_number_value(json_array_get(v, (size_t)i));
    return true;
}

/* *side is 0 at first, then what all have to be. */
static bool same_side(const json_t *v, int *side)
{
    int found;
    if (!to_int(v, &found) || (*side != 0 && found != *side)) return false;
    *side = found;
    return true;
}

bool json_part_side(const JsonPart *p, const char *key, int *value, Err *err)
{
    json_t *v = json_object_get(p->object, key);
    if (v == NULL || json_is_null(v)) return true;
    int side = 0;
    bool ok = true;
    if (json_is_object(v)) {
        const char *name;
        json_t *element;
        json_object_foreach(v, name, element) ok = ok && same_side(element, &side);
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            ok = ok && same_side(json_array_get(v, i), &side);
        }
    } else {
        ok = same_side(v, &side);
    }
    if (!ok || side < 1) return json_part_error(p, key, "expected one number of pixels", err);
    *value = side;
    return true;
}

bool json_part_object(const JsonPart *p, const char *key, const char *path, JsonPart *out, Err *err)
{
    json_t *v = json_object_get(p->object, key);
    if (!json_is_object(v)) return json_part_error(p, key, "missing, expected an object", err);
    *out = (JsonPart){.object = v, .place = p->place, .path = path};
    return true;
}

bool json_part_only(const JsonPart *p, const char *const *known, int n, Err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach(p->object, key, v)
    {
        bool is_known = json_is_null(v) || json_is_false(v);
        for (int k = 0; k < n && !is_known; k++) is_known = str_equal(known[k], key);
        if (!is_known) return json_part_error(p, key, "found a setting that is not known", err);
    }
    return true;
}
