/* Writing safetensors: pieces are collected, then header and data go out in one pass. Wide elements
 * come first, so that every array is aligned in the file. */
#include "file.h"
#include "json_text.h"
#include "mem.h"
#include "safetensors.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 8 }; /* of the data in the file */

typedef struct {
    const char *dtype;
    size_t element_bytes;
} Type;

typedef struct {
    char *name;
    Type type;
    const void *data;
    size_t n_bytes;
    int rank;
    int64_t dims[SAFETENSOR_MAX_RANK];
} Piece;

struct SafeWriter {
    Piece *pieces;
    int n, capacity;
    Str metadata; /* "key":"value",... */
};

SafeWriter *safewriter_new(void)
{
    return mem_alloc(1, sizeof(SafeWriter));
}

void safewriter_free(SafeWriter *w)
{
    if (w == NULL) return;
    for (int i = 0; i < w->n; i++) free(w->pieces[i].name);
    free(w->pieces);
    str_done(&w->metadata);
    free(w);
}

void safewriter_metadata(SafeWriter *w, const char *key, const char *value)
{
    if (w->metadata.n > 0) str_add(&w->metadata, ",");
    json_add_text(&w->metadata, key);
    str_add(&w->metadata, ":");
    json_add_text(&w->metadata, value);
}

static void add_piece(SafeWriter *w, const char *name, Type type, const void *data, int rank,
                      const int64_t *dims)
{
    check(rank >= 0 && rank <= SAFETENSOR_MAX_RANK, "%s: rank %d", name, rank);
    for (int i = 0; i < w->n; i++) {
        check(strcmp(w->pieces[i].name, name) != 0, "%s: added twice", name);
    }
    mem_reserve(w->pieces, w->capacity, w->n + 1);
    Piece *p = &w->pieces[w->n++];
    *p = (Piece){mem_strdup(name), type, data, type.element_bytes, rank, {0}};
    for (int i = 0; i < rank; i++) {
        check(dims[i] >= 0, "%s: dimension %d is %lld", name, i, (long long)dims[i]);
        p->dims[i] = dims[i];
        p->n_bytes *= (size_t)dims[i];
    }
}

void safewriter_f32(SafeWriter *w, const char *name, const float *values, int rank,
                    const int64_t *dims)
{
    add_piece(w, name, (Type){"F32", sizeof *values}, values, rank, dims);
}

void safewriter_bf16(SafeWriter *w, const char *name, const uint16_t *values, int rank,
                     const int64_t *dims)
{
    add_piece(w, name, (Type){"BF16", sizeof *values}, values, rank, dims);
}

void safewriter_i64(SafeWriter *w, const char *name, const int64_t *values, int rank,
                    const int64_t *dims)
{
    add_piece(w, name, (Type){"I64", sizeof *values}, values, rank, dims);
}

static uint16_t bf16_of_float(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (v != v) return (uint16_t)(bits >> 16 | 0x40); /* quiet, whatever its lower half was */
    uint32_t half = 0x7FFF + (bits >> 16 & 1);        /* ties go to the even one */
    return (uint16_t)((bits + half) >> 16);
}

void safetensors_to_bf16(uint16_t *out, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = bf16_of_float(values[i]);
}

static int by_width(const void *a, const void *b)
{
    const Piece *x = *(Piece *const *)a, *y = *(Piece *const *)b;
    if (x->type.element_bytes != y->type.element_bytes) {
        return x->type.element_bytes > y->type.element_bytes ? -1 : 1;
    }
    return x < y ? -1 : x > y; /* else as added */
}

static void add_entry(Str *header, const Piece *p, size_t begin)
{
    json_add_text(header, p->name);
    str_addf(header, ":{\"dtype\":\"%s\",\"shape\":[", p->type.dtype);
    for (int i = 0; i < p->rank; i++) {
        str_addf(header, "%s%lld", i > 0 ? "," : "", (long long)p->dims[i]);
    }
    str_addf(header, "],\"data_offsets\":[%zu,%zu]}", begin, begin + p->n_bytes);
}

static void make_header(Str *header, const SafeWriter *w, Piece *const *order)
{
    str_add(header, "{");
    if (w->metadata.n > 0) str_addf(header, "\"__metadata__\":{%s}", w->metadata.text);
    size_t position = 0;
    for (int i = 0; i < w->n; i++) {
        if (header->n > 1) str_add(header, ",");
        add_entry(header, order[i], position);
        position += order[i]->n_bytes;
    }
    str_add(header, "}");
    while (header->n % ALIGNMENT != 0) str_add(header, " ");
}

static bool write_bytes(FILE *f, const void *data, size_t n_bytes)
{
    return n_bytes == 0 || fwrite(data, 1, n_bytes, f) == n_bytes;
}

static bool write_all(FILE *f, const Str *header, Piece *const *order, int n)
{
    uint64_t length = header->n;
    if (!write_bytes(f, &length, sizeof length)) return false;
    if (!write_bytes(f, header->text, header->n)) return false;
    for (int i = 0; i < n; i++) {
        if (!write_bytes(f, order[i]->data, order[i]->n_bytes)) return false;
    }
    return true;
}

static bool write_file(const char *tmp, const Str *header, Piece *const *order, int n, Err *err)
{
    FILE *f = fopen(tmp, "wb");
    if (f == NULL) return err_set(err, ERR_IO, "%s: cannot create: %s", tmp, strerror(errno));
    bool ok = write_all(f, header, order, n);
    int failure = errno;
    if (fclose(f) != 0 && ok) {
        ok = false;
        failure = errno;
    }
    if (!ok) err_set(err, ERR_IO, "%s: cannot write: %s", tmp, strerror(failure));
    return ok;
}

bool safewriter_write(SafeWriter *w, const char *path, Err *err)
{
    Piece **order = mem_alloc((size_t)w->n, sizeof(Piece *));
    for (int i = 0; i < w->n; i++) order[i] = &w->pieces[i];
    qsort(order, (size_t)w->n, sizeof *order, by_width);
    Str header = {0}, tmp = {0};
    make_header(&header, w, order);
    str_addf(&tmp, "%s.tmp.%ld", path, (long)getpid());
    bool ok =
        write_file(tmp.text, &header, order, w->n, err) && file_sync_rename(tmp.text, path, err);
    if (!ok) (void)remove(tmp.text);
    str_done(&header);
    str_done(&tmp);
    free(order);
    return ok;
}
