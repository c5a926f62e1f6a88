/* Metrics on small cases whose answers are visible by eye. */
#include "test.h"

#include "metrics.h"

static void test_prediction_of_logits(void **state)
{
    (void)state;
    Prediction p = prediction_of((float[]){0, logf(3), 0}, 3, 0);
    assert_int_equal(p.predicted, 1);
    assert_close(p.confidence, 0.6, 1e-6, 0);
    assert_close(p.nll, log(5), 1e-6, 0);
}

static void test_ties_go_to_the_first_class(void **state)
{
    (void)state;
    assert_int_equal(prediction_of((float[]){1, 2, 2}, 3, 0).predicted, 1);
}

static void test_large_logits_do_not_overflow(void **state)
{
    (void)state;
    Prediction p = prediction_of((float[]){1000, 0}, 2, 1);
    assert_close(p.nll, 1000, 1e-9, 0);
    assert_close(p.confidence, 1, 0, 1e-12);
}

static void test_accuracies(void **state)
{
    (void)state;
    /* class 0: 3 of 4 right, class 1: 0 of 1, class 2 does not occur */
    const Prediction p[] = {
        {0, 0, .9f, .1}, {0, 0, .9f, .1}, {0, 0, .9f, .1}, {0, 1, .9f, 2}, {1, 0, .9f, 2}};
    Metrics m = metrics_of(p, 5, 3);
    assert_int_equal(m.n, 5);
    assert_int_equal(m.correct, 3);
    assert_close(m.accuracy, 0.6, 1e-12, 0);
    assert_close(m.nll, 4.3 / 5, 1e-12, 0);
    assert_close(m.macro_accuracy, 0.375, 1e-12, 0);
    assert_close(m.worst_class_accuracy, 0, 0, 0);
    assert_close(m.ece, 0.3, 1e-6, 0); /* one bin: |0.6 - 0.9| */
}

static void test_calibration_is_per_bin(void **state)
{
    (void)state;
    /* two bins, each off by 0.2 in opposite directions: they must not cancel */
    const Prediction p[] = {{0, 0, .8f, 0}, {0, 0, .8f, 0}, {0, 1, .2f, 0}, {0, 1, .2f, 0}};
    assert_close(metrics_of(p, 4, 2).ece, 0.2, 1e-6, 0);
}

static void test_no_images_is_not_a_number(void **state)
{
    (void)state;
    Metrics m = metrics_of(NULL, 0, 2);
    assert_int_equal(m.n, 0);
    assert_true(isnan(m.accuracy));
}

static void test_logits_that_are_not_finite_give_no_calibration(void **state)
{
    (void)state;
    Prediction p[] = {{0, 0, .9f, .1}, prediction_of((float[]){NAN, NAN}, 2, 1)};
    Metrics m = metrics_of(p, 2, 2);
    assert_true(isnan(m.ece));
    assert_true(isnan(m.nll));
    assert_int_equal(m.correct, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prediction_of_logits),
        cmocka_unit_test(test_ties_go_to_the_first_class),
        cmocka_unit_test(test_large_logits_do_not_overflow),
        cmocka_unit_test(test_accuracies),
        cmocka_unit_test(test_calibration_is_per_bin),
        cmocka_unit_test(test_no_images_is_not_a_number),
        cmocka_unit_test(test_logits_that_are_not_finite_give_no_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
