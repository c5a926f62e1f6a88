/* The matrix-factorisation study against PyTorch: each optimiser and parameterisation from the same
 * initial values; and what a cell promises. */
#include "factorize.h"

#include "golden.h"

#include <math.h>
#include <string.h>

enum { SIZE = 12, RANK = 3, STEPS = 60, N_ROWS = STEPS / STUDY_LOG_EVERY + 1, ROW = 4 };

static const FactorProblem PROBLEM = {SIZE, RANK, STEPS, 10, 6, 5, 0};

static SafeTensors *golden;
static Factorization *factorization;

static int setup(void **state)
{
    (void)state;
    golden = golden_open("study/factorize.safetensors");
    Real *matrix = golden_values(golden, "matrix", NULL);
    factorization = factorize_new_of(&PROBLEM, matrix);
    test_free(matrix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    factorize_free(factorization);
    safetensors_close(golden);
    return 0;
}

static void set_start(FactorModel *m, const char *kind)
{
    Params *params = factor_model_params(m);
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        char name[128];
        size_t n;
        snprintf(name, sizeof name, "%s/%s", kind, p->name);
        Real *values = golden_values(golden, name, &n);
        assert_int_equal(n, p->size);
        memcpy(params_values(params) + p->offset, values, n * sizeof *values);
        test_free(values);
    }
}

static void assert_same(double got, Real want, double rtol)
{
    if (isnan((double)want))
        assert_true(isnan(got));
    else
        assert_close(got, (double)want, rtol, 1e-6);
}

static void check_trajectory(const StudyCell *cell)
{
    const char *kind = cell->generated ? "op-mf" : "mf";
    char name[128];
    StudyOutcome out;
    FactorModel *m = factor_model_new(factorization, cell);
    set_start(m, kind);
    snprintf(name, sizeof name, "%s/%s/rows", kind, study_optimizer_name(cell->optimizer));
    Real *rows = golden_values(golden, name, NULL);
    factor_model_train(&out, m, cell);
    assert_int_equal(out.n_steps, N_ROWS);
    assert_int_equal(out.diverged_at, -1);
    for (int i = 0; i < N_ROWS; i++) {
        const StudyStep *got = &out.steps[i];
        const Real *want = rows + (size_t)i * ROW;
        assert_int_equal(got->step, i * STUDY_LOG_EVERY);
        assert_same(got->loss, want[0], 1e-4);
        assert_same(got->effective_rank, want[1], 1e-3);
        assert_same(got->gradient_norm, want[2], 1e-3);
        assert_same(got->gradient_cosine, want[3], 1e-3);
    }
    assert_true(out.loss == out.steps[N_ROWS - 1].loss);
    study_outcome_done(&out);
    factor_model_free(m);
    test_free(rows);
}

static void test_trajectories_are_pytorchs(void **state)
{
    (void)state;
    static const double RATES[] = {1, 0.1, 0.02};
    for (int o = 0; o < STUDY_OPTIMIZERS; o++) {
        for (int generated = 0; generated < 2; generated++) {
            check_trajectory(&(StudyCell){.generated = generated,
                                          .input_std = generated,
                                          .optimizer = (StudyOptimizer)o,
                                          .lr = RATES[o]});
        }
    }
}

static void test_floor_is_pytorchs(void **state)
{
    (void)state;
    Real *floor = golden_values(golden, "floor", NULL);
    Real *rank = golden_values(golden, "floor_rank", NULL);
    assert_close(factorize_floor(factorization), (double)*floor, 1e-5, 0);
    assert_close(factorize_floor_rank(factorization), (double)*rank, 1e-5, 0);
    test_free(floor);
    test_free(rank);
}

/* What reference/A.6 found with other programs: assertions that hold for any seed of them. */
static void test_both_reach_the_floor_and_generators_get_there_at_smaller_rates(void **state)
{
    (void)state;
    const FactorProblem problem = {40, 4, 600, 50, 32, 16, 0};
    Factorization *f = factorize_new(&problem);
    double loss[2][2]; /* [generated][rate] */
    for (int generated = 0; generated < 2; generated++) {
        for (int rate = 0; rate < 2; rate++) {
            StudyOutcome out;
            factorize_cell(&out, f,
                           &(StudyCell){.generated = generated,
                                        .input_std = generated ? 0.01 : 0,
                                        .optimizer = STUDY_ADAM,
                                        .lr = rate ? 0.03 : 0.001,
                                        .seed = 1});
            loss[generated][rate] = out.loss;
            assert_true(out.loss >= 0.999 * factorize_floor(f));
            study_outcome_done(&out);
        }
    }
    assert_true(loss[1][0] < loss[0][0]);
    assert_true(loss[0][1] < 1.02 * factorize_floor(f) && loss[1][1] < 1.02 * factorize_floor(f));
    factorize_free(f);
}

static void test_a_cell_is_the_same_again_and_starts_with_a_product_of_zero(void **state)
{
    (void)state;
    StudyOutcome one, two;
    for (int generated = 0; generated < 2; generated++) {
        const StudyCell cell = {.generated = generated,
                                .input_std = generated,
                                .optimizer = STUDY_MOMENTUM,
                                .lr = 0.01,
                                .seed = 4};
        factorize_cell(&one, factorization, &cell);
        factorize_cell(&two, factorization, &cell);
        assert_true(isnan(one.steps[0].effective_rank));
        assert_true(one.loss == two.loss && one.first_loss == one.steps[0].loss);
        for (int i = 1; i < one.n_steps; i++)
            assert_true(one.steps[i].gradient_cosine == two.steps[i].gradient_cosine);
        study_outcome_done(&one);
        study_outcome_done(&two);
    }
}

static void test_divergence_is_an_outcome(void **state)
{
    (void)state;
    StudyOutcome out;
    factorize_cell(&out, factorization, &(StudyCell){.optimizer = STUDY_SGD, .lr = 1e6, .seed = 1});
    assert_true(out.diverged_at > 0 && out.diverged_at < STEPS);
    assert_true(isnan(out.loss) && isfinite(out.best_loss) && isfinite(out.first_loss));
    study_outcome_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trajectories_are_pytorchs), cmocka_unit_test(test_floor_is_pytorchs),
        cmocka_unit_test(test_both_reach_the_floor_and_generators_get_there_at_smaller_rates),
        cmocka_unit_test(test_a_cell_is_the_same_again_and_starts_with_a_product_of_zero),
        cmocka_unit_test(test_divergence_is_an_outcome)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
