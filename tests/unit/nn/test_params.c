/* The parameter table and PyTorch's initialisations. */
#include "aborts.h"
#include "params.h"

static Params *params;

static int setup(void **state)
{
    (void)state;
    params = params_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    params_free(params);
    params = NULL;
    return 0;
}

static int add(const char *name, InitKind init, double value)
{
    return params_add(
        params,
        &(ParamSpec){.name = name, .rank = 2, .dims = {50, 80}, .init = init, .init_value = value});
}

static const Real *values_of(int id)
{
    return params_values(params) + params_get(params, id)->offset;
}

/* ---- layout ---- */

static void test_parameters_lie_flat_and_apart(void **state)
{
    (void)state;
    int a = params_add(params, &(ParamSpec){.name = "a", .rank = 1, .dims = {3}});
    int b = params_add(params, &(ParamSpec){.name = "b", .rank = 2, .dims = {4, 5}});
    int c = params_add(params,
                       &(ParamSpec){.name = "c", .rank = 1, .dims = {1}, .flags = PARAM_BUFFER});
    assert_true(a == 0 && b == 1 && c == 2 && params_count(params) == 3);
    params_seal(params, 1);
    size_t end = 0;
    for (int i = 0; i < 3; i++) {
        const Param *p = params_get(params, i);
        assert_true(p->offset >= end && p->offset % 16 == 0);
        end = p->offset + p->size;
    }
    assert_true(params_size(params) >= end);
    assert_int_equal(params_get(params, b)->size, 20);
    assert_int_equal(params_find(params, "b"), b);
    assert_int_equal(params_find(params, "d"), -1);
    assert_int_equal(params_trainable_size(params), 23);
    params_freeze(params, b, true);
    assert_int_equal(params_trainable_size(params), 3);
    params_freeze(params, b, false);
    assert_int_equal(params_trainable_size(params), 23);
}

static void test_wrong_use_aborts(void **state)
{
    (void)state;
    add("w", INIT_ZEROS, 0);
    assert_aborts(add("w", INIT_ZEROS, 0));
    assert_aborts(params_get(params, 1));
    assert_aborts(params_get(params, -1));
    char name[PARAM_NAME_SIZE + 1];
    memset(name, 'x', PARAM_NAME_SIZE);
    name[PARAM_NAME_SIZE] = '\0';
    assert_aborts(add(name, INIT_ZEROS, 0));
    params_seal(params, 1);
    assert_aborts(add("v", INIT_ZEROS, 0));
    assert_aborts(params_seal(params, 1));
}

/* ---- leaves ---- */

static void test_frozen_parameters_and_buffers_get_no_gradient(void **state)
{
    (void)state;
    int w = add("w", INIT_ZEROS, 0);
    int buffer = params_add(
        params, &(ParamSpec){.name = "mean", .rank = 1, .dims = {2}, .flags = PARAM_BUFFER});
    params_seal(params, 1);
    Tape *t = tape_new(&(TapeOptions){0});
    tape_begin(t, TAPE_GRADIENTS, 0);
    Tensor *x = params_tensor(params, t, w);
    assert_ptr_equal(x->v, values_of(w));
    assert_ptr_equal(x->g, params_gradients(params) + params_get(params, w)->offset);
    assert_true(x->needs_grad && x->rank == 2 && x->dims[1] == 80);
    assert_false(params_tensor(params, t, buffer)->needs_grad);
    params_freeze(params, w, true);
    x = params_tensor(params, t, w);
    assert_true(!x->needs_grad && x->g == NULL);
    tape_begin(t, TAPE_TRAINING, 0);
    params_freeze(params, w, false);
    assert_false(params_tensor(params, t, w)->needs_grad);
    tape_free(t);
}

static void test_values_are_swapped_as_a_whole(void **state)
{
    (void)state;
    int w = add("w", INIT_ONES, 0);
    params_seal(params, 1);
    Real *other = test_calloc(params_size(params), sizeof *other);
    Real *own = params_swap_values(params, other);
    Tape *t = tape_new(&(TapeOptions){0});
    tape_begin(t, TAPE_GRADIENTS, 0);
    bool other_seen = params_tensor(params, t, w)->v[0] == 0;
    assert_ptr_equal(params_swap_values(params, own), other);
    tape_begin(t, TAPE_GRADIENTS, 1);
    bool own_seen = params_tensor(params, t, w)->v[0] == 1;
    tape_free(t);
    test_free(other);
    assert_true(other_seen && own_seen);
}

static void test_gradients_are_zeroed(void **state)
{
    (void)state;
    add("w", INIT_ONES, 0);
    params_seal(params, 1);
    params_gradients(params)[7] = 3;
    params_zero_gradients(params);
    for (size_t i = 0; i < params_size(params); i++) assert_true(params_gradients(params)[i] == 0);
}

/* ---- initialisation ---- */

typedef struct {
    double low, high, mean, deviation, fourth; /* fourth central moment / deviation^4 */
} Moments;

static Moments moments_of(int id)
{
    const Real *v = values_of(id);
    double n = (double)params_get(params, id)->size;
    Moments m = {.low = HUGE_VAL, .high = -HUGE_VAL};
    for (size_t i = 0; i < (size_t)n; i++) {
        m.low = fmin(m.low, (double)v[i]);
        m.high = fmax(m.high, (double)v[i]);
        m.mean += (double)v[i] / n;
    }
    double square = 0, fourth = 0;
    for (size_t i = 0; i < (size_t)n; i++) {
        double d = (double)v[i] - m.mean;
        square += d * d / n;
        fourth += d * d * d * d / n;
    }
    m.deviation = sqrt(square);
    m.fourth = fourth / (square * square);
    return m;
}

