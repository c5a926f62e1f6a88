/* What the tests of optimisers share: parameters that learn, are frozen, or buffers, and the golden
 * file with the gradients of ten steps. */
#ifndef TESTS_OPTIM_CASE_H
#define TESTS_OPTIM_CASE_H

#include "golden.h"
#include "optim.h"

enum { N = 37, STEPS = 10 };

typedef struct {
    SafeTensors *golden;
    Real *start, *gradients;
    Params *params;
    int frozen, learned, buffer;
} OptimCase;

int optim_setup(void **state);
int optim_teardown(void **state);

Params *optim_make_params(int n);
Real *optim_values_of(Params *p, int id);

/* Gradients everywhere, so that a step that touches the wrong parameters shows. */
void optim_give_gradients(Params *p, const Real *learned, size_t n);

#endif
