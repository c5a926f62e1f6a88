/* Warm start: the head only, for exactly so many updates, by an optimiser of its own. */
#include "train_case.h"

#include "checkpoint.h"

#include <unistd.h>

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

static LearnerOptions options_of(int64_t updates, bool accumulate)
{
    LearnerOptions o = train_case_options(1e-3);
    o.optim.kind = OPTIM_ADAM;
    o.warm_start = (WarmStart){updates, 1e-2, accumulate};
    return o;
}

enum { HEAD = 1, BACKBONE = 2, STATISTICS = 4 };

/* Which kinds of values differ from before. */
static int moved(Learner *l, const Real *before)
{
    Params *p = learner_params(l);
    int kinds = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        if (memcmp(before + q->offset, params_values(p) + q->offset, q->size * sizeof *before) == 0)
            continue;
        kinds |= q->flags & PARAM_BUFFER ? STATISTICS : q->flags & PARAM_HEAD ? HEAD : BACKBONE;
    }
    return kinds;
}

/* ERM++'s 501 updates: 0 .. 500. Running statistics move meanwhile, as in the reference. */
static void test_updates_0_to_500_train_the_head_only(void **state)
{
    TrainCase *c = *state;
    LearnerOptions o = options_of(501, false);
    Learner *l = train_case_learner(&o);
    Real *start = train_case_copy(l, params_values(learner_params(l)));
    train_case_run(c, l, 0, 501);
    assert_int_equal(moved(l, start), HEAD | STATISTICS);
    train_case_run(c, l, 501, 502);
    assert_int_equal(moved(l, start), HEAD | BACKBONE | STATISTICS);
    free(start);
    learner_free(l);
}

/* The first step of Adam is the rate itself wherever there is a gradient: with the warm start's
 * rate before, with the other one and no memory after it. */
static void test_both_optimisers_begin_fresh(void **state)
{
    TrainCase *c = *state;
    LearnerOptions o = options_of(4, false);
    Learner *l = train_case_learner(&o);
    Params *p = learner_params(l);
    const double rates[] = {1e-2, 1e-3};
    for (int phase = 0; phase < 2; phase++) {
        int64_t step = phase == 0 ? 0 : 4;
        train_case_run(c, l, phase == 0 ? 0 : 1, step);
        assert_close(learner_lr(l, step), rates[phase], 1e-12, 0);
        Real *before = train_case_copy(l, params_values(p));
        train_case_run(c, l, step, step + 1);
        const Param *bias = params_get(p, params_find(p, "fc.bias"));
        for (size_t i = 0; i < bias->size; i++) {
            double change = (double)(params_values(p)[bias->offset + i] - before[bias->offset + i]);
            assert_close(fabs(change), rates[phase], 1e-3, 0);
        }
        free(before);
    }
    for (int i = 0; i < params_count(p); i++) {
        int64_t want = params_get(p, i)->flags & PARAM_BUFFER ? 0 : 1;
        assert_int_equal(optim_steps(learner_optimizer(l))[i], want);
    }
    learner_free(l);
}

/* The gradient of the values that l has now, for the batch of this step. */
static Real *gradient_of(TrainCase *c, Learner *l, int64_t step)
{
    LearnerOptions o = train_case_options(0);
    Learner *still = train_case_learner(&o);
    Params *p = learner_params(still);
    memcpy(params_values(p), params_values(learner_params(l)),
           params_size(p) * sizeof *params_values(p));
    train_case_run(c, still, step, step + 1);
    Real *g = train_case_copy(still, params_gradients(p));
    learner_free(still);
    return g;
}