/* Uniform in +-bound: deviation bound / sqrt 3, kurtosis 1.8. */
static void check_uniform(int id, double bound)
{
    Moments m = moments_of(id);
    assert_true(m.low >= -bound && m.high <= bound);
    assert_close(m.low, -bound, 0.01, 0);
    assert_close(m.high, bound, 0.01, 0);
    assert_close(m.mean, 0, 0, 0.05 * bound);
    assert_close(m.deviation, bound / sqrt(3), 0.03, 0);
    assert_close(m.fourth, 1.8, 0.05, 0);
}

static void check_normal(int id, double deviation)
{
    Moments m = moments_of(id);
    assert_close(m.mean, 0, 0, 0.08 * deviation);
    assert_close(m.deviation, deviation, 0.05, 0);
    assert_close(m.fourth, 3, 0.12, 0);
}

/* Convolution weights are [out, kh, kw, in]. */
static int add_convolution(const char *name, InitKind init)
{
    return params_add(
        params,
        &(ParamSpec){
            .name = name, .rank = 4, .dims = {30, 3, 3, 20}, .init = init, .flags = PARAM_CONV});
}

static void test_initialisations_have_their_moments(void **state)
{
    (void)state;
    int linear = add("linear", INIT_LINEAR_WEIGHT, 0), bias = add("bias", INIT_LINEAR_BIAS, 25);
    int conv = add_convolution("conv", INIT_LINEAR_WEIGHT);
    int fan_out = add_convolution("fan_out", INIT_KAIMING_FAN_OUT);
    int fan_in = add_convolution("fan_in", INIT_KAIMING_FAN_IN);
    int normal = add("normal", INIT_NORMAL, 0.02), xavier = add("xavier", INIT_XAVIER_UNIFORM, 0);
    int narrow = add("narrow", INIT_TRUNC_NORMAL, 0.02), wide = add("wide", INIT_TRUNC_NORMAL, 2);
    params_seal(params, 1);
    check_uniform(linear, 1 / sqrt(80));
    check_uniform(bias, 1.0 / 5);
    check_uniform(conv, 1 / sqrt(3 * 3 * 20));
    check_normal(fan_out, sqrt(2.0 / (30 * 3 * 3)));
    check_normal(fan_in, sqrt(2.0 / (20 * 3 * 3)));
    check_normal(normal, 0.02);
    check_uniform(xavier, sqrt(6.0 / 130));
    check_normal(narrow, 0.02); /* +-2 is 100 deviations away */
    Moments cut = moments_of(wide);
    assert_true(cut.low >= -2 && cut.low < -1.98 && cut.high <= 2 && cut.high > 1.98);
    assert_close(cut.deviation, 2 * 0.5396, 0.04, 0); /* normal cut at one deviation */
}

static void test_constant_initialisations(void **state)
{
    (void)state;
    int zeros = add("zeros", INIT_ZEROS, 0), ones = add("ones", INIT_ONES, 0);
    int half = add("half", INIT_CONSTANT, 0.5);
    params_seal(params, 1);
    for (size_t i = 0; i < 4000; i++) {
        assert_true(values_of(zeros)[i] == 0 && values_of(ones)[i] == 1);
        assert_true(values_of(half)[i] == (Real)0.5);
    }
}

static void test_initial_values_depend_on_seed_and_name_only(void **state)
{
    (void)state;
    int w = add("w", INIT_NORMAL, 1);
    params_seal(params, 1);
    Params *other = params_new();
    Params *reseeded = params_new();
    ParamSpec spec = {.name = "v", .rank = 1, .dims = {7}, .init = INIT_NORMAL, .init_value = 1};
    params_add(other, &spec);
    spec = (ParamSpec){"w", 2, {50, 80}, INIT_NORMAL, 1, 0};
    int w2 = params_add(other, &spec);
    params_add(reseeded, &spec);
    params_seal(other, 1);
    params_seal(reseeded, 2);
    const Real *v2 = params_values(other) + params_get(other, w2)->offset;
    bool same = memcmp(values_of(w), v2, 4000 * sizeof *v2) == 0;
    bool same_seeded = memcmp(values_of(w), params_values(reseeded), 4000 * sizeof *v2) == 0;
    bool same_name = memcmp(values_of(w), params_values(other), 7 * sizeof *v2) == 0;
    params_free(other);
    params_free(reseeded);
    assert_true(same && !same_seeded && !same_name);
}

static void test_one_parameter_is_drawn_again(void **state)
{
    (void)state;
    int a = add("a", INIT_NORMAL, 1), b = add("b", INIT_NORMAL, 1);
    params_seal(params, 1);
    Real before_a = values_of(a)[9], before_b = values_of(b)[9];
    params_init_one(params, b, 2);
    assert_true(values_of(a)[9] == before_a && values_of(b)[9] != before_b);
    params_init_one(params, b, 1);
    assert_true(values_of(b)[9] == before_b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parameters_lie_flat_and_apart),
        TEST(test_wrong_use_aborts),
        TEST(test_frozen_parameters_and_buffers_get_no_gradient),
        TEST(test_values_are_swapped_as_a_whole),
        TEST(test_gradients_are_zeroed),
        TEST(test_initialisations_have_their_moments),
        TEST(test_constant_initialisations),
        TEST(test_initial_values_depend_on_seed_and_name_only),
        TEST(test_one_parameter_is_drawn_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
