/* Arrays under their names, numbers as text in the metadata ("%a" keeps doubles exact). */
#include "state_file.h"

#include "file.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

static void put_number(SafeWriter *w, const StateNumber *number)
{
    char text[48];
    if (number->whole != NULL) {
        snprintf(text, sizeof text, "%lld", (long long)*number->whole);
    } else {
        snprintf(text, sizeof text, "%a", *number->real);
    }
    safewriter_metadata(w, number->name, text);
}

static void put_array(SafeWriter *w, const StateArray *array)
{
    int64_t size = (int64_t)array->n;
    if (array->wholes != NULL) {
        safewriter_i64(w, array->name, array->wholes, 1, &size);
    } else {
        safewriter_f32(w, array->name, array->reals, 1, &size);
    }
}

bool state_save(const char *path, const StateContent *content, Err *err)
{
    SafeWriter *w = safewriter_new();
    safewriter_metadata(w, "format", content->format);
    safewriter_metadata(w, "run", content->key);
    for (int i = 0; i < content->n_numbers; i++) put_number(w, &content->numbers[i]);
    for (int i = 0; i < content->n_arrays; i++) put_array(w, &content->arrays[i]);
    bool ok = safewriter_write(w, path, err);
    safewriter_free(w);
    return ok;
}

/* ---- loading ---- */

MUST_USE static bool check_identity(const SafeTensors *f, const char *expected_format,
                                    const char *key, Err *err)
{
    const char *path = safetensors_place(f), *format = safetensors_metadata(f, "format");
    if (format == NULL || !str_equal(format, expected_format)) {
        return err_set(err, ERR_FORMAT, "%s: format is \"%s\", expected \"%s\"", path,
                       format != NULL ? format : "none", expected_format);
    }
    const char *run = safetensors_metadata(f, "run");
    if (run == NULL || !str_equal(run, key)) {
        return err_set(err, ERR_FORMAT, "%s: belongs to run %.12s, expected %.12s", path,
                       run != NULL ? run : "?", key);
    }
    return true;
}

bool state_open(SafeTensors **out, const char *path, const char *format, const char *key, Err *err)
{
    if (!file_exists(path)) return err_set(err, ERR_NOT_FOUND, "%s: no checkpoint", path);
    SafeTensors *f;
    if (!safetensors_open(&f, path, err)) return false;
    if (!check_identity(f, format, key, err)) {
        safetensors_close(f);
        return false;
    }
    *out = f;
    return true;
}

MUST_USE static bool read_number(const SafeTensors *f, const StateNumber *number, Err *err)
{
    const char *path = safetensors_place(f), *text = safetensors_metadata(f, number->name);
    const char *found = text != NULL ? text : "missing";
    long long whole = 0;
    double real = 0;
    if (number->whole != NULL && (text == NULL || !str_to_int64(text, &whole) || whole < 0)) {
        return err_set(err, ERR_FORMAT, "%s: counter \"%s\" is %s, expected a whole number", path,
                       number->name, found);
    }
    if (number->real != NULL && (text == NULL || !str_to_double(text, &real))) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is %s, expected a number", path, number->name,
                       found);
    }
    if (number->whole != NULL) *number->whole = whole;
    if (number->real != NULL) *number->real = real;
    return true;
}

bool state_read_numbers(const SafeTensors *f, const StateNumber *numbers, int n, Err *err)
{
    for (int i = 0; i < n; i++) {
        if (!read_number(f, &numbers[i], err)) return false;
    }
    return true;
}

MUST_USE static bool check_array(const SafeTensors *f, const StateArray *array, Err *err)
{
    const SafeTensor *tensor = safetensors_find(f, array->name);
    const char *dtype = array->wholes != NULL ? "I64" : "F32";
    if (tensor == NULL || tensor->n_elements != array->n || !str_equal(tensor->dtype, dtype)) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is %s, expected %zu %s values",
                       safetensors_place(f), array->name,
                       tensor == NULL ? "missing" : "of another size or type", array->n, dtype);
    }
    return true;
}

bool state_read_arrays(const SafeTensors *f, const StateArray *arrays, int n, Err *err)
{
    for (int i = 0; i < n; i++) {
        if (!check_array(f, &arrays[i], err)) return false;
    }
    for (int i = 0; i < n; i++) {
        const SafeTensor *tensor = safetensors_find(f, arrays[i].name);
        void *target = arrays[i].wholes != NULL ? (void *)arrays[i].wholes : arrays[i].reals;
        memcpy(target, tensor->data, tensor->n_bytes);
    }
    return true;
}
