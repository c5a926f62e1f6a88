/* Reading safetensors: the header is parsed by jansson and then distrusted entry by entry. */
#include "safetensors.h"

#include "mapped_file.h"
#include "mem.h"
#include "safetensors_dtype.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 100 * 1000 * 1000, /* the limit of the format's own reader */
    SHOWN_NAME = 80                       /* characters of a name in a message */
};

struct SafeTensors {
    char *place;
    MappedFile file; /* zeroed: memory of the caller */
    json_t *header;  /* owns all names */
    SafeTensor *tensors;
    int n;
};

/* ---- one entry of the header ---- */

/* Where we are, for messages, and what the entry may refer to. */
typedef struct {
    const char *place;
    const uint8_t *data; /* behind the header */
    size_t data_bytes;
    Err *err;
} Parse;

static bool bad_entry(const Parse *p, const char *name, const char *what)
{
    return err_set(p->err, ERR_FORMAT, "%s: tensor \"%.*s\": %s", p->place, SHOWN_NAME, name, what);
}

static bool parse_shape(const Parse *p, SafeTensor *s, const json_t *shape)
{
    if (!json_is_array(shape)) return bad_entry(p, s->name, "no \"shape\", expected an array");
    size_t rank = json_array_size(shape);
    if (rank > SAFETENSOR_MAX_RANK) {
        return err_set(p->err, ERR_FORMAT,
                       "%s: tensor \"%.*s\": %zu dimensions, expected at most %d", p->place,
                       SHOWN_NAME, s->name, rank, SAFETENSOR_MAX_RANK);
    }
    s->rank = (int)rank;
    s->n_elements = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) {
            return bad_entry(p, s->name, "a dimension is not a number >= 0");
        }
        s->dims[i] = json_integer_value(dim);
        size_t d = (size_t)s->dims[i];
        if (d != 0 && s->n_elements > (size_t)INT64_MAX / 8 / d) {
            return bad_entry(p, s->name, "the shape has more elements than can be addressed");
        }
        s->n_elements *= d;
    }
    return true;
}

static bool parse_offsets(const Parse *p, SafeTensor *s, const json_t *offsets)
{
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !json_is_integer(json_array_get(offsets, 0)) ||
        !json_is_integer(json_array_get(offsets, 1))) {
        return bad_entry(p, s->name, "no \"data_offsets\", expected [begin, end]");
    }
    json_int_t begin = json_integer_value(json_array_get(offsets, 0));
    json_int_t end = json_integer_value(json_array_get(offsets, 1));
    if (begin < 0 || end < begin || (uint64_t)end > p->data_bytes) {
        return err_set(
            p->err, ERR_FORMAT,
            "%s: tensor \"%.*s\": data_offsets [%lld, %lld] outside of %zu bytes of data", p->place,
            SHOWN_NAME, s->name, (long long)begin, (long long)end, p->data_bytes);
    }
    s->data = p->data + begin;
    s->n_bytes = (size_t)(end - begin);
    return true;
}

static bool parse_entry(const Parse *p, SafeTensor *s, const char *name, const json_t *entry)
{
    *s = (SafeTensor){.name = name};
    if (!json_is_object(entry)) return bad_entry(p, name, "not an object");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype == NULL) return bad_entry(p, name, "no \"dtype\", expected a text");
    const SafeDType *type = safedtype_find(dtype);
    if (type == NULL) {
        return err_set(p->err, ERR_FORMAT,
                       "%s: tensor \"%.*s\": dtype \"%.20s\", expected F32, F16, BF16, F64 or an "
                       "integer type",
                       p->place, SHOWN_NAME, name, dtype);
    }
    s->dtype = type->name;
    if (!parse_shape(p, s, json_object_get(entry, "shape"))) return false;
    if (!parse_offsets(p, s, json_object_get(entry, "data_offsets"))) return false;
    if (s->n_bytes != s->n_elements * type->bytes) {
        return err_set(p->err, ERR_FORMAT,
                       "%s: tensor \"%.*s\": %zu bytes of data for %zu elements of %s", p->place,
                       SHOWN_NAME, name, s->n_bytes, s->n_elements, s->dtype);
    }
    return true;
}

/* ---- the header as a whole ---- */

static int by_position(const void *a, const void *b)
{
    const SafeTensor *x = a, *y = b;
    if (x->data != y->data) return (const uint8_t *)x->data < (const uint8_t *)y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

/* The tensors, in order of position, have to cover the data exactly. */
static bool check_cover(const Parse *p, const SafeTensors *f)
{
    const uint8_t *position = p->data;
    for (int i = 0; i < f->n; i++) {
        const uint8_t *begin = f->tensors[i].data;
        if (begin < position) return bad_entry(p, f->tensors[i].name, "overlaps another tensor");
        if (begin > position) return bad_entry(p, f->tensors[i].name, "unused bytes before it");
        position = begin + f->tensors[i].n_bytes;
    }
    size_t unused = p->data_bytes - (size_t)(position - p->data);
    if (unused == 0) return true;
    return err_set(p->err, ERR_FORMAT, "%s: %zu bytes after the last tensor", p->place, unused);
}

static bool check_metadata(const Parse *p, json_t *metadata)
{
    if (!json_is_object(metadata)) {
        return err_set(p->err, ERR_FORMAT, "%s: __metadata__ is not an object", p->place);
    }
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value)) {
            return err_set(p->err, ERR_FORMAT, "%s: __metadata__ \"%.*s\" is not a text", p->place,
                           SHOWN_NAME, key);
        }
    }
    return true;
}

