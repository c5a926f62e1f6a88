/* A row made concrete: its values, and how to run it once. */
#ifndef GRADCHECK_CASE_H
#define GRADCHECK_CASE_H

#include "gradcheck.h"
#include "rng.h"

typedef struct {
    const GradRow *row;
    RngStream random;
    size_t sizes[GRAD_MAX_INPUTS]; /* elements of each input */
    Real *values[GRAD_MAX_INPUTS]; /* NULL: no such input */
    Real *gradients[GRAD_MAX_INPUTS];
    Real *weights; /* [n_weights], of the output's elements in the loss */
    Real *output;  /* [n_weights], of the last run */
    size_t n_weights;
    bool failed;
} Case;

/* How one run goes; all zero: directly on the leaves, recorded, one thread. */
typedef struct {
    bool relay; /* the leaves go through an op, so that the gradients behind the row's op are new */
    bool twice; /* the op is applied to the same inputs twice, the losses are added */
    bool no_record; /* forward only */
    int without;    /* 1 + the input that gets no gradient; 0: all do */
    Real prefill;   /* what is in the leaves' gradients before */
    ThreadPool *threads;
} How;

void case_init(Case *c, const GradRow *row, uint64_t seed);
void case_done(Case *c);

/* Prints the first failure of a case as a TAP comment. */
void case_fail(Case *c, const char *what, double found);

/* One forward (and backward) on t, which is rewound. Returns the loss; c->output and c->gradients
 * are set. */
double case_run(Case *c, Tape *t, const How *how);
double case_run_new(Case *c, const How *how); /* on a tape of its own */

/* Cost and output shape of one run on a tape of its own, for real or as a plan. */
typedef struct {
    TapeCost cost;
    int rank, dims[TENSOR_MAX_RANK];
} CaseCost;
CaseCost case_cost(Case *c, const How *how, bool planning);

#endif
