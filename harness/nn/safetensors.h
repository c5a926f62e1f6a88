/* safetensors files: named arrays with a JSON header. Read: F32, F16, BF16, F64, I64, I32, U8
 * converted to what is asked; the header is untrusted (size limit, offsets, overlaps, shapes,
 * dtypes checked). Write: to a temporary name, synced, renamed.
 *
 *     SafeTensors *f;
 *     if (!safetensors_open(&f, path, err)) ...
 *     const SafeTensor *s = safetensors_find(f, "conv1.weight");
 *     safetensors_close(f);
 */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "err.h"
#include "params.h"

#include <stdint.h>

typedef struct {
    const char *name;
    const char *dtype; /* "F32", ... */
    int rank;
    int64_t dims[8];
    const void *data; /* little-endian, not aligned */
    size_t n_bytes, n_elements;
} SafeTensor;

typedef struct SafeTensors SafeTensors;

MUST_USE bool safetensors_open(SafeTensors **out, const char *path, Err *err); /* memory-mapped */
/* The same over memory (for tests and fuzzing); data is borrowed. place is for messages. */
MUST_USE bool safetensors_parse(SafeTensors **out, const void *data, size_t n_bytes,
                                const char *place, Err *err);
void safetensors_close(SafeTensors *f); /* NULL is fine */

int safetensors_count(const SafeTensors *f);
const SafeTensor *safetensors_at(const SafeTensors *f, int i);
const SafeTensor *safetensors_find(const SafeTensors *f,
                                   const char *name); /* NULL when there is none */
const char *safetensors_metadata(const SafeTensors *f,
                                 const char *key); /* NULL when there is none */

/* n_elements values as Real (any float dtype) into out. False: not a float dtype. */
MUST_USE bool safetensors_to_real(const SafeTensor *s, Real *out, Err *err);

/* A writer collects pieces (borrowed until safetensors_write) and writes them all at once. */
typedef struct SafeWriter SafeWriter;
SafeWriter *safewriter_new(void);
void safewriter_free(SafeWriter *w); /* NULL is fine */
void safewriter_metadata(SafeWriter *w, const char *key, const char *value);
void safewriter_f32(SafeWriter *w, const char *name, const float *values, int rank,
                    const int64_t *dims);
void safewriter_i64(SafeWriter *w, const char *name, const int64_t *values, int rank,
                    const int64_t *dims);
MUST_USE bool safewriter_write(SafeWriter *w, const char *path, Err *err);

/* A network's parameters by name, in PyTorch's layout (convolutions [out, in, kh, kw]). `strip` and
 * `skip` of names: see ParamsLoad. Every missing, unexpected or misshapen tensor is listed in err
 * (the first few by name, then a count).
 */
typedef struct {
    bool allow_missing_head; /* PARAM_HEAD parameters may be missing or misshapen: they keep their
                                initial values */
    bool allow_unexpected;   /* extra tensors in the file are ignored */
    const char *prefix;      /* what stands before each name in the file; NULL: nothing */
} ParamsLoad;
MUST_USE bool params_load(Params *p, const SafeTensors *f, const ParamsLoad *options, Err *err);
MUST_USE bool params_save(Params *p, const char *path, Err *err);

#endif
