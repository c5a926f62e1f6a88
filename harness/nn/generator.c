#include "generator.h"

#include "err.h"
#include "gemm.h"

#include <string.h>

/* y [m] = beta * y + w [m,k] x [k] */
static void matrix_vector(Real *y, const Real *w, const Real *x, int m, int k, Real beta)
{
    gemm(&(Gemm){.m = m, .n = 1, .k = k, .alpha = 1, .beta = beta, .a = w, .b = x, .c = y});
}

void generator_forward(const GeneratorSize *size, const GeneratorArrays *values, Real *h, Real *v)
{
    memcpy(h, values->c1, (size_t)size->width * sizeof *h);
    matrix_vector(h, values->w1, values->z, size->width, size->inputs, 1);
    for (int j = 0; j < size->width; j++) h[j] = h[j] > 0 ? h[j] : 0;
    memcpy(v, values->c2, (size_t)size->outputs * sizeof *v);
    matrix_vector(v, values->w2, h, size->outputs, size->width, 1);
}

/* out [m,n] = a [m] b [n]^T */
SIMD_CLONES static void outer_product(Real *out, const Real *a, const Real *b, int m, int n)
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) out[(size_t)i * (size_t)n + (size_t)j] = a[i] * b[j];
    }
}

/* out [n] = w [m,n]^T a [m] */
SIMD_CLONES static void transposed_product(Real *out, const Real *w, const Real *a, int m, int n)
{
    memset(out, 0, (size_t)n * sizeof *out);
    for (int i = 0; i < m; i++) {
        const Real *row = w + (size_t)i * (size_t)n;
        for (int j = 0; j < n; j++) out[j] += a[i] * row[j];
    }
}

void generator_backward(const GeneratorSize *size, const GeneratorArrays *values, const Real *h,
                        const Real *g, const GeneratorArrays *gradients)
{
    int z = size->inputs, width = size->width;
    Real *da = gradients->c1; /* before the ReLU */
    memcpy(gradients->c2, g, (size_t)size->outputs * sizeof *g);
    outer_product(gradients->w2, g, h, size->outputs, width);
    transposed_product(da, values->w2, g, size->outputs, width);
    for (int j = 0; j < width; j++) da[j] = h[j] > 0 ? da[j] : 0;
    outer_product(gradients->w1, da, values->z, width, z);
    transposed_product(gradients->z, values->w1, da, width, z);
}
