/* Running averages of weights: uniform and exponential, against values recomputed from saved
 * weights. */
#include "test.h"

#include "averaging.h"
#include "registry.h"

enum { N = 37, STEPS = 25, START = 9 };

typedef struct {
    Params *params;
    double weights[STEPS][N]; /* after each update */
} Trajectory;

static int setup(void **state)
{
    Trajectory *t = calloc(1, sizeof *t);
    t->params = params_new();
    params_add(
        t->params,
        &(ParamSpec){.name = "w", .rank = 1, .dims = {N}, .init = INIT_NORMAL, .init_value = 1});
    params_seal(t->params, 3);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    Trajectory *t = *state;
    params_free(t->params);
    free(t);
    return 0;
}

/* Walks the weights along a made-up path and updates the average after every step. */
static Average *walk(Trajectory *t, const char *name, double ema_decay)
{
    AveragingOptions options = {.start = START, .ema_decay = ema_decay};
    Average *a = average_new(method_averaging(name), &options, t->params);
    for (int s = 0; s < STEPS; s++) {
        Real *w = params_values(t->params);
        for (int i = 0; i < N; i++) {
            w[i] = (Real)sin(0.37 * s * (i + 1) + i);
            t->weights[s][i] = (double)w[i];
        }
        average_update(a, t->params, s, NULL);
        if (s <= START) assert_memory_equal(average_values(a), w, N * sizeof *w);
    }
    return a;
}

static void test_sma_is_the_uniform_mean_from_start_on(void **state)
{
    Trajectory *t = *state;
    Average *a = walk(t, "sma", 0);
    assert_int_equal(average_count(a), STEPS - START);
    for (int i = 0; i < N; i++) {
        double mean = 0;
        for (int s = START; s < STEPS; s++) mean += t->weights[s][i] / (STEPS - START);
        assert_close(average_values(a)[i], mean, 1e-6, 1e-6);
    }
    average_free(a);
}

static void test_ema_follows_its_recurrence(void **state)
{
    Trajectory *t = *state;
    Average *a = walk(t, "ema", 0.8);
    for (int i = 0; i < N; i++) {
        double want = t->weights[START][i];
        for (int s = START + 1; s < STEPS; s++) want = 0.8 * want + 0.2 * t->weights[s][i];
        assert_close(average_values(a)[i], want, 1e-6, 1e-6);
    }
    average_free(a);
}

static void test_unknown_names_are_not_found(void **state)
{
    (void)state;
    assert_null(method_averaging("no-such"));
    assert_null(method_objective("no-such"));
    assert_non_null(method_objective("erm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sma_is_the_uniform_mean_from_start_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ema_follows_its_recurrence, setup, teardown),
        cmocka_unit_test(test_unknown_names_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
