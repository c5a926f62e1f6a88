/* Element types of safetensors files. For safetensors.c. */
#ifndef NN_SAFETENSORS_DTYPE_H
#define NN_SAFETENSORS_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;                     /* as in the header: "F32" */
    size_t bytes;                         /* of one element */
    double (*get_real)(const uint8_t *p); /* the element at p; NULL: not a floating-point type */
    int64_t (*get_integer)(const uint8_t *p); /* the same; NULL: not one that we convert */
    uint64_t exponent; /* its bits: all set in NaN and infinity; 0: an integer type */
} SafeDType;

const SafeDType *safedtype_find(const char *name); /* NULL when there is none */
bool safedtype_is_finite(const SafeDType *type, const uint8_t *data, size_t n_elements);

#endif
