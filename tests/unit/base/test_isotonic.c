/* Isotonic regression and quantiles of Student's t against values computed otherwise
 * (scripts/golden/forecast.py). */
#include "isotonic.h"
#include "stats.h"
#include "test.h"

enum { MAX = 64 };

static FILE *golden;
static Isotonic fit;

static int setup(void **state)
{
    (void)state;
    char name[512];
    snprintf(name, sizeof name, "%s/tests/golden/forecast.txt", getenv("DGBENCH_SOURCE"));
    golden = fopen(name, "r");
    return golden == NULL;
}

static int teardown(void **state)
{
    (void)state;
    isotonic_done(&fit);
    return fclose(golden);
}

static void read_numbers(double *x, int n)
{
    assert_true(n <= MAX);
    for (int i = 0; i < n; i++) assert_int_equal(fscanf(golden, "%lf", &x[i]), 1);
}

static void test_fits_are_those_of_the_min_max_formula(void **state)
{
    (void)state;
    double x[MAX], y[MAX], w[MAX], at[MAX], want[MAX];
    int n, n_at, n_cases = 0;
    while (fscanf(golden, " isotonic %d", &n) == 1) {
        read_numbers(x, n);
        read_numbers(y, n);
        read_numbers(w, n);
        assert_int_equal(fscanf(golden, "%d", &n_at), 1);
        read_numbers(at, n_at);
        read_numbers(want, n_at);
        isotonic_fit(&fit, x, y, w, n);
        for (int i = 0; i < n_at; i++)
            assert_close(isotonic_at(&fit, at[i]), want[i], 1e-12, 1e-12);
        n_cases++;
    }
    assert_int_equal(n_cases, 5);
}

static void test_t_quantiles(void **state)
{
    (void)state;
    char line[4096];
    int degrees, n_cases = 0;
    double want;
    while (fgets(line, sizeof line, golden) != NULL) {
        if (sscanf(line, "t %d %lf", &degrees, &want) != 2) continue;
        assert_close(stats_t_quantile(degrees), want, 0, 1.5e-4);
        n_cases++;
    }
    assert_int_equal(n_cases, 8);
}

static void test_knots_rise(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5}, w[] = {1, 1, 1, 1, 1};
    isotonic_fit(&fit, x, (const double[]){5, 4, 3, 2, 1}, w, 5); /* all pooled */
    assert_int_equal(fit.n, 2);
    assert_close(isotonic_at(&fit, 2.5), 3, 1e-15, 0);
    isotonic_fit(&fit, x, (const double[]){0, 2, 1, 3, 4}, w, 5);
    for (int i = 1; i < fit.n; i++) {
        assert_true(fit.x[i] > fit.x[i - 1]);
        assert_true(fit.y[i] >= fit.y[i - 1]);
    }
    assert_close(isotonic_at(&fit, 2), 1.5, 1e-15, 0);
    assert_close(isotonic_at(&fit, 1.5), 0.75, 1e-15, 0); /* half way to the pooled 1.5 */
    assert_close(isotonic_at(&fit, -9), 0, 0, 0);
    assert_close(isotonic_at(&fit, 9), 4, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_fits_are_those_of_the_min_max_formula),
                                       TEST(test_t_quantiles), TEST(test_knots_rise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
