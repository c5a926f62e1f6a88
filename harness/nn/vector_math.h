/* Functions of whole arrays, fast enough to vanish behind memory traffic: libm's are not vectorised
 * without -ffast-math. Float: relative error below 4e-7 (exp: 2e-7); double: libm. y may be x. */
#ifndef NN_VECTOR_MATH_H
#define NN_VECTOR_MATH_H

#include "real.h"

#include <stddef.h>

/* Results below 2^-126 become 0; overflow gives infinity, NaN stays NaN. */
void vector_exp(Real *y, const Real *x, size_t n);

void vector_erf(Real *y, const Real *x, size_t n);

/* The largest element; NaN are passed over. n >= 1. */
Real vector_max(const Real *x, size_t n);

#endif
