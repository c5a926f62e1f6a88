/* What all element-by-element functions of one tensor share: a pair of kernels becomes an op. */
#ifndef NN_UNARY_H
#define NN_UNARY_H

#include "tape.h"

enum { UNARY_BLOCK = 512 }; /* elements that a kernel gets at most: its temporaries fit the stack */

typedef struct {
    const char *name;
    void (*forward)(Real *y, const Real *x, size_t n);
    /* dx is assigned: dy times the derivative at x, where y = f(x). */
    void (*backward)(Real *dx, const Real *dy, const Real *x, const Real *y, size_t n);
} Unary;

/* u must live as long as the step. */
Tensor *unary_op(Tape *t, Tensor *x, const Unary *u);

#endif
