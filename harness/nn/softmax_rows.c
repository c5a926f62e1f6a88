/* Sums in double, over a fixed number of lanes. */
#include "softmax_rows.h"

#include "err.h"
#include "vector_math.h"

#include <math.h>

enum { LANES = 8 };

SIMD_CLONES
static double row_sum(const Real *x, size_t n)
{
    double lanes[LANES] = {0};
    double sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) lanes[k] += x[i + k];
    }
    for (; i < n; i++) sum += x[i];
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

SIMD_CLONES
static double row_dot(const Real *x, const Real *y, size_t n)
{
    double lanes[LANES] = {0};
    double sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) lanes[k] += (double)x[i + k] * y[i + k];
    }
    for (; i < n; i++) sum += (double)x[i] * y[i];
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

SIMD_CLONES
static void row_shift(Real *y, const Real *x, Real shift, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] - shift;
}

SIMD_CLONES
static void row_scale(Real *y, Real scale, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] *= scale;
}

double softmax_row(Real *p, const Real *x, size_t n)
{
    Real largest = vector_max(x, n);
    row_shift(p, x, largest, n);
    vector_exp(p, p, n);
    double sum = row_sum(p, n);
    row_scale(p, (Real)(1 / sum), n);
    return (double)largest + log(sum);
}

SIMD_CLONES
void softmax_backward_row(Real *dx, const Real *dy, const Real *p, size_t n, bool add)
{
    Real dot = (Real)row_dot(p, dy, n);
    if (add) {
        for (size_t i = 0; i < n; i++) dx[i] += p[i] * (dy[i] - dot);
    } else {
        for (size_t i = 0; i < n; i++) dx[i] = p[i] * (dy[i] - dot);
    }
}
