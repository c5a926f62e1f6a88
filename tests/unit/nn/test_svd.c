/* The decomposition gives the matrix back; its factors are orthonormal. */
#include "svd.h"

#include "rng.h"
#include "test.h"

enum { MAX = 40 };

static double dot(const double *a, const double *b, int n, int stride)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i * stride] * b[i * stride];
    return sum;
}

static void check_shape(int m, int n)
{
    double a[MAX * MAX], s[MAX], alone[MAX], u[MAX * MAX], vt[MAX * MAX];
    RngStream stream = rng_sub(rng_stream(1, "svd"), (uint64_t)(m * MAX + n));
    int k = m < n ? m : n;
    for (int i = 0; i < m * n; i++) a[i] = rng_normal(stream, 0, (uint64_t)i);
    svd(s, u, vt, a, m, n);
    svd(alone, NULL, NULL, a, m, n);
    for (int i = 0; i < k; i++) {
        assert_close(alone[i], s[i], 1e-12, 1e-14);
        assert_true(s[i] >= 0 && (i == 0 || s[i] <= s[i - 1]));
        for (int j = 0; j < k; j++) {
            assert_close(dot(u + i, u + j, m, k), i == j, 0, 1e-12);
            assert_close(dot(vt + i * n, vt + j * n, n, 1), i == j, 0, 1e-12);
        }
    }
    for (int i = 0; i < m * n; i++) {
        double sum = 0;
        for (int j = 0; j < k; j++) sum += u[i / n * k + j] * s[j] * vt[j * n + i % n];
        assert_close(sum, a[i], 0, 1e-12);
    }
}

static void test_factors_give_the_matrix_back(void **state)
{
    (void)state;
    check_shape(1, 1);
    check_shape(5, 3);
    check_shape(3, 5);
    check_shape(40, 40);
    check_shape(7, 40);
}

static void test_diagonal(void **state)
{
    (void)state;
    const double a[] = {0, -3, 2, 0, 0, 0};
    double s[2];
    svd(s, NULL, NULL, a, 2, 3);
    assert_close(s[0], sqrt(13), 1e-14, 0);
    assert_close(s[1], 0, 0, 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_factors_give_the_matrix_back),
                                       cmocka_unit_test(test_diagonal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
