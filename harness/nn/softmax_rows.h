/* Softmax of single rows: what the softmax ops, attention and cross-entropy share. */
#ifndef NN_SOFTMAX_ROWS_H
#define NN_SOFTMAX_ROWS_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>

/* p[n] = softmax of x[n] (p may be x); the largest element is subtracted first. Returns
 * log sum exp(x). */
double softmax_row(Real *p, const Real *x, size_t n);

/* dx (+)= p * (dy - sum(p * dy)); dx may be dy when it is assigned. */
void softmax_backward_row(Real *dx, const Real *dy, const Real *p, size_t n, bool add);

#endif
