/* safetensors files: named arrays with a JSON header (huggingface/safetensors, "Format"): 8 bytes
 * little-endian header length, the header {"name": {"dtype", "shape", "data_offsets"}, ...,
 * "__metadata__": {text: text}}, then the data, without gaps or overlaps.
 *
 * The header is untrusted: its size, offsets, shapes, types are checked before use, and whatever is
 * wrong gives one line.
 *
 *     SafeTensors *f;
 *     if (!safetensors_open(&f, path, err)) return false;
 *     const SafeTensor *s = safetensors_find(f, "conv1.weight");
 *     ...
 *     safetensors_close(f);
 *
 * A network's parameters are loaded and saved by params_file.h.
 */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "err.h"
#include "real.h"

#include <stddef.h>
#include <stdint.h>

enum { SAFETENSOR_MAX_RANK = 8 };

/* All pointers are the file's and die with it. */
typedef struct {
    const char *name;
    const char *dtype; /* "F32", ... */
    int rank;          /* 0: a scalar, one element */
    int64_t dims[SAFETENSOR_MAX_RANK];
    const void *data; /* little-endian, not aligned */
    size_t n_bytes, n_elements;
} SafeTensor;

typedef struct SafeTensors SafeTensors;

/* Maps the file: data is read when touched. */
MUST_USE bool safetensors_open(SafeTensors **out, const char *path, Err *err);

/* The same over memory, which is borrowed until safetensors_close. place is for messages. */
MUST_USE bool safetensors_parse(SafeTensors **out, const void *data, size_t n_bytes,
                                const char *place, Err *err);
void safetensors_close(SafeTensors *f); /* NULL is fine */

const char *safetensors_place(const SafeTensors *f); /* the path, for messages */
int safetensors_count(const SafeTensors *f);
const SafeTensor *safetensors_at(const SafeTensors *f, int i); /* in the order of their data */

/* NULL when there is none. */
const SafeTensor *safetensors_find(const SafeTensors *f, const char *name);
const char *safetensors_metadata(const SafeTensors *f, const char *key);

bool safetensors_is_real(const SafeTensor *s);   /* F64, F32, F16 or BF16 */
bool safetensors_is_finite(const SafeTensor *s); /* no NaN, no infinity; true for integer types */

/* All n_elements values, converted, into out. False: not of a floating-point type, or not of
 * an integer type (I64, I32, U8). */
MUST_USE bool safetensors_to_real(const SafeTensor *s, Real *out, Err *err);
MUST_USE bool safetensors_to_i64(const SafeTensor *s, int64_t *out, Err *err);

/* A writer collects pieces (names are copied, values borrowed until safewriter_write) and writes
 * them all at once, to a temporary name, synced and renamed. Names are unique (checked). */
typedef struct SafeWriter SafeWriter;
SafeWriter *safewriter_new(void);
void safewriter_free(SafeWriter *w); /* NULL is fine */
void safewriter_metadata(SafeWriter *w, const char *key, const char *value);
void safewriter_f32(SafeWriter *w, const char *name, const float *values, int rank,
                    const int64_t *dims);
void safewriter_bf16(SafeWriter *w, const char *name, const uint16_t *values, int rank,
                     const int64_t *dims);
void safewriter_i64(SafeWriter *w, const char *name, const int64_t *values, int rank,
                    const int64_t *dims);
MUST_USE bool safewriter_write(SafeWriter *w, const char *path, Err *err);

/* Floats as bfloat16 (their upper half), rounded to nearest even; NaN stays NaN. */
void safetensors_to_bf16(uint16_t *out, const float *values, size_t n);

#endif
