/* Auto-LR and the full-data stage as bookkeeping: no network is trained. */
#include "test.h"

#include "stages.h"

enum { FREQ = 300, STEPS = 5001 };

static const StagesOptions ERM_PLUSPLUS = {
    .steps = STEPS, .warm_start = 501, .lr = 5e-5, .auto_lr = true, .full_data = true};

/* Walks stage VALIDATED; the validation loss at judged checkpoint i is nll[i], the last one from
 * then on. */
static Stages validated(const StagesOptions *options, const double *nll, int n)
{
    Stages s;
    stages_init(&s, options);
    int judged = 0;
    for (int64_t step = 0; step < s.steps; step++) {
        if (step % FREQ != 0 && step != s.steps - 1) continue;
        bool warming_up = step < 500;
        double loss = warming_up ? 0.001 : nll[judged < n ? judged : n - 1];
        judged += !warming_up;
        stages_checkpoint(&s, options, step, (Validation){0.5, loss});
    }
    return s;
}

/* The reference's own simulation: losses 1, .9, .8 and then flat end its first stage at 3000. */
static void test_third_plateau_ends_the_stage(void **state)
{
    (void)state;
    Stages s = validated(&ERM_PLUSPLUS, (double[]){1, .9, .8}, 3);
    assert_int_equal(s.steps, 3001);
    assert_int_equal(s.n_drops, 3);
    assert_int_equal(s.drops[0], 1800);
    assert_int_equal(s.drops[1], 2400);
    assert_close(stages_lr(&s, &ERM_PLUSPLUS, 1800), 5e-5, 1e-12, 0);
    assert_close(stages_lr(&s, &ERM_PLUSPLUS, 1801), 5e-6, 1e-12, 0);
    assert_close(stages_lr(&s, &ERM_PLUSPLUS, 2401), 5e-7, 1e-12, 0);
    assert_close(stages_lr(&s, &ERM_PLUSPLUS, 3000), 5e-7, 1e-12, 0);
}

static void test_losses_of_the_warm_start_are_not_judged(void **state)
{
    (void)state;
    StagesOptions none = ERM_PLUSPLUS;
    none.warm_start = 0;
    Stages s = validated(&none, (double[]){1, .9, .8}, 3); /* .001 at 0 and 300: so is all later */
    assert_int_equal(s.drops[0], 600);
    s = validated(&ERM_PLUSPLUS, (double[]){1, .9, .8}, 3);
    assert_int_equal(s.drops[0], 1800);
}

static void test_full_data_repeats_rates_and_length(void **state)
{
    (void)state;
    Stages first = validated(&ERM_PLUSPLUS, (double[]){1, .9, .8}, 3), second = first;
    assert_true(stages_next(&second, &ERM_PLUSPLUS));
    assert_int_equal(second.stage, STAGE_FULL_DATA);
    assert_int_equal(second.before, 3001);
    assert_int_equal(second.steps, 3001);
    for (int64_t step = 0; step < 3001; step++) {
        assert_true(stages_lr(&first, &ERM_PLUSPLUS, step) ==
                    stages_lr(&second, &ERM_PLUSPLUS, step));
    }
    assert_int_equal(stages_repeated_step(&second, &ERM_PLUSPLUS), 3000);
    assert_false(stages_next(&second, &ERM_PLUSPLUS));
}

/* Where the port's list of rates would run out. */
static void test_without_a_third_plateau_all_steps_are_repeated(void **state)
{
    (void)state;
    double falling[20];
    for (int i = 0; i < 20; i++) falling[i] = 1 - 0.01 * i;
    Stages s = validated(&ERM_PLUSPLUS, falling, 20);
    assert_int_equal(s.steps, STEPS);
    assert_int_equal(s.n_drops, 0);
    assert_true(stages_next(&s, &ERM_PLUSPLUS));
    assert_int_equal(s.steps, STEPS);
    assert_close(stages_lr(&s, &ERM_PLUSPLUS, STEPS - 1), 5e-5, 1e-12, 0);
}

/* Without Auto-LR the earliest best accuracy decides. */
static void test_full_data_ends_at_the_best_checkpoint(void **state)
{
    (void)state;
    StagesOptions o = {.steps = 1201, .lr = 1e-3, .full_data = true};
    Stages s;
    stages_init(&s, &o);
    const double accuracy[] = {0.2, 0.6, 0.7, 0.7, 0.65};
    for (int i = 0; i < 5; i++)
        stages_checkpoint(&s, &o, FREQ * i, (Validation){accuracy[i], 9 - i});
    assert_int_equal(s.steps, 1201);
    assert_true(stages_next(&s, &o));
    assert_int_equal(s.steps, 601);
    assert_int_equal(s.before, 1201);
    assert_int_equal(stages_repeated_step(&s, &o), 600);
    assert_true(stages_lr(&s, &o, 600) == 1e-3);
    assert_int_equal(stages_most_updates(&o), 2402);
}

static void test_one_stage_without_full_data(void **state)
{
    (void)state;
    StagesOptions o = {.steps = 7, .lr = 1e-3};
    Stages s;
    stages_init(&s, &o);
    assert_false(stages_next(&s, &o));
    assert_int_equal(stages_most_updates(&o), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_third_plateau_ends_the_stage),
        cmocka_unit_test(test_losses_of_the_warm_start_are_not_judged),
        cmocka_unit_test(test_full_data_repeats_rates_and_length),
        cmocka_unit_test(test_without_a_third_plateau_all_steps_are_repeated),
        cmocka_unit_test(test_full_data_ends_at_the_best_checkpoint),
        cmocka_unit_test(test_one_stage_without_full_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
