/* Gradients of both studies by differences, and the curvature of a known bowl; in double. */
#include "factorize.h"
#include "rng.h"
#include "rotated.h"
#include "sharpness.h"
#include "test.h"

#include <math.h>
#include <string.h>

/* Everything that is learned is moved, so that nothing is 0. */
static void stir(Params *params)
{
    Real *values = params_values(params);
    for (size_t i = 0; i < params_size(params); i++)
        values[i] += 0.3 * rng_normal(rng_stream(5, "stir"), 0, i);
}

/* loss(context) reads the parameters; their gradients are set. */
static void check_gradient(Params *params, double (*loss)(void *context), void *context)
{
    Real *values = params_values(params);
    const Real *gradients = params_gradients(params);
    double scale = 0;
    for (size_t i = 0; i < params_size(params); i++) scale = fmax(scale, fabs(gradients[i]));
    assert_true(scale > 1e-3);
    for (size_t i = 0; i < params_size(params); i++) {
        Real was = values[i];
        values[i] = was + 1e-5;
        double above = loss(context);
        values[i] = was - 1e-5;
        double below = loss(context);
        values[i] = was;
        assert_close(gradients[i], (above - below) / 2e-5, 1e-6, 1e-7 * scale);
    }
}

static double factor_loss(void *context)
{
    factor_model_make(context);
    return factor_model_loss(context);
}

static void test_factorize(void **state)
{
    (void)state;
    const FactorProblem problem = {7, 3, 10, 1, 5, 4, 0};
    Factorization *f = factorize_new(&problem);
    for (int generated = 0; generated < 2; generated++) {
        FactorModel *m =
            factor_model_new(f, &(StudyCell){.generated = generated, .input_std = generated});
        stir(factor_model_params(m));
        (void)factor_loss(m);
        factor_model_gradient(m);
        check_gradient(factor_model_params(m), factor_loss, m);
        factor_model_free(m);
    }
    factorize_free(f);
}

enum { N = 1023, FEW = 23, D = 9, K = 4 }; /* N: more than a chunk */

static void fill_images(Real *upright, Real *turned, int *labels)
{
    for (int i = 0; i < N * D; i++) {
        upright[i] = rng_uniform(rng_stream(1, "upright"), 0, (uint64_t)i);
        turned[i] = rng_uniform(rng_stream(1, "turned"), 0, (uint64_t)i);
    }
    for (int i = 0; i < N; i++) labels[i] = i % K;
}

static double rotated_loss(void *context)
{
    return rotated_model_loss(context, N, false);
}

static void test_rotated(void **state)
{
    (void)state;
    static Real upright[N * D], turned[N * D];
    static int labels[N];
    fill_images(upright, turned, labels);
    const RotatedData data = {N, D, K, upright, turned, labels};
    const RotatedProblem problem = {.hidden = 6,
                                    .rank = 2,
                                    .generator_inputs = 3,
                                    .width = 4,
                                    .batch = 5,
                                    .pretrain_passes = 2,
                                    .passes = 1};
    RotatedStudy *s = rotated_new(&problem, &data);
    (void)rotated_pretrain(s, NULL);
    for (int generated = 0; generated < 2; generated++) {
        RotatedModel *m =
            rotated_model_new(s, &(StudyCell){.generated = generated, .input_std = generated});
        stir(rotated_model_params(m));
        (void)rotated_model_loss(m, FEW, true);
        (void)rotated_model_loss(m, N, true); /* is set, not added to */
        assert_close(rotated_loss(m), rotated_model_loss(m, 1000, false), 0.1, 0); /* a mean */
        check_gradient(rotated_model_params(m), rotated_loss, m);
        rotated_model_free(m);
    }
    rotated_free(s);
}

static const double COS = 0.86602540378443865, SIN = 0.5; /* of 30 degrees */

/* 1/2 x^T H x, H = diag(1, -5, 3) turned in the plane of its first two axes by 30 degrees. */
static void bowl_gradient(void *context, Real *gradient, const Real *at)
{
    (void)context;
    double a = COS * at[0] + SIN * at[1], b = -5 * (COS * at[1] - SIN * at[0]);
    gradient[0] = COS * a - SIN * b;
    gradient[1] = SIN * a + COS * b;
    gradient[2] = 3 * at[2];
}

static void test_curvature_of_a_bowl(void **state)
{
    (void)state;
    const Real at[3] = {1, 2, 3};
    Real v[3];
    double value = sharpness_top(
        v, &(Sharpness){
               .gradient = bowl_gradient, .at = at, .n = 3, .difference = 1e-3, .max_rounds = 100});
    assert_close(value, -5, 2e-3, 0);
    assert_close(fabs(v[0]), SIN, 0.05, 0);
    assert_close(fabs(v[1]), COS, 0.05, 0);
    assert_close(v[2], 0, 0, 0.1);
}

static void test_a_cell_of_turned_images(void **state)
{
    (void)state;
    static Real upright[N * D], turned[N * D];
    static int labels[N];
    fill_images(upright, turned, labels);
    const RotatedData data = {FEW, D, K, upright, turned, labels};
    const RotatedProblem problem = {.hidden = 16,
                                    .rank = 2,
                                    .generator_inputs = 8,
                                    .width = 8,
                                    .batch = 4,
                                    .pretrain_passes = 2000,
                                    .passes = 30};
    RotatedStudy *s = rotated_new(&problem, &data);
    double upright_loss = rotated_pretrain(s, NULL);
    assert_true(upright_loss < 1);
    for (int generated = 0; generated < 2; generated++) {
        const StudyCell cell = {.generated = generated,
                                .input_std = generated,
                                .optimizer = STUDY_ADAM,
                                .lr = 0.01,
                                .seed = 3};
        StudyOutcome one, two;
        rotated_cell(&one, s, &cell);
        rotated_cell(&two, s, &cell);
        assert_true(one.loss == two.loss && one.factors.curvature == two.factors.curvature);
        assert_true(one.loss < one.first_loss && one.n_steps == 31);
        assert_true(one.factors.gradient <= 1.001 * one.steps[30].gradient_norm);
        assert_true((one.learned.gradient == one.factors.gradient) == !generated);
        assert_true(one.learned.gradient >= 0 && fabs(one.learned.curvature) > 0);
        assert_int_equal(one.steps[30].step, 30 * (FEW / 4));
        study_outcome_done(&one);
        study_outcome_done(&two);
    }
    rotated_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factorize), cmocka_unit_test(test_rotated),
        cmocka_unit_test(test_curvature_of_a_bowl), cmocka_unit_test(test_a_cell_of_turned_images)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
