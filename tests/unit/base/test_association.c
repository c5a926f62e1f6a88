/* Rank statistics against SciPy (scripts/golden/association.py). */
#include "association.h"
#include "rng.h"
#include "test.h"

#include <string.h>

enum { MAX = 1000, N_CASES = 10 };

typedef struct {
    char name[32];
    double want[9]; /* spearman, auc, slope; their lower ends; their upper ends */
    AssociationRow rows[MAX];
    int n;
} Case;

static FILE *golden;
static Case one;

static int setup(void **state)
{
    (void)state;
    char name[512];
    snprintf(name, sizeof name, "%s/tests/golden/association.txt", getenv("DGBENCH_SOURCE"));
    golden = fopen(name, "r");
    return golden == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return fclose(golden);
}

static bool next_case(void)
{
    if (fscanf(golden, "%31s %d", one.name, &one.n) != 2) return false;
    assert_true(one.n <= MAX);
    for (int i = 0; i < 9; i++) assert_int_equal(fscanf(golden, "%lf", &one.want[i]), 1);
    for (int i = 0; i < one.n; i++) {
        long unit, block, stratum, series;
        int right, side;
        AssociationRow *row = &one.rows[i];
        assert_int_equal(fscanf(golden, "%lf %d %ld %ld %ld %ld %d", &row->x, &right, &unit, &block,
                                &stratum, &series, &side),
                         7);
        *row = (AssociationRow){row->x, right, side, unit, block, stratum, series};
    }
    return true;
}

static void assert_same(double got, double want)
{
    if (isnan(want))
        assert_true(isnan(got));
    else
        assert_close(got, want, 1e-10, 1e-12);
}

static void test_values_are_scipys(void **state)
{
    (void)state;
    int n_cases = 0;
    for (; next_case(); n_cases++) {
        Association a = association_measure(one.rows, one.n, 0);
        assert_same(a.spearman.value, one.want[0]);
        assert_same(a.auc.value, one.want[1]);
        assert_same(a.slope.value, one.want[2]);
        assert_true(isnan(a.auc.low) && isnan(a.auc.high)); /* not asked for */
    }
    assert_int_equal(n_cases, N_CASES);
}

/* Other draws, so the ends agree to a part of the interval's width. */
static void assert_near(const Estimate *got, double low, double high)
{
    double tolerance = 0.12 * (high - low);
    assert_close(got->low, low, 0, tolerance);
    assert_close(got->high, high, 0, tolerance);
    assert_true(got->low < got->value && got->value < got->high);
}

static void test_intervals_agree_with_another_bootstrap(void **state)
{
    (void)state;
    int n_cases = 0;
    while (next_case()) {
        if (isnan(one.want[3])) continue;
        Association a = association_measure(one.rows, one.n, ASSOCIATION_RESAMPLES);
        assert_near(&a.spearman, one.want[3], one.want[6]);
        assert_near(&a.auc, one.want[4], one.want[7]);
        assert_near(&a.slope, one.want[5], one.want[8]);
        n_cases++;
    }
    assert_int_equal(n_cases, 2);
}

static void test_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    while (next_case()) {
        static AssociationRow reversed[MAX];
        for (int i = 0; i < one.n; i++) reversed[i] = one.rows[one.n - 1 - i];
        Association a = association_measure(one.rows, one.n, 50);
        Association b = association_measure(reversed, one.n, 50);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void test_paired_sides_that_are_equal_differ_by_nothing(void **state)
{
    (void)state;
    AssociationRow rows[200];
    RngStream stream = rng_stream(7, "rows");
    for (int i = 0; i < 100; i++) {
        double x = rng_uniform(stream, 0, (uint64_t)i);
        rows[i] = (AssociationRow){
            .x = x, .right = rng_uniform(stream, 1, (uint64_t)i) < x, .unit = i, .block = i % 4};
        rows[100 + i] = rows[i];
        rows[100 + i].side = true;
    }
    Association a = association_measure(rows, 200, 100);
    assert_int_equal(a.n_units, 100);
    assert_true(a.auc.value == 0 && a.auc.low == 0 && a.auc.high == 0);
    assert_true(a.slope.value == 0 && a.slope.low == 0 && a.slope.high == 0);
}

static void test_spearman_of_any_numbers(void **state)
{
    (void)state;
    /* scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 9]) */
    const double x[] = {1, 2, 2, 4, 5}, y[] = {3, 1, 4, 4, 9}, same[] = {2, 2, 2, 2, 2};
    assert_close(association_spearman(x, y, 5), 0.7631578947368421, 1e-12, 0);
    assert_true(isnan(association_spearman(x, same, 5)));
    assert_true(isnan(association_spearman(x, y, 1)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_values_are_scipys),
                                       TEST(test_intervals_agree_with_another_bootstrap),
                                       TEST(test_order_of_rows_does_not_matter),
                                       TEST(test_paired_sides_that_are_equal_differ_by_nothing),
                                       TEST(test_spearman_of_any_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
