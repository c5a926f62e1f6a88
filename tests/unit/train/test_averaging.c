/* Averages of weights against values recomputed from saved weights, and against the weights that
 * each update has to have. */
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

/* ---- averages whose weights are read off: the weights after update s are the unit vector s ----
 */

enum { MAX_UPDATES = 40 };

typedef struct {
    double n_converge, n_tolerance, ratio, reading; /* in the order of swad's hyper-parameters */
} SwadHparams;

enum { REFERENCE, PAPER };

typedef struct {
    const char *name;
    SwadHparams hparams;
    int per_checkpoint; /* updates between checkpoints; the first one comes after one update */
    double losses[MAX_UPDATES]; /* of the checkpoints; ends with 0 */
    double shares[MAX_UPDATES]; /* wanted weights of the updates, times total */
    double total;
} SwadCase;

#define VALLEY_LOSSES                                                                              \
    {                                                                                              \
        2, 1, .6, .5, .45, .40, .42, .43, .44, .46, .5, .6, .7, .8, .9, 1, 1.1                     \
    }
#define EARLY_LOSSES                                                                               \
    {                                                                                              \
        1, .40, .42, .43, .44, .46, .5, .6, .7, .8, .9, 1, 1.1                                     \
    }
#define DEFAULTS(reading)                                                                          \
    {                                                                                              \
        3, 6, .3, reading                                                                          \
    }

/* The first three are traces of the authors' code (swad.py LossValley); the others follow from its
 * rules, or from Algorithm 1, by hand. */
static const SwadCase SWAD_CASES[] = {
    {"traced: valley",
     DEFAULTS(REFERENCE),
     1,
     VALLEY_LOSSES,
     {[4] = 1, [5] = 2, [6] = 1, [7] = 1, [8] = 1, [9] = 1, [10] = 1},
     8},
    {"traced: converged before the window is full",
     DEFAULTS(REFERENCE),
     1,
     EARLY_LOSSES,
     {[1] = 1, [2] = 2, [3] = 2, [4] = 1, [5] = 1, [6] = 1},
     8},
    {"traced: never converged", DEFAULTS(REFERENCE), 1, {5, 4, 3, 2, 1}, {[4] = 1}, 1},
    {"ends inside the valley",
     DEFAULTS(REFERENCE),
     1,
     {2, 1, .6, .5, .45, .40, .42, .43, .44, .46, .5, .6},
     {[4] = 1, [5] = 2, [6] = 1, [7] = 1, [8] = 1, [9] = 1, [10] = 1},
     8},
    {"ends soon after convergence",
     DEFAULTS(REFERENCE),
     1,
     {2, 1, .6, .5, .45, .40, .42, .43, .44},
     {[4] = 2, [5] = 2, [6] = 1, [7] = 1, [8] = 1},
     7},
    {"window shorter than patience",
     {4, 2, .3, REFERENCE},
     1,
     {1, .4, .41, .42, .43, .44, .9, .9, .9},
     {[2] = 1, [3] = 1, [4] = 1, [5] = 1},
     4},
    {"window as long as patience: what converged is lost",
     {3, 3, .3, REFERENCE},
     1,
     {1, .4, .41, .42, .9, .9, .9, .9},
     {[2] = 1, [3] = 1},
     2},
    {"segments of three updates count alike",
     {3, 3, .3, REFERENCE},
     3,
     {1, .4, .41, .42, .9, .9, .9, .9},
     {[4] = 1, [5] = 1, [6] = 1, [7] = 1, [8] = 1, [9] = 1},
     6},
    {"paper: valley",
     DEFAULTS(PAPER),
     1,
     VALLEY_LOSSES,
     {[5] = 1, [6] = 1, [7] = 1, [8] = 1, [9] = 1, [10] = 1},
     6},
    {"paper: converged before the window is full",
     DEFAULTS(PAPER),
     1,
     EARLY_LOSSES,
     {[1] = 1, [2] = 1, [3] = 1, [4] = 1, [5] = 1, [6] = 1},
     6},
    {"paper: ends inside the valley",
     DEFAULTS(PAPER),
     1,
     {1, .4, .41, .42, .43, .44, .45, .46},
     {[1] = 1, [2] = 1, [3] = 1, [4] = 1, [5] = 1, [6] = 1, [7] = 1},
     7},
    {"paper: never converged",
     DEFAULTS(PAPER),
     1,
     {9, 8, 7, 6, 5, 4, 3, 2},
     {[0] = 1, [1] = 1, [2] = 1, [3] = 1, [4] = 1, [5] = 1, [6] = 1, [7] = 1},
     8},
    {"paper: window shorter than patience",
     {4, 2, .3, PAPER},
     1,
     {1, .4, .41, .42, .43, .44, .9, .9, .9},
     {[1] = 1, [2] = 1, [3] = 1, [4] = 1, [5] = 1},
     5},
    {"paper: every update counts alike",
     {2, 2, .3, PAPER},
     3,
     {.4, .41, .42, .9, .9, .9},
     {[0] = 1, [1] = 1, [2] = 1, [3] = 1, [4] = 1, [5] = 1, [6] = 1},
     7},
    {"a loss that is not finite is a large one",
     DEFAULTS(PAPER),
     1,
     {NAN, .40, .42, .43, INFINITY, NAN, .9, .9, .9, .9},
     {[1] = 1, [2] = 1, [3] = 1},
     3},
};

