/* Which updates are checkpoints: DomainBed's rule. */
#include "test.h"

#include "trainer.h"

static void test_checkpoints_follow_domainbeds_rule(void **state)
{
    (void)state;
    /* 1001 steps every 300: records at 0, 300, 600, 900, 1000, as in DomainBed's shipped sweep */
    int64_t found[8];
    int n = 0;
    for (int64_t s = 0; s < 1001; s++) {
        if (trainer_is_checkpoint(s, 1001, 300)) found[n++] = s;
    }
    const int64_t expected[] = {0, 300, 600, 900, 1000};
    assert_int_equal(n, 5);
    assert_memory_equal(found, expected, sizeof expected);
}

static void test_the_count_agrees_with_the_rule(void **state)
{
    (void)state;
    for (int64_t steps = 1; steps < 40; steps++) {
        for (int64_t freq = 1; freq < 45; freq++) {
            int64_t n = 0;
            for (int64_t s = 0; s < steps; s++) n += trainer_is_checkpoint(s, steps, freq);
            assert_int_equal(trainer_n_checkpoints(steps, freq), n);
        }
    }
}

typedef struct {
    int n;
    int64_t step;
} Calls;

static bool count_call(void *context, int64_t step, double mean_loss, Err *err)
{
    Calls *calls = context;
    (void)mean_loss;
    calls->n++;
    calls->step = step;
    return step == 0 || err_set(err, ERR_FORMAT, "step");
}

/* No learner, no loader: none is asked. */
static void test_no_steps_are_one_checkpoint(void **state)
{
    (void)state;
    Err err = {0};
    Calls calls = {0};
    StagesOptions stages = {0};
    TrainState at = {0};
    TrainerEnd end = TRAINER_STOPPED;
    stages_init(&at.stages, &stages);
    TrainerOptions options = {
        .stages = &stages, .checkpoint_freq = 300, .checkpoint = count_call, .context = &calls};
    assert_ok(trainer_run(&end, NULL, NULL, &at, &options, &err));
    assert_int_equal(end, TRAINER_FINISHED);
    assert_true(calls.n == 1 && calls.step == 0 && at.next_step == 0);
    assert_int_equal(trainer_n_checkpoints(0, 300), 1);
    assert_int_equal(trainer_n_checkpoints(0, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoints_follow_domainbeds_rule),
        cmocka_unit_test(test_the_count_agrees_with_the_rule),
        cmocka_unit_test(test_no_steps_are_one_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
