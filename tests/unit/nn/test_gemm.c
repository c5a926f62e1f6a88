/* The matrix product seam against a naive loop: transposes, strides, alpha and beta, any number of
 * threads. */
#include "gemm.h"
#include "rng.h"
#include "test.h"

enum { MAX_THREADS = 3, N_DRAWN = 60, LARGEST = 150, BUFFER = 2 * LARGEST * LARGEST };

typedef struct {
    ThreadPool *pools[MAX_THREADS];
    Real *a, *b, *c, *start, *want;
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    for (int i = 0; i < MAX_THREADS; i++) f->pools[i] = thread_pool_new(i + 1);
    Real **buffers[] = {&f->a, &f->b, &f->c, &f->start, &f->want};
    for (uint64_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        Real *v = *buffers[i] = test_malloc(BUFFER * sizeof *v);
        for (uint64_t k = 0; k < BUFFER; k++) {
            v[k] = (Real)(2 * rng_uniform(rng_stream(i, "gemm"), 0, k) - 1);
        }
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    for (int i = 0; i < MAX_THREADS; i++) thread_pool_free(f->pools[i]);
    test_free(f->a);
    test_free(f->b);
    test_free(f->c);
    test_free(f->start);
    test_free(f->want);
    test_free(f);
    return 0;
}

static void naive(const Gemm *g, Real *c)
{
    int lda = g->lda != 0 ? g->lda : g->transpose_a ? g->m : g->k;
    int ldb = g->ldb != 0 ? g->ldb : g->transpose_b ? g->k : g->n;
    int ldc = g->ldc != 0 ? g->ldc : g->n;
    for (int i = 0; i < g->m; i++) {
        for (int j = 0; j < g->n; j++) {
            double sum = 0;
            for (int k = 0; k < g->k; k++) {
                sum += (double)g->a[g->transpose_a ? k * lda + i : i * lda + k] *
                       (double)g->b[g->transpose_b ? j * ldb + k : k * ldb + j];
            }
            Real *out = &c[i * ldc + j];
            double before = g->beta != 0 ? (double)(g->beta * *out) : 0;
            *out = (Real)((double)g->alpha * sum + before);
        }
    }
}

/* All of the buffer: what is outside C stays as it was. */
static void assert_as_wanted(const Fixture *f)
{
    for (int k = 0; k < BUFFER; k++) assert_close(f->c[k], f->want[k], 1e-4, 1e-4);
}

static void run(Fixture *f, Gemm g)
{
    memcpy(f->want, f->start, BUFFER * sizeof *f->want);
    naive(&g, f->want);
    for (int i = 0; i < MAX_THREADS; i++) {
        memcpy(f->c, f->start, BUFFER * sizeof *f->c);
        gemm_threads(f->pools[i], &g);
        assert_as_wanted(f);
    }
}

static int pick(uint64_t i, uint64_t which, int low, int high)
{
    return low + (int)(rng_uniform(rng_stream(5, "gemm shapes"), i, which) * (high - low + 1));
}

static void test_products_agree_with_naive(void **state)
{
    Fixture *f = *state;
    for (uint64_t i = 0; i < N_DRAWN; i++) {
        Gemm g = {.transpose_a = pick(i, 0, 0, 1),
                  .transpose_b = pick(i, 1, 0, 1),
                  .m = pick(i, 2, 1, LARGEST),
                  .n = pick(i, 3, 1, LARGEST),
                  .k = pick(i, 4, 1, LARGEST),
                  .alpha = (Real)pick(i, 5, 1, 2),
                  .beta = (Real)pick(i, 6, 0, 2),
                  .a = f->a,
                  .b = f->b,
                  .c = f->c};
        if (pick(i, 7, 0, 1) == 1) g.lda = g.ldb = g.ldc = LARGEST + 7;
        run(f, g);
    }
}

static void test_large_product_is_cut_and_agrees(void **state)
{
    Fixture *f = *state;
    run(f, (Gemm){.m = 149, .n = 97, .k = 150, .alpha = 1, .a = f->a, .b = f->b, .c = f->c});
    run(f, (Gemm){.m = 61, .n = 150, .k = 150, .alpha = 1, .a = f->a, .b = f->b, .c = f->c});
}

static void test_empty_product_leaves_nothing(void **state)
{
    Fixture *f = *state;
    run(f, (Gemm){.m = 0, .n = 5, .k = 3, .alpha = 1, .beta = 1, .a = f->a, .b = f->b, .c = f->c});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_products_agree_with_naive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_product_is_cut_and_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_product_leaves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
