/* The direction in which a loss bends most, without a second derivative: power iteration on
 * differences of gradients, H v = (g(at + e v) - g(at - e v)) / (2 e) (Pearlmutter 1994 by central
 * differences). */
#ifndef STUDY_SHARPNESS_H
#define STUDY_SHARPNESS_H

#include "real.h"

#include <stddef.h>
#include <stdint.h>

/* gradient [n] of the loss at `at` [n]. */
typedef void SharpnessGradient(void *context, Real *gradient, const Real *at);

typedef struct {
    SharpnessGradient *gradient;
    void *context;
    const Real *at; /* [n], left as it is */
    size_t n;
    double difference; /* e */
    int max_rounds;    /* each takes two gradients */
    uint64_t seed;     /* of the direction it begins with */
} Sharpness;

/* The Hessian's eigenvalue of the largest size, v [n] its unit eigenvector; ends when a round moves
 * the eigenvalue by less than a thousandth. NAN when a gradient is no number, or all are 0. */
double sharpness_top(Real *v, const Sharpness *s);

#endif