/* The erm_plusplus repository: the first update of everything sees the sum. */
static void test_gradients_add_up_where_asked(void **state)
{
    TrainCase *c = *state;
    enum { WARM = 3 };
    LearnerOptions o = options_of(WARM, true);
    o.optim.kind = OPTIM_SGD;
    Learner *l = train_case_learner(&o);
    Params *p = learner_params(l);
    Real *start = train_case_copy(l, params_values(p));
    double *sum = calloc(params_size(p), sizeof *sum);
    for (int64_t step = 0; step <= WARM; step++) {
        if (step == WARM) assert_int_equal(moved(l, start), HEAD | STATISTICS);
        Real *g = gradient_of(c, l, step);
        for (size_t i = 0; i < params_size(p); i++) sum[i] += (double)g[i];
        free(g);
        train_case_run(c, l, step, step + 1);
    }
    double largest = 0;
    for (size_t i = 0; i < params_size(p); i++) largest = fmax(largest, fabs(sum[i]));
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        if (q->flags & (PARAM_BUFFER | PARAM_HEAD)) continue;
        for (size_t k = q->offset; k < q->offset + q->size; k++)
            assert_close(params_gradients(p)[k], sum[k], 1e-4, 1e-5 * largest);
    }
    Real *alone = gradient_of(c, l, WARM + 1);
    train_case_run(c, l, WARM + 1, WARM + 2);
    assert_memory_equal(params_gradients(p), alone, params_size(p) * sizeof *alone);
    free(alone);
    free(sum);
    free(start);
    learner_free(l);
}

static void resumed_equals_straight(TrainCase *c, const LearnerOptions *o, int64_t stop)
{
    Err err = {0};
    char path[] = "/tmp/dgbench-warm-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    Learner *straight = train_case_learner(o), *stopped = train_case_learner(o),
            *resumed = train_case_learner(o);
    train_case_run(c, straight, 0, 8);
    train_case_run(c, stopped, 0, stop);
    TrainState saved = {.next_step = stop}, loaded;
    stages_init(&saved.stages, &(StagesOptions){.steps = 8, .lr = 1e-3});
    stages_checkpoint(&saved.stages, &(StagesOptions){.steps = 8, .auto_lr = true}, 1,
                      (Validation){0.25, 1.5});
    saved.stages.drops[1] = 77;
    assert_ok(checkpoint_save(path, "key", stopped, &saved, &err));
    assert_ok(checkpoint_load(path, "key", resumed, &loaded, &err));
    assert_memory_equal(&loaded.stages, &saved.stages, sizeof saved.stages);
    train_case_run(c, resumed, stop, 8);
    assert_memory_equal(params_values(learner_params(straight)),
                        params_values(learner_params(resumed)),
                        params_size(learner_params(straight)) * sizeof(Real));
    learner_free(straight);
    learner_free(stopped);
    learner_free(resumed);
    unlink(path);
}

static void test_resumed_at_any_step_nothing_differs(void **state)
{
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        LearnerOptions o = options_of(4, accumulate != 0);
        for (int64_t stop = 1; stop < 7; stop++) resumed_equals_straight(*state, &o, stop);
    }
}

static void test_the_warm_start_is_planned_as_cheaper(void **state)
{
    (void)state;
    LearnerOptions with = options_of(4, false), without = options_of(0, false);
    Learner *a = train_case_learner(&with), *b = train_case_learner(&without);
    double step = learner_plan_flops(b, 6, 2, 1);
    assert_close(learner_plan_flops(b, 6, 2, 10), 10 * step, 1e-9, 0);
    assert_true(learner_plan_flops(a, 6, 2, 4) < 0.6 * 4 * step);
    assert_close(learner_plan_flops(a, 6, 2, 10) - learner_plan_flops(a, 6, 2, 4), 6 * step, 1e-9,
                 0);
    learner_free(a);
    learner_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_0_to_500_train_the_head_only),
        cmocka_unit_test(test_both_optimisers_begin_fresh),
        cmocka_unit_test(test_gradients_add_up_where_asked),
        cmocka_unit_test(test_resumed_at_any_step_nothing_differs),
        cmocka_unit_test(test_the_warm_start_is_planned_as_cheaper),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
