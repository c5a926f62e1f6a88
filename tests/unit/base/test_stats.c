/* Statistics against values that were computed independently (scripts/golden/stats.py). */
#include "rng.h"
#include "stats.h"
#include "test.h"

enum { MAX = 64 };

static FILE *golden;

static int setup(void **state)
{
    (void)state;
    char name[512];
    snprintf(name, sizeof name, "%s/tests/golden/stats.txt", getenv("DGBENCH_SOURCE"));
    golden = fopen(name, "r");
    return golden == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return fclose(golden);
}

static void read_numbers(double *x, int n)
{
    for (int i = 0; i < n; i++) assert_int_equal(fscanf(golden, "%lf", &x[i]), 1);
}

/* The next line of this kind: its n numbers, then what the caller reads. Returns n, 0 at the end.
 */
static int next_case(const char *kind, double *x)
{
    char found[16], rest[1024];
    int n;
    while (fscanf(golden, "%15s %d", found, &n) == 2) {
        assert_true(n > 0 && n < MAX);
        if (strcmp(found, kind) == 0) {
            read_numbers(x, n);
            return n;
        }
        if (fgets(rest, sizeof rest, golden) == NULL) break;
    }
    return 0;
}

static void test_standard_errors(void **state)
{
    (void)state;
    double x[MAX], want[3];
    int n, n_cases = 0;
    for (; (n = next_case("stderr", x)) > 0; n_cases++) {
        read_numbers(want, 3);
        assert_close(stats_mean(x, n), want[0], 1e-14, 0);
        assert_close(stats_stderr(x, n, true), want[1], 1e-12, 0);
        if (want[2] < 0)
            assert_true(isnan(stats_stderr(x, n, false)));
        else
            assert_close(stats_stderr(x, n, false), want[2], 1e-12, 0);
    }
    assert_int_equal(n_cases, 4);
}

static void test_permutation_test_is_brute_force(void **state)
{
    (void)state;
    double x[MAX], want;
    int n, n_cases = 0;
    for (; (n = next_case("signflip", x)) > 0; n_cases++) {
        read_numbers(&want, 1);
        assert_close(stats_sign_flip_p(x, n), want, 1e-14, 0);
    }
    assert_int_equal(n_cases, 6);
}

static void test_sampled_permutation_test_is_near_the_exact_one(void **state)
{
    (void)state;
    /* 21 differences are sampled; a 21st of 0 changes nothing, so the exact answer is known. */
    double x[21];
    for (int i = 0; i < 20; i++) x[i] = rng_normal(rng_stream(3, "test"), 0, (uint64_t)i) + 0.4;
    x[20] = 0.0;
    double exact = stats_sign_flip_p(x, 20), sampled = stats_sign_flip_p(x, 21);
    assert_true(exact > 0.001 && exact < 0.5);
    assert_close(sampled, exact, 0, 4 * sqrt(exact / STATS_SIGN_SAMPLES));
}

static void test_bootstrap_is_the_exact_enumeration(void **state)
{
    (void)state;
    double x[MAX], numbers[MAX], want[2];
    int groups[MAX], n, n_cases = 0;
    for (; (n = next_case("bootstrap", x)) > 0; n_cases++) {
        read_numbers(numbers, n);
        for (int i = 0; i < n; i++) groups[i] = (int)numbers[i];
        read_numbers(want, 2);
        StatsInterval interval = stats_bootstrap(x, groups, n, 0.8);
        assert_close(interval.low, want[0], 1e-12, 0);
        assert_close(interval.high, want[1], 1e-12, 0);
    }
    assert_int_equal(n_cases, 4);
}

static void test_bootstrap_does_not_depend_on_the_order(void **state)
{
    (void)state;
    const double x[] = {1, 5, 2, 8, 3}, shuffled[] = {3, 2, 8, 1, 5};
    StatsInterval a = stats_bootstrap(x, (int[]){7, 7, 4, 4, 4}, 5, 0.95);
    StatsInterval b = stats_bootstrap(shuffled, (int[]){4, 4, 4, 7, 7}, 5, 0.95);
    assert_true(a.low == b.low && a.high == b.high && a.low < a.high);
}

/* Data with noise on both levels: 95 % intervals contain the truth in nearly 95 of 100 cases, less
 * what ten groups take away (91.5 % over 2,000 repeats); drawing values alone would reach 73.6 %.
 */
static void test_bootstrap_covers_simulated_truth(void **state)
{
    (void)state;
    enum { REPEATS = 200, GROUPS = 10, TRIALS = 3 };
    RngStream stream = rng_stream(5, "coverage");
    int covered = 0;
    for (int r = 0; r < REPEATS; r++) {
        double x[GROUPS * TRIALS];
        int groups[GROUPS * TRIALS];
        for (int i = 0; i < GROUPS * TRIALS; i++) {
            groups[i] = i / TRIALS;
            x[i] = 70 + 2 * rng_normal(rng_sub(stream, 1), (uint64_t)r, (uint64_t)groups[i]) +
                   rng_normal(rng_sub(stream, 2), (uint64_t)r, (uint64_t)i);
        }
        StatsInterval interval = stats_bootstrap(x, groups, GROUPS * TRIALS, 0.95);
        covered += interval.low <= 70 && 70 <= interval.high;
    }
    assert_in_range(covered, REPEATS * 84 / 100, REPEATS * 98 / 100);
}

static void test_holm(void **state)
{
    (void)state;
    double p[MAX], want[MAX];
    int n, n_cases = 0;
    for (; (n = next_case("holm", p)) > 0; n_cases++) {
        read_numbers(want, n);
        stats_holm(p, n);
        for (int i = 0; i < n; i++) assert_close(p[i], want[i], 1e-14, 0);
    }
    assert_int_equal(n_cases, 4);
}

static void test_quantiles_are_linear_between_neighbours(void **state)
{
    (void)state;
    const double x[] = {1, 2, 4, 8};
    assert_close(stats_quantile(x, 4, 0.5), 3.0, 0, 0);
    assert_close(stats_quantile(x, 4, 0.25), 1.75, 0, 0);
    assert_close(stats_quantile(x, 4, 1.0), 8.0, 0, 0);
    assert_close(stats_quantile(x, 1, 0.3), 1.0, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_standard_errors),
                                       TEST(test_permutation_test_is_brute_force),
                                       TEST(test_sampled_permutation_test_is_near_the_exact_one),
                                       TEST(test_bootstrap_is_the_exact_enumeration),
                                       TEST(test_bootstrap_does_not_depend_on_the_order),
                                       TEST(test_bootstrap_covers_simulated_truth),
                                       TEST(test_holm),
                                       TEST(test_quantiles_are_linear_between_neighbours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
