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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoints_follow_domainbeds_rule),
        cmocka_unit_test(test_the_count_agrees_with_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
