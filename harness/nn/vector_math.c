/* exp by reduction to [-ln2/2, ln2/2] and a polynomial, erf by one rational function. Coefficients:
 * own least-squares fits reweighted towards equal ripples (relative error of the exact polynomial
 * 3e-9, of the rational function 2e-8; the rest is rounding). */
#include "vector_math.h"

#include "err.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef NN_DOUBLE

void vector_exp(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = exp(x[i]);
}

void vector_erf(Real *y, const Real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = erf(x[i]);
}

#else

/* x = k ln2 + r; e^x = 2 * 2^(k-1) * p(r). Adding 1.5 * 2^23 rounds to an integer and leaves it in
 * the low bits. 2^(k-1) is put together from its exponent bits: k - 1 is in [-127, 127], and the
 * last doubling overflows where it should. ln2 is split, so that k * LN2_HIGH is exact. */
SIMD_CLONES
void vector_exp(Real *y, const Real *x, size_t n)
{
    const float LOWEST = -87.3f, HIGHEST = 88.8f, LOG2_E = 1.44269504f, ROUND = 12582912.f;
    const float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] < LOWEST ? LOWEST : x[i];
        v = v > HIGHEST ? HIGHEST : v;
        float shifted = v * LOG2_E + ROUND;
        float k = shifted - ROUND;
        float r = v - k * LN2_HIGH - k * LN2_LOW;
        float p = 0.00138146131f;
        p = p * r + 0.00836870983f;
        p = p * r + 0.0416683874f;
        p = p * r + 0.166665207f;
        p = p * r + 0.499999935f;
        p = (p * r) * r + r + 1.f;
        uint32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 126u) << 23; /* the integer's high bits fall out */
        float power;
        memcpy(&power, &bits, sizeof power);
        y[i] = p * power * 2.f;
    }
}

/* x P(x^2) / Q(x^2) up to 3.9; beyond, erf differs from 1 by less than 4e-8. */
SIMD_CLONES
void vector_erf(Real *y, const Real *x, size_t n)
{
    const float END = 3.9f;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] < -END ? -END : x[i];
        v = v > END ? END : v;
        float u = v * v;
        float p = 2.06647258e-6f;
        p = p * u + 0.000285060645f;
        p = p * u + 0.00373830258f;
        p = p * u + 0.0526679443f;
        p = p * u + 0.189665895f;
        p = p * u + 1.12837915f;
        float q = 3.82699332e-5f;
        q = q * u + 0.0011573646f;
        q = q * u + 0.0149141896f;
        q = q * u + 0.11381856f;
        q = q * u + 0.501419805f;
        q = q * u + 1.f;
        y[i] = v * p / q;
    }
}

#endif

SIMD_CLONES
Real vector_max(const Real *x, size_t n)
{
    enum { LANES = 16 };
    Real lanes[LANES];
    for (int k = 0; k < LANES; k++) lanes[k] = (Real)-INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) lanes[k] = x[i + k] > lanes[k] ? x[i + k] : lanes[k];
    }
    for (; i < n; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int k = 1; k < LANES; k++) lanes[0] = lanes[k] > lanes[0] ? lanes[k] : lanes[0];
    return lanes[0];
}
