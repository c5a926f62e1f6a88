/* OpenBLAS behind the seam. */
#include "gemm.h"

#include "err.h"

#include <cblas.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MIN_PART_FLOPS = 1 << 20, PART_MULTIPLE = 16 };

static void keep_one_blas_thread(void)
{
    openblas_set_num_threads(1);
}

void gemm(const Gemm *g)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, keep_one_blas_thread);
    if (g->m == 0 || g->n == 0) return;
    int lda = g->lda != 0 ? g->lda : g->transpose_a ? g->m : g->k;
    int ldb = g->ldb != 0 ? g->ldb : g->transpose_b ? g->k : g->n;
    int ldc = g->ldc != 0 ? g->ldc : g->n;
    CBLAS_TRANSPOSE ta = g->transpose_a ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tb = g->transpose_b ? CblasTrans : CblasNoTrans;
#ifdef NN_DOUBLE
    cblas_dgemm(CblasRowMajor, ta, tb, g->m, g->n, g->k, g->alpha, g->a, lda, g->b, ldb, g->beta,
                g->c, ldc);
#else
    cblas_sgemm(CblasRowMajor, ta, tb, g->m, g->n, g->k, g->alpha, g->a, lda, g->b, ldb, g->beta,
                g->c, ldc);
#endif
}

typedef struct {
    const Gemm *whole;
    int n_parts;
    bool cut_rows;
} GemmCut;

/* [begin, end) of part i when n is cut into n_parts multiples of PART_MULTIPLE. */
static void part_range(int n, int n_parts, int i, int *begin, int *end)
{
    int blocks = (n + PART_MULTIPLE - 1) / PART_MULTIPLE;
    long long b = (long long)blocks * i / n_parts * PART_MULTIPLE;
    long long e = (long long)blocks * (i + 1) / n_parts * PART_MULTIPLE;
    *begin = (int)(b < n ? b : n);
    *end = (int)(e < n ? e : n);
}

static void gemm_part(void *context, int task, int thread)
{
    (void)thread;
    const GemmCut *cut = context;
    Gemm g = *cut->whole;
    g.lda = g.lda != 0 ? g.lda : g.transpose_a ? g.m : g.k;
    g.ldb = g.ldb != 0 ? g.ldb : g.transpose_b ? g.k : g.n;
    g.ldc = g.ldc != 0 ? g.ldc : g.n;
    int begin, end;
    part_range(cut->cut_rows ? g.m : g.n, cut->n_parts, task, &begin, &end);
    if (cut->cut_rows) {
        g.a += (size_t)begin * (size_t)(g.transpose_a ? 1 : g.lda);
        g.c += (size_t)begin * (size_t)g.ldc;
        g.m = end - begin;
    } else {
        g.b += (size_t)begin * (size_t)(g.transpose_b ? g.ldb : 1);
        g.c += begin;
        g.n = end - begin;
    }
    gemm(&g);
}

void gemm_threads(ThreadPool *threads, const Gemm *g)
{
    int n_parts = thread_pool_size(threads);
    if (n_parts == 1 || 2.0 * g->m * g->n * g->k < (double)MIN_PART_FLOPS) {
        gemm(g);
        return;
    }
    GemmCut cut = {g, n_parts, g->m >= g->n};
    thread_pool_run(threads, n_parts, gemm_part, &cut);
}

void gemm_describe(char *out, int size)
{
    char version[64] = "";
    (void)sscanf(openblas_get_config(), "OpenBLAS %63s", version);
    snprintf(out, (size_t)size, "OpenBLAS %s %s", version, openblas_get_corename());
}
