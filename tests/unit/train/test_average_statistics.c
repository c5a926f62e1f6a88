/* Averages along a real trajectory: weights recomputed from those saved after every update, running
 * statistics from what the averaged network sees. */
#include "train_case.h"

#include "registry.h"

enum { STEPS = 9, START = 3 };

static int setup(void **state)
{
    *state = train_case_new();
    return 0;
}

static int teardown(void **state)
{
    train_case_free(*state);
    return 0;
}

static LearnerOptions options_of(AverageBatchNorm kind, bool start_twice)
{
    LearnerOptions o = train_case_options(0.05);
    o.averagings[0] = method_averaging("sma");
    o.n_averagings = 1;
    o.averaging = (AveragingOptions){.start = START, .steps = STEPS, .start_twice = start_twice};
    o.average_batch_norm = kind;
    return o;
}

static bool is_buffer(Learner *l, size_t at)
{
    Params *p = learner_params(l);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        if (at >= q->offset && at < q->offset + q->size) return (q->flags & PARAM_BUFFER) != 0;
    }
    return false; /* between parameters */
}

/* Where values are those of the average: everywhere, or in weights or statistics only. */
typedef enum { WEIGHTS, STATISTICS } Part;

static void assert_part_equal(Learner *l, Part part, const double *want)
{
    Real *got = average_values(learner_average(l, 0));
    int n = 0;
    for (size_t i = 0; i < params_size(learner_params(l)); i++) {
        if (is_buffer(l, i) != (part == STATISTICS)) continue;
        assert_close(got[i], want[i], 1e-4, 1e-5);
        n++;
    }
    assert_true(n > 100);
}

/* Uniform over the weights after updates START .. STEPS - 1, or with the first one twice. */
static void weights_are_the_mean(TrainCase *c, AverageBatchNorm kind, bool start_twice)
{
    LearnerOptions o = options_of(kind, start_twice);
    Learner *l = train_case_learner(&o);
    size_t size = params_size(learner_params(l));
    double *mean = calloc(size, sizeof *mean);
    double n = STEPS - START + (start_twice ? 1 : 0);
    for (int64_t step = 0; step < STEPS; step++) {
        train_case_run(c, l, step, step + 1);
        const Real *w = params_values(learner_params(l));
        double weight = step < START ? 0 : step == START && start_twice ? 2 : 1;
        for (size_t i = 0; i < size; i++) mean[i] += weight / n * (double)w[i];
    }
    assert_part_equal(l, WEIGHTS, mean);
    if (kind == AVERAGE_BN_AVERAGE) assert_part_equal(l, STATISTICS, mean);
    free(mean);
    learner_free(l);
}

static void test_weights_are_uniform_over_the_saved_ones(void **state)
{
    weights_are_the_mean(*state, AVERAGE_BN_AVERAGE, false);
    weights_are_the_mean(*state, AVERAGE_BN_FORWARD, false);
    weights_are_the_mean(*state, AVERAGE_BN_REFRESH, false);
}

static void test_the_first_counts_twice_where_asked(void **state)
{
    weights_are_the_mean(*state, AVERAGE_BN_OWN, true);
}

/* What a training forward pass over the batch of this step makes of values. */
static void look_at_batch(TrainCase *c, double *values, int64_t step)
{
    LearnerOptions o = train_case_options(0);
    Learner *l = train_case_learner(&o);
    Params *p = learner_params(l);
    for (size_t i = 0; i < params_size(p); i++) params_values(p)[i] = (Real)values[i];
    train_case_run(c, l, step, step + 1);
    for (size_t i = 0; i < params_size(p); i++) values[i] = (double)params_values(p)[i];
    learner_free(l);
}

/* FORWARD: mixed with the raw ones by the average's own rule, then moved by what the averaged
 * network sees; OWN: moved only. */
static void statistics_follow(TrainCase *c, AverageBatchNorm kind)
{
    LearnerOptions o = options_of(kind, false);
    Learner *l = train_case_learner(&o);
    size_t size = params_size(learner_params(l));
    double *want = calloc(size, sizeof *want);
    for (int64_t step = 0; step < STEPS; step++) {
        train_case_run(c, l, step, step + 1);
        const Real *raw = params_values(learner_params(l));
        double share = step <= START ? 1 : 1 / (double)(step - START + 1);
        for (size_t i = 0; i < size; i++) {
            bool keep = kind == AVERAGE_BN_OWN && step > START && is_buffer(l, i);
            if (!keep) want[i] += share * ((double)raw[i] - want[i]);
        }
        if (step > START) look_at_batch(c, want, step);
        assert_part_equal(l, STATISTICS, want);
    }
    free(want);
    learner_free(l);
}

static void test_statistics_follow_the_averaged_network(void **state)
{
    statistics_follow(*state, AVERAGE_BN_FORWARD);
    statistics_follow(*state, AVERAGE_BN_OWN);
}

/* The extra passes are counted, and change neither the raw weights nor their statistics. */
static void test_the_raw_trajectory_does_not_notice(void **state)
{
    LearnerOptions plain = options_of(AVERAGE_BN_AVERAGE, false),
                   forward = options_of(AVERAGE_BN_FORWARD, false);
    Learner *a = train_case_learner(&plain), *b = train_case_learner(&forward);
    train_case_run(*state, a, 0, STEPS);
    train_case_run(*state, b, 0, STEPS);
    assert_memory_equal(params_values(learner_params(a)), params_values(learner_params(b)),
                        params_size(learner_params(a)) * sizeof(Real));
    double once = learner_plan_flops(b, 6, 2, 1);
    assert_close(learner_plan_flops(a, 6, 2, STEPS), STEPS * once, 1e-9, 0);
    double extra = learner_plan_flops(b, 6, 2, STEPS) - STEPS * once;
    double forward_pass = learner_plan_predict(b, 6).forward_flops;
    assert_close(extra, (STEPS - START - 1) * forward_pass, 1e-9, 0);
    learner_free(a);
    learner_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_uniform_over_the_saved_ones),
        cmocka_unit_test(test_the_first_counts_twice_where_asked),
        cmocka_unit_test(test_statistics_follow_the_averaged_network),
        cmocka_unit_test(test_the_raw_trajectory_does_not_notice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
