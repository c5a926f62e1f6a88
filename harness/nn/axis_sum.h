/* Sums over one axis, in double: gradients of biases and of whatever was repeated, means, totals.
 */
#ifndef NN_AXIS_SUM_H
#define NN_AXIS_SUM_H

#include "real.h"
#include "thread_pool.h"

#include <stdbool.h>
#include <stddef.h>

/* out[o,i] (+)= scale / divisor[i] * sum over l of x[o,l,i] * factor[o,l,i] */
typedef struct {
    const Real *x;               /* [outer, length, inner] */
    const Real *factor;          /* the same shape; NULL: 1 */
    const Real *divisor;         /* [inner]; NULL: 1 */
    size_t outer, length, inner; /* >= 1 */
    double scale;
    Real *out;  /* [outer, inner] */
    bool fresh; /* out is assigned, else added to */
} AxisSum;

void axis_sum(ThreadPool *threads, const AxisSum *s);

#endif
