#include "sharpness.h"

#include "mem.h"
#include "rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double dot(const Real *a, const Real *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Returns the norm it had; left as it is when that is 0 or no number. */
static double normalise(Real *v, size_t n)
{
    double norm = sqrt(dot(v, v, n));
    if (!(norm > 0) || !isfinite(norm)) return NAN;
    for (size_t i = 0; i < n; i++) v[i] = (Real)((double)v[i] / norm);
    return norm;
}

/* out = H v; moved, other: scratch [n]. */
static void hessian_product(Real *out, const Sharpness *s, const Real *v, Real *moved, Real *other)
{
    Real e = (Real)s->difference;
    for (size_t i = 0; i < s->n; i++) moved[i] = s->at[i] + e * v[i];
    s->gradient(s->context, out, moved);
    for (size_t i = 0; i < s->n; i++) moved[i] = s->at[i] - e * v[i];
    s->gradient(s->context, other, moved);
    for (size_t i = 0; i < s->n; i++) out[i] = (out[i] - other[i]) / (2 * e);
}

double sharpness_top(Real *v, const Sharpness *s)
{
    Real *block = mem_alloc(3 * s->n, sizeof *block);
    RngStream stream = rng_stream(s->seed, "sharpness");
    double value = NAN;
    for (size_t i = 0; i < s->n; i++) v[i] = (Real)rng_normal(stream, 0, i);
    bool ok = isfinite(normalise(v, s->n));
    for (int round = 0; ok && round < s->max_rounds; round++) {
        Real *product = block;
        hessian_product(product, s, v, block + s->n, block + 2 * s->n);
        double before = value;
        value = dot(v, product, s->n); /* Rayleigh's quotient */
        ok = isfinite(normalise(product, s->n));
        for (size_t i = 0; ok && i < s->n; i++) v[i] = product[i];
        if (fabs(value - before) < 1e-3 * fabs(value)) break;
    }
    free(block);
    return ok ? value : NAN;
}
