/* The matrix-factorisation study of OP-LoRA (arXiv 2412.10362, appendix B.2): a matrix M [n,n] with
 * entries U(0,1) is fitted by B A of low rank, by gradient descent on the mean squared error. MF
 * learns A and B; OP-MF learns two generators, one that makes A and one that makes B. Both begin
 * with A random and B = 0.
 *
 *     Factorization *f = factorize_new(&problem);
 *     StudyOutcome outcome;
 *     factorize_cell(&outcome, f, &cell);       // by any number of threads, each with its own cell
 *     study_outcome_done(&outcome);
 *     factorize_free(f);
 *
 * A cell depends on the problem and itself only: run again it gives the same numbers.
 */
#ifndef STUDY_FACTORIZE_H
#define STUDY_FACTORIZE_H

#include "study.h"

typedef struct {
    int size, rank;              /* n, r: 100, 8 in the paper */
    int64_t steps, warm_up;      /* 1000, 50 */
    int generator_inputs, width; /* Z, H of each generator: 128, 32 */
    uint64_t matrix_seed;        /* of factorize_new's matrix */
} FactorProblem;

typedef struct Factorization Factorization;

Factorization *factorize_new(const FactorProblem *problem);
Factorization *factorize_new_of(const FactorProblem *problem, const Real *matrix); /* copied */
void factorize_free(Factorization *f); /* NULL is fine */

/* The least mean squared error that any matrix of this rank has: that of the truncated singular
 * value decomposition (Eckart and Young 1936). */
double factorize_floor(const Factorization *f);

/* Effective rank exp(-sum p log p) of that best matrix, p its normalised singular values (Roy and
 * Vetterli 2007). */
double factorize_floor_rank(const Factorization *f);

/* out needs no init; study_outcome_done. */
void factorize_cell(StudyOutcome *out, const Factorization *f, const StudyCell *cell);

/* ---- the parts of a cell, for tests ---- */

typedef struct FactorModel FactorModel;

FactorModel *factor_model_new(const Factorization *f, const StudyCell *cell);
void factor_model_free(FactorModel *m);
Params *factor_model_params(FactorModel *m); /* "A" [r,n], "B" [n,r]; generators' "A.op.z", ... */
void factor_model_make(FactorModel *m);      /* A and B from what is learned */
double factor_model_loss(FactorModel *m);    /* of A and B as they are made */
void factor_model_gradient(FactorModel *m);  /* of the last loss, for all that is learned: set */

/* All updates, from the parameters as they stand. out needs no init; seconds stay 0. */
void factor_model_train(StudyOutcome *out, FactorModel *m, const StudyCell *cell);

#endif
