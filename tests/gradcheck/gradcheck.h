/* Gradient checks, in double, against central differences; one table row per case.
 *
 * How to add one: write a builder that applies the op to its leaves, and a row in the rows_*.c of
 * the op's family (a new family: its table goes into main.c and meson.build).
 *
 *     static Tensor *build_linear(Tape *t, Tensor **in, const void *options)
 *     {
 *         (void)options;
 *         return nn_linear(t, in[0], in[1], in[2]);
 *     }
 *     static const GradRow ROWS[] = {
 *         {"linear, batch 1", build_linear, {{2, {1, 5}}, {2, {3, 5}}, {1, {3}}}},
 *     };
 *     const GradTable GRADCHECK_LINEAR = {ROWS, sizeof ROWS / sizeof *ROWS};
 *
 * The loss is the sum of the output times fixed random weights. What is checked for each row:
 * - the gradient of every element of every input, relative error <= 1e-6 norm-wise and per element
 *   (large rows: along random directions), once assigned and once added to what was there;
 * - an input used twice gets twice the gradient;
 * - an input that needs no gradient gets none, and the gradients of the others stay the same;
 * - running again gives the same bits; two threads agree with one to 1e-12;
 * - without recording the output has the same bits;
 * - a plan sees the same shapes, FLOPs and peak memory.
 */
#ifndef GRADCHECK_H
#define GRADCHECK_H

#include "tape.h"

enum { GRAD_MAX_INPUTS = 6 };

typedef struct {
    int rank; /* 0: there is no such input (the builder sees NULL) */
    int dims[TENSOR_MAX_RANK];
    double low, high; /* values are uniform in [low, high); both 0: [-1, 1) */
    bool spread; /* kink guard: values are a shuffled even grid: none is 0 when low = -high, no two
                    are near */
    bool constant; /* never has a gradient */
} GradInput;

typedef Tensor *GradBuild(Tape *t, Tensor **in, const void *options);

typedef struct {
    const char *name;
    GradBuild *build;
    GradInput in[GRAD_MAX_INPUTS];
    const void *options; /* for the builder */
    bool directional;    /* large row: random directions instead of single elements */
    bool random;         /* draws random numbers: a second use in the same step differs */
    bool evaluation;     /* without TAPE_TRAINING */
    int max_kinks;       /* elements that may lie at a kink (left and right slope differ) */
} GradRow;

typedef struct {
    const GradRow *rows;
    int n;
} GradTable;

/* Runs the checks of one row. Returns the worst relative error of a gradient; prints the first
 * failure as a TAP comment and sets *failed. */
double gradcheck_row(const GradRow *row, uint64_t seed, bool *failed);

/* The families, one per rows_*.c. */
extern const GradTable GRADCHECK_LINEAR;
extern const GradTable GRADCHECK_ELEMENTWISE;
extern const GradTable GRADCHECK_SOFTMAX;
extern const GradTable GRADCHECK_SHAPE;
extern const GradTable GRADCHECK_CONV;
extern const GradTable GRADCHECK_POOL;
extern const GradTable GRADCHECK_NORM;
extern const GradTable GRADCHECK_CONTRASTIVE;
extern const GradTable GRADCHECK_LOW_RANK;

#endif
