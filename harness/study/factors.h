/* The low-rank factors of a study, learned themselves or made by generators (nn/generator.h).
 *
 *     static const FactorSpec specs[] = {{"A", r, n, false, 0}, {"B", n, r, true, 1}};
 *     Factors *f = factors_new(specs, 2, &options);
 *     Optimizer *o = optim_new(&optim, factors_params(f));
 *     for (...) {
 *         factors_make(f);                                  // values from what is learned
 *         ... gradients from values ...
 *         factors_backward(f);                              // of what is learned
 *         optim_step(o, factors_params(f), NULL);
 *     }
 *     factors_free(f);
 */
#ifndef STUDY_FACTORS_H
#define STUDY_FACTORS_H

#include "params.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name;
    int rows, columns;
    bool zero;     /* begins as 0; else U(+-1/sqrt(columns)) where it is learned itself, and where a
                      generator makes it, what its Kaiming-uniform weights give */
    int generator; /* number of the generator that makes it; those of one generator stand together
                    */
} FactorSpec;

typedef struct {
    bool generated;
    int inputs, width; /* Z, H of every generator */
    double input_std;  /* z ~ N(0, input_std^2) */
    uint64_t seed;
} FactorOptions;

enum { FACTORS_MAX = 4 };

typedef struct Factors Factors;

Factors *factors_new(const FactorSpec *specs, int n, const FactorOptions *options);
void factors_free(Factors *f); /* NULL is fine */

/* What is learned: the factors by their names, or "NAME.z" [Z], ".w1" [H,Z], ".c1" [H], ".w2"
 * [P,H],
 * ".c2" [P] for each generator, NAME its first factor (OP-LoRA's appendix C.1: W1, W2 uniform
 * within 1/sqrt(fan-in), biases 0, rows of W2 for factors that begin as 0 are 0). */
Params *factors_params(Factors *f);

/* [rows, columns] of factor i. All factors lie behind one another: factors_size elements from that
 * of factor 0. */
Real *factors_values(Factors *f, int i);
Real *factors_gradients(Factors *f, int i);
size_t factors_size(const Factors *f);

void factors_make(Factors *f);
void factors_backward(Factors *f); /* sets the gradients of the parameters */

#endif
