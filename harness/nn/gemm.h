/* The one seam for matrix products: row-major C[M,N] = alpha * op(A)[M,K] * op(B)[K,N] + beta * C.
 * OpenBLAS stands behind it; it is kept at one thread, and our own threads cut the work, so that
 * results depend only on their number.
 */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include "real.h"
#include "thread_pool.h"

#include <stdbool.h>

typedef struct {
    bool transpose_a; /* A is stored [K,M] */
    bool transpose_b; /* B is stored [N,K] */
    int m, n, k;
    Real alpha, beta; /* beta == 0: C may be uninitialised */
    const Real *a, *b;
    Real *c;
    int lda, ldb, ldc; /* row strides in elements; 0: dense */
} Gemm;

/* In the calling thread; may be called from tasks of a pool. */
void gemm(const Gemm *g);

/* Cut over the pool's threads along the longer of M and N. */
void gemm_threads(ThreadPool *threads, const Gemm *g);

/* What stands behind, e.g. "OpenBLAS 0.3.21 Cooperlake": stored with every run. */
void gemm_describe(char *out, int size);

#endif