static void use_unit_vector(Params *p, int i)
{
    memset(params_values(p), 0, params_size(p) * sizeof(Real));
    params_values(p)[i] = 1;
}

static void check_swad_case(const SwadCase *c)
{
    const double hparams[] = {c->hparams.n_converge, c->hparams.n_tolerance, c->hparams.ratio,
                              c->hparams.reading};
    Params *p = params_new();
    params_add(p, &(ParamSpec){.name = "w", .rank = 1, .dims = {MAX_UPDATES}});
    params_seal(p, 1);
    Average *a = average_new(method_averaging("swad"), &(AveragingOptions){.hparams = hparams}, p);
    int step = 0;
    for (int k = 0; c->losses[k] != 0; k++) {
        for (int i = 0; i < (k == 0 ? 1 : c->per_checkpoint); i++, step++) {
            use_unit_vector(p, step);
            average_update(a, p, step, NULL);
        }
        bool last = c->losses[k + 1] == 0;
        assert_false(average_is_ready(a));
        average_checkpoint(a, &(AverageCheckpoint){step - 1, c->losses[k], last}, NULL);
    }
    assert_true(average_is_ready(a));
    for (int i = 0; i < MAX_UPDATES; i++) {
        double want = c->shares[i] / c->total, got = (double)average_values(a)[i];
        if (!test_is_close(got, want, 0, 1e-6))
            fail_msg("%s: update %d has weight %.4f, expected %.4f", c->name, i, got, want);
    }
    average_free(a);
    params_free(p);
}

static void test_swad_has_the_traced_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SWAD_CASES / sizeof *SWAD_CASES; i++)
        check_swad_case(&SWAD_CASES[i]);
}

/* Beta(b, b) at (t + .5) / (T + 1), the initial weights being t = 0. */
static void test_bma_has_the_weights_of_a_beta_density(void **state)
{
    (void)state;
    enum { UPDATES = 12 };
    const double betas[] = {0.5, 1, 3};
    for (int b = 0; b < 3; b++) {
        Params *p = params_new();
        params_add(p, &(ParamSpec){.name = "w", .rank = 1, .dims = {UPDATES + 1}});
        params_seal(p, 1);
        use_unit_vector(p, 0);
        AveragingOptions options = {.steps = UPDATES, .hparams = &betas[b]};
        Average *a = average_new(method_averaging("bma"), &options, p);
        for (int s = 0; s < UPDATES; s++) {
            use_unit_vector(p, s + 1);
            average_update(a, p, s, NULL);
        }
        double density[UPDATES + 1], sum = 0;
        for (int t = 0; t <= UPDATES; t++) {
            double x = (t + 0.5) / (UPDATES + 1), k = betas[b];
            density[t] = exp(lgamma(2 * k) - 2 * lgamma(k)) * pow(x, k - 1) * pow(1 - x, k - 1);
            sum += density[t];
        }
        for (int t = 0; t <= UPDATES; t++)
            assert_close(average_values(a)[t], density[t] / sum, 1e-5, 1e-7);
        average_free(a);
        params_free(p);
    }
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
        cmocka_unit_test(test_swad_has_the_traced_weights),
        cmocka_unit_test(test_bma_has_the_weights_of_a_beta_density),
        cmocka_unit_test(test_unknown_names_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
