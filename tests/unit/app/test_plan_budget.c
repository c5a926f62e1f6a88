/* The largest whole part of a sweep that fits into a time. */
#include "test.h"

#include "plan_budget.h"

static Err err;

/* A run takes a second; 4 single sets and 6 larger ones. */
static double seconds_of(const void *context, BudgetPart part)
{
    (void)context;
    return (double)(part.draws * part.trials * (part.larger_sets ? 10 : 4));
}

static const BudgetPart whole = {20, 3, true};

static void expect_part(double seconds, int draws, int trials, bool larger_sets)
{
    BudgetPart part;
    assert_true(budget_fit(&part, whole, true, seconds, seconds_of, NULL));
    assert_int_equal(part.draws, draws);
    assert_int_equal(part.trials, trials);
    assert_int_equal(part.larger_sets, larger_sets);
}

static void test_all_of_it(void **state)
{
    (void)state;
    expect_part(600, 20, 3, true);
    expect_part(1e9, 20, 3, true);
}

static void test_draws_go_first(void **state)
{
    (void)state;
    expect_part(599, 19, 3, true);
    expect_part(30, 1, 3, true);
}

static void test_then_trials_with_as_many_draws_as_fit_again(void **state)
{
    (void)state;
    expect_part(29, 1, 2, true);
    expect_part(19, 1, 1, true);
    expect_part(10, 1, 1, true);
}

static void test_then_larger_sets(void **state)
{
    (void)state;
    expect_part(9.9, 1, 2, false);
    expect_part(4, 1, 1, false);
    BudgetPart part;
    assert_false(budget_fit(&part, whole, true, 3.9, seconds_of, NULL));
    assert_false(budget_fit(&part, whole, false, 9.9, seconds_of, NULL));
}

static void expect_seconds(const char *text, double expected)
{
    double seconds = 0;
    assert_ok(budget_parse(&seconds, text, &err));
    assert_close(seconds, expected, 0, 1e-9);
}

static void test_times(void **state)
{
    (void)state;
    expect_seconds("90s", 90);
    expect_seconds("30m", 1800);
    expect_seconds("8h", 28800);
    expect_seconds("1.5h", 5400);
    expect_seconds("2d", 172800);
}

static void test_what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "h", "8", "-1h", "0m", "8 hours", "nanh", "1e999d", "8w"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double seconds = 0;
        assert_false(budget_parse(&seconds, bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_draws_go_first),
        cmocka_unit_test(test_then_trials_with_as_many_draws_as_fit_again),
        cmocka_unit_test(test_then_larger_sets),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_what_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
