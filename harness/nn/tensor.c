/* Shapes of tensors, in numbers and in words. */
#include "tensor.h"

#include <stdio.h>
#include <string.h>

size_t tensor_size(const Tensor *x)
{
    size_t n = 1;
    for (int i = 0; i < x->rank; i++) n *= (size_t)x->dims[i];
    return n;
}

int tensor_columns(const Tensor *x)
{
    return x->rank > 0 ? x->dims[x->rank - 1] : 1;
}

int tensor_rows(const Tensor *x)
{
    int n = 1;
    for (int i = 0; i < x->rank - 1; i++) n *= x->dims[i];
    return n;
}

bool tensor_same_shape(const Tensor *a, const Tensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

const char *tensor_text(const Tensor *x, char out[TENSOR_TEXT_SIZE])
{
    int n = snprintf(out, TENSOR_TEXT_SIZE, "[");
    for (int i = 0; i < x->rank; i++) {
        n +=
            snprintf(out + n, (size_t)(TENSOR_TEXT_SIZE - n), "%s%d", i > 0 ? "," : "", x->dims[i]);
    }
    snprintf(out + n, (size_t)(TENSOR_TEXT_SIZE - n), "]");
    return out;
}
