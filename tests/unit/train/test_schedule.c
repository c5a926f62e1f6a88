/* Learning rates of every update against torch.optim.lr_scheduler. */
#include "golden.h"

#include "registry.h"

static const double LR = 0.01; /* as scripts/golden/schedules.py */
enum { STEPS = 23, WARM_UP = 5 };

static void compare(const char *golden, const char *schedule, double final, int64_t warm_up)
{
    SafeTensors *f = golden_open("nn/schedules.safetensors");
    size_t n;
    Real *want = golden_values(f, golden, &n);
    assert_int_equal(n, STEPS);
    ScheduleOptions options = {
        .kind = method_schedule(schedule), .hparams = &final, .warm_up = warm_up, .steps = STEPS};
    for (int s = 0; s < STEPS; s++) {
        double got = LR * schedule_factor(&options, s);
        if (!test_is_close(got, (double)want[s], 1e-6, 1e-9))
            fail_msg("%s, step %d: %.9g, expected %.9g", golden, s, got, (double)want[s]);
    }
    test_free(want);
    safetensors_close(f);
}

static void test_cosine_as_torch(void **state)
{
    (void)state;
    compare("cosine", "cosine", 0, 0);
    compare("cosine_final", "cosine", 0.1, 0);
}

static void test_warm_up_as_torch(void **state)
{
    (void)state;
    compare("warm_up", "constant", 0, WARM_UP);
    compare("warm_up_cosine", "cosine", 0, WARM_UP);
}

static void test_unknown_schedules_are_not_found(void **state)
{
    (void)state;
    int n;
    const Schedule *const *all = method_schedules(&n);
    for (int i = 0; i < n; i++) assert_ptr_equal(method_schedule(all[i]->name), all[i]);
    assert_null(method_schedule("no-such"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine_as_torch),
        cmocka_unit_test(test_warm_up_as_torch),
        cmocka_unit_test(test_unknown_schedules_are_not_found),
    };
    return cmocka_run_group_tests_name("train-schedule", tests, NULL, NULL);
}
