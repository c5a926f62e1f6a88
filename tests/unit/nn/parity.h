/* Ops against PyTorch: a golden file holds, per case, <case>.in0, in1, ... (inputs), .y, .dy
 * (gradient of the output) and .d0, d1, ... (gradients of the inputs); for normalisations also
 * .mean, .var and .mean_after, .var_after. */
#ifndef PARITY_H
#define PARITY_H

#include "tape.h"

#include <stddef.h>

enum { PARITY_MAX_INPUTS = 4 };

/* What the golden file has for a case. */
typedef struct {
    Tensor *in[PARITY_MAX_INPUTS]; /* NULL from the first missing one on */
    Real *mean, *var;              /* running statistics; NULL: none */
} ParityInputs;

typedef struct ParityCase ParityCase;
struct ParityCase {
    const char *name; /* of the golden arrays */
    Tensor *(*build)(Tape *t, const ParityInputs *inputs, const void *options);
    const void *options;
    bool evaluation;
};

/* Output and gradients of all cases, each with one and with three threads: largest error <= 1e-5 of
 * the largest value of the array. Call parity_teardown in the test's teardown. */
void parity_run(const char *file, const ParityCase *cases, size_t n);
int parity_teardown(void **state);

#endif
