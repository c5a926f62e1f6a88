/* What the studies of reparameterised learning share: a cell of a study's grid, what was seen in
 * it, and the schedule of its learning rate. A study trains the same small problem with factors
 * that are learned themselves, and with factors that a generator makes (nn/generator.h), over a
 * grid of optimisers, learning rates and seeds.
 */
#ifndef STUDY_STUDY_H
#define STUDY_STUDY_H

#include "optim.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum { STUDY_SGD, STUDY_MOMENTUM, STUDY_ADAM, STUDY_OPTIMIZERS } StudyOptimizer;

const char *study_optimizer_name(StudyOptimizer optimizer); /* "sgd", "momentum", "adam" */
int study_optimizer_find(const char *name);                 /* -1: there is no such one */

/* As torch.optim's defaults; momentum 0.9. */
OptimOptions study_optim_options(StudyOptimizer optimizer, double lr);

typedef struct {
    bool generated;   /* by a network; else the factors themselves are learned */
    double input_std; /* of the generator's learned input at the start; 0 without one */
    StudyOptimizer optimizer;
    double lr; /* the highest one of the schedule */
    uint64_t seed;
} StudyCell;

typedef struct {
    int64_t step; /* updates made before */
    double loss;
    double effective_rank; /* of what the factors make; NAN: not measured */
    double gradient_norm;  /* of the factors, whoever makes them: the same in both
                              parameterisations */
    double
        gradient_cosine; /* with the gradient STUDY_LOG_EVERY updates before; NAN for the first */
} StudyStep;

enum { STUDY_LOG_EVERY = 10 };

/* NAN: not measured. */
typedef struct {
    double curvature; /* the Hessian's eigenvalue of the largest size */
    double gradient;  /* |v^T g|, v its unit eigenvector, g the gradient */
} StudySharpness;

typedef struct {
    StudyStep *steps; /* heap */
    int n_steps, capacity;
    double first_loss, loss, best_loss; /* before the first update, after the last one, least */
    int64_t diverged_at; /* update after which the loss was no number, or STUDY_DIVERGED times the
                            first one; -1: never. Nothing is measured after it. */
    StudySharpness factors, learned; /* at the end: in the space of the factors, and in that of what
                                        is learned */
    int64_t n_parameters;            /* learned */
    double seconds;
} StudyOutcome;

enum { STUDY_DIVERGED = 1000000 };

void study_outcome_init(StudyOutcome *o);
void study_outcome_done(StudyOutcome *o);
void study_outcome_add(StudyOutcome *o, StudyStep step);

/* The loss after `updates` updates: keeps first, last and least. False when it diverged. */
bool study_outcome_loss(StudyOutcome *o, int64_t updates, double loss);

/* Norm of a gradient g [n], and its cosine with the one of the last call, kept in `last` [n];
 * *cosine is NAN for is_first. */
double study_gradient(const Real *g, Real *last, size_t n, bool is_first, double *cosine);

/* exp(entropy) of the singular values s [k] as shares of their sum (Roy and Vetterli 2007); NAN
 * when all are 0. */
double study_effective_rank(const double *s, int k);

/* Of b a, b [m,r], a [r,n], r at most m and n. */
double study_product_rank(const Real *b, const Real *a, int m, int r, int n);

/* Factor on the learning rate of update `step` (from 0) of `steps`: linear up to 1 over warm_up
 * updates, then linear down to 1 / (steps - warm_up) (paper, B.2). */
double study_schedule(int64_t step, int64_t steps, int64_t warm_up);

#endif