static bool parse_header(const Parse *p, SafeTensors *f)
{
    if (!json_is_object(f->header)) {
        return err_set(p->err, ERR_FORMAT, "%s: the header is not a JSON object", p->place);
    }
    f->tensors = mem_alloc(json_object_size(f->header), sizeof *f->tensors);
    const char *name;
    json_t *entry;
    json_object_foreach(f->header, name, entry)
    {
        bool ok = strcmp(name, "__metadata__") == 0
                      ? check_metadata(p, entry)
                      : parse_entry(p, &f->tensors[f->n++], name, entry);
        if (!ok) return false;
    }
    qsort(f->tensors, (size_t)f->n, sizeof *f->tensors, by_position);
    return check_cover(p, f);
}

/* Sets f->header and what stands behind it. */
static bool split(SafeTensors *f, Parse *p, const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < LENGTH_BYTES) {
        return err_set(p->err, ERR_FORMAT, "%s: %zu bytes, a safetensors file has at least %d",
                       p->place, n_bytes, LENGTH_BYTES);
    }
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    size_t rest = n_bytes - LENGTH_BYTES;
    if (length > rest) {
        return err_set(
            p->err, ERR_FORMAT,
            "%s: header of %llu bytes announced, only %zu follow: not a safetensors file, "
            "or cut off",
            p->place, (unsigned long long)length, rest);
    }
    if (length > MAX_HEADER_BYTES) {
        return err_set(p->err, ERR_FORMAT, "%s: header of %llu bytes, expected at most %d",
                       p->place, (unsigned long long)length, MAX_HEADER_BYTES);
    }
    json_error_t what;
    f->header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length,
                           JSON_REJECT_DUPLICATES, &what);
    if (f->header == NULL) {
        return err_set(p->err, ERR_FORMAT, "%s: header, byte %d: %s", p->place, what.position,
                       what.text);
    }
    p->data = bytes + LENGTH_BYTES + length;
    p->data_bytes = rest - (size_t)length;
    return true;
}

bool safetensors_parse(SafeTensors **out, const void *data, size_t n_bytes, const char *place,
                       Err *err)
{
    SafeTensors *f = mem_alloc(1, sizeof *f);
    f->place = mem_strdup(place);
    Parse p = {.place = place, .err = err};
    if (!split(f, &p, data, n_bytes) || !parse_header(&p, f)) {
        safetensors_close(f);
        return false;
    }
    *out = f;
    return true;
}

/* ---- files ---- */

bool safetensors_open(SafeTensors **out, const char *path, Err *err)
{
    MappedFile file;
    if (!mapped_file_open(&file, path, err)) return false;
    if (!safetensors_parse(out, file.bytes, file.n, path, err)) {
        mapped_file_close(&file);
        return false;
    }
    (*out)->file = file;
    return true;
}

void safetensors_close(SafeTensors *f)
{
    if (f == NULL) return;
    json_decref(f->header);
    mapped_file_close(&f->file);
    free(f->tensors);
    free(f->place);
    free(f);
}

/* ---- access ---- */

const char *safetensors_place(const SafeTensors *f)
{
    return f->place;
}

int safetensors_count(const SafeTensors *f)
{
    return f->n;
}

const SafeTensor *safetensors_at(const SafeTensors *f, int i)
{
    check(i >= 0 && i < f->n, "tensor %d of %d", i, f->n);
    return &f->tensors[i];
}

const SafeTensor *safetensors_find(const SafeTensors *f, const char *name)
{
    for (int i = 0; i < f->n; i++) {
        if (strcmp(f->tensors[i].name, name) == 0) return &f->tensors[i];
    }
    return NULL;
}

const char *safetensors_metadata(const SafeTensors *f, const char *key)
{
    return json_string_value(json_object_get(json_object_get(f->header, "__metadata__"), key));
}

bool safetensors_is_real(const SafeTensor *s)
{
    return safedtype_find(s->dtype)->get_real != NULL;
}

bool safetensors_is_finite(const SafeTensor *s)
{
    return safedtype_is_finite(safedtype_find(s->dtype), s->data, s->n_elements);
}

bool safetensors_to_real(const SafeTensor *s, Real *out, Err *err)
{
    const SafeDType *type = safedtype_find(s->dtype);
    if (type->get_real == NULL) {
        return err_set(err, ERR_FORMAT, "tensor \"%.*s\": %s, expected F32, F16, BF16 or F64",
                       SHOWN_NAME, s->name, s->dtype);
    }
    const uint8_t *p = s->data;
    for (size_t i = 0; i < s->n_elements; i++, p += type->bytes) out[i] = (Real)type->get_real(p);
    return true;
}

bool safetensors_to_i64(const SafeTensor *s, int64_t *out, Err *err)
{
    const SafeDType *type = safedtype_find(s->dtype);
    if (type->get_integer == NULL) {
        return err_set(err, ERR_FORMAT, "tensor \"%.*s\": %s, expected I64, I32 or U8", SHOWN_NAME,
                       s->name, s->dtype);
    }
    const uint8_t *p = s->data;
    for (size_t i = 0; i < s->n_elements; i++, p += type->bytes) out[i] = type->get_integer(p);
    return true;
}
