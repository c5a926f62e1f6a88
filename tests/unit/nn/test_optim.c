/* Optimisers against torch.optim, over parameters that are frozen, buffers, or released later. */
#include "optim_case.h"

typedef struct {
    const char *name; /* of the golden array [STEPS,N] */
    OptimOptions options;
} Case;

static const Case CASES[] = {
    {"sgd", {.kind = OPTIM_SGD, .lr = 0.1}},
    {"sgd_decay", {.kind = OPTIM_SGD, .lr = 0.1, .weight_decay = 0.05}},
    {"momentum", {.kind = OPTIM_SGD, .lr = 0.05, .momentum = 0.9, .weight_decay = 0.01}},
    {"nesterov",
     {.kind = OPTIM_SGD, .lr = 0.05, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true}},
    {"adam", {.kind = OPTIM_ADAM, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}},
    {"adam_decay",
     {.kind = OPTIM_ADAM,
      .lr = 0.01,
      .beta1 = 0.5,
      .beta2 = 0.99,
      .eps = 1e-6,
      .weight_decay = 0.1}},
    {"adamw",
     {.kind = OPTIM_ADAMW,
      .lr = 0.02,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .eps = 1e-8,
      .weight_decay = 0.1}},
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

static void step(OptimCase *f, Optimizer *o, int k)
{
    optim_give_gradients(f->params, f->gradients + (size_t)k * N, N);
    optim_step(o, f->params, NULL);
}

static void test_ten_steps_as_torch(void **state)
{
    OptimCase *f = *state;
    double worst = 0;
    for (int c = 0; c < N_CASES; c++) {
        Real *want = golden_values(f->golden, CASES[c].name, NULL);
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        memcpy(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
        for (int k = 0; k < STEPS; k++) {
            step(f, o, k);
            const Real *got = optim_values_of(f->params, f->learned);
            for (int i = 0; i < N; i++) {
                double w = want[k * N + i];
                if (!test_is_close(got[i], w, 1e-5, 1e-6)) {
                    fail_msg("%s, step %d, [%d]: %.9g, expected %.9g", CASES[c].name, k, i,
                             (double)got[i], w);
                }
                worst = fmax(worst, fabs(got[i] - w) / fmax(fabs(w), 0.1));
            }
        }
        optim_free(o);
        test_free(want);
    }
    fprintf(stderr, "# optimisers against torch: largest relative error %.2g\n", worst);
}

static void test_frozen_and_buffers_stay(void **state)
{
    OptimCase *f = *state;
    for (int c = 0; c < N_CASES; c++) {
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        step(f, o, 0);
        for (int i = 0; i < 3; i++) assert_true(optim_values_of(f->params, f->frozen)[i] == 1);
        for (int i = 0; i < 2; i++) assert_true(optim_values_of(f->params, f->buffer)[i] == 1);
        size_t padded =
            params_get(f->params, f->learned)->offset; /* of what was frozen: no slots */
        assert_int_equal(optim_slot_size(o), params_size(f->params) - padded);
        assert_int_equal(optim_steps(o)[f->frozen], 0);
        assert_int_equal(optim_steps(o)[f->learned], 1);
        optim_free(o);
    }
}

/* LoRA+: a scale of the rate is another rate. */
static void test_rates_of_single_parameters(void **state)
{
    OptimCase *f = *state;
    for (int c = 0; c < N_CASES; c++) {
        OptimOptions slow = CASES[c].options;
        slow.lr /= 16;
        Real *updated[2];
        for (int i = 0; i < 2; i++) {
            Optimizer *o = optim_new(i == 0 ? &CASES[c].options : &slow, f->params);
            params_set_lr_scale(f->params, f->learned, i == 0 ? 1 : 16);
            memcpy(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
            for (int k = 0; k < 3; k++) step(f, o, k);
            updated[i] = test_malloc(N * sizeof **updated);
            memcpy(updated[i], optim_values_of(f->params, f->learned), N * sizeof **updated);
            optim_free(o);
        }
        params_set_lr_scale(f->params, f->learned, 1);
        golden_compare(CASES[c].name, updated[1], updated[0], N, 1e-6, 1e-3);
        assert_true(memcmp(updated[0], f->start, N * sizeof **updated) != 0);
        test_free(updated[0]);
        test_free(updated[1]);
    }
}

/* After a warm start of other parameters, the first update has to be Adam's first update. */
static void test_released_parameter_starts_fresh(void **state)
{
    OptimCase *f = *state;
    Optimizer *o = optim_new(&CASES[4].options, f->params);
    Real *want = golden_values(f->golden, "adam", NULL);
    memcpy(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    params_freeze(f->params, f->learned, true);
    for (int k = 0; k < 5; k++) step(f, o, k);
    assert_memory_equal(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    params_freeze(f->params, f->learned, false);
    step(f, o, 0);
    golden_compare("released", optim_values_of(f->params, f->learned), want, N, 1e-6, 1e-3);
    test_free(want);
    optim_free(o);
}

static void test_restored_state_continues_bit_identically(void **state)
{
    OptimCase *f = *state;
    for (int c = 0; c < N_CASES; c++) {
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        for (int k = 0; k < 4; k++) step(f, o, k);
        Optimizer *restored = optim_new(&CASES[c].options, f->params);
        size_t size = params_size(f->params);
        for (int s = 0; s < optim_slots(o); s++) {
            memcpy(optim_slot(restored, s), optim_slot(o, s), optim_slot_size(o) * sizeof(Real));
        }
        memcpy(optim_steps(restored), optim_steps(o),
               (size_t)params_count(f->params) * sizeof(int64_t));
        Real *saved = test_malloc(size * sizeof *saved);
        memcpy(saved, params_values(f->params), size * sizeof *saved);
        for (int k = 4; k < STEPS; k++) step(f, o, k);
        Real *straight = params_swap_values(f->params, saved);
        for (int k = 4; k < STEPS; k++) step(f, restored, k);
        assert_memory_equal(straight, saved, size * sizeof *saved);
        params_swap_values(f->params, straight);
        test_free(saved);
        optim_free(o);
        optim_free(restored);
    }
}

static void step_large(Params *p, const OptimOptions *options, ThreadPool *threads)
{
    Optimizer *o = optim_new(options, p);
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < params_size(p); i++) {
            params_gradients(p)[i] = (Real)sin((double)i * 0.37 + k);
        }
        optim_step(o, p, threads);
    }
    optim_free(o);
}

static void test_threads_do_not_change_results(void **state)
{
    (void)state;
    ThreadPool *threads = thread_pool_new(3);
    for (int c = 0; c < N_CASES; c++) {
        Params *a = optim_make_params(100003), *b = optim_make_params(100003);
        step_large(a, &CASES[c].options, NULL);
        step_large(b, &CASES[c].options, threads);
        assert_memory_equal(params_values(a), params_values(b), params_size(a) * sizeof(Real));
        params_free(a);
        params_free(b);
    }
    thread_pool_free(threads);
}

static void test_learning_rate_can_change(void **state)
{
    OptimCase *f = *state;
    Optimizer *o = optim_new(&CASES[0].options, f->params);
    optim_set_lr(o, 0);
    assert_true(optim_lr(o) == 0);
    memcpy(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    step(f, o, 0);
    assert_memory_equal(optim_values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    optim_free(o);
}

/* ---- LARS: a matrix, a vector (neither scaled nor decayed), a matrix of zeros (not scaled) ----
 */

static const OptimOptions LARS = {
    .kind = OPTIM_LARS, .lr = 0.5, .momentum = 0.9, .weight_decay = 0.1, .trust = 0.01};

static void test_lars_as_ermpp(void **state)
{
    OptimCase *f = *state;
    Params *p = params_new();
    params_add(p, &(ParamSpec){.name = "matrix", .rank = 2, .dims = {5, 7}});
    params_add(p, &(ParamSpec){.name = "vector", .rank = 1, .dims = {7}});
    params_add(p, &(ParamSpec){.name = "zeros", .rank = 2, .dims = {3, 4}});
    params_seal(p, 1);
    Optimizer *o = optim_new(&LARS, p);
    assert_int_equal(optim_slots(o), 1);
    Real *gradients[3], *want[3];
    for (int i = 0; i < 3; i++) {
        char name[128];
        snprintf(name, sizeof name, "lars.%s.gradients", params_get(p, i)->name);
        gradients[i] = golden_values(f->golden, name, NULL);
        snprintf(name, sizeof name, "lars.%s", params_get(p, i)->name);
        want[i] = golden_values(f->golden, name, NULL);
        snprintf(name, sizeof name, "lars.%s.start", params_get(p, i)->name);
        Real *start = golden_values(f->golden, name, NULL);
        memcpy(optim_values_of(p, i), start, params_get(p, i)->size * sizeof *start);
        test_free(start);
    }
    for (int k = 0; k < STEPS; k++) {
        for (int i = 0; i < 3; i++) {
            size_t n = params_get(p, i)->size;
            memcpy(params_gradients(p) + params_get(p, i)->offset, gradients[i] + k * n,
                   n * sizeof(Real));
        }
        optim_step(o, p, NULL);
        for (int i = 0; i < 3; i++) {
            size_t n = params_get(p, i)->size;
            golden_compare(params_get(p, i)->name, optim_values_of(p, i), want[i] + k * n, n, 1e-6,
                           1e-3);
        }
    }
    for (int i = 0; i < 3; i++) {
        test_free(gradients[i]);
        test_free(want[i]);
    }
    optim_free(o);
    params_free(p);
}

static void test_threads_do_not_change_lars(void **state)
{
    (void)state;
    ThreadPool *threads = thread_pool_new(3);
    Params *made[2];
    for (int k = 0; k < 2; k++) {
        made[k] = params_new();
        params_add(made[k], &(ParamSpec){"w", 2, {317, 331}, INIT_NORMAL, 1, 0});
        params_seal(made[k], 1);
        step_large(made[k], &LARS, k == 0 ? NULL : threads);
    }
    assert_memory_equal(params_values(made[0]), params_values(made[1]),
                        params_size(made[0]) * sizeof(Real));
    for (int k = 0; k < 2; k++) params_free(made[k]);
    thread_pool_free(threads);
}

/* A step with gradient 0 is the decay alone. */
static void test_decay_can_spare_vectors(void **state)
{
    (void)state;
    static const OptimKind kinds[] = {OPTIM_ADAMW, OPTIM_SGD};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        Params *p = params_new();
        params_add(p, &(ParamSpec){"matrix", 2, {2, 3}, INIT_ONES, 0, 0});
        params_add(p, &(ParamSpec){"bias", 1, {3}, INIT_ONES, 0, 0});
        params_seal(p, 1);
        Optimizer *o = optim_new(&(OptimOptions){.kind = kinds[k],
                                                 .lr = 0.5,
                                                 .weight_decay = 0.25,
                                                 .decay_matrices_only = true,
                                                 .eps = 1e-8},
                                 p);
        optim_step(o, p, NULL);
        for (size_t i = 0; i < 6; i++) assert_close(params_values(p)[i], 0.875, 1e-7, 0);
        for (size_t i = 0; i < 3; i++) assert_true(optim_values_of(p, 1)[i] == 1);
        optim_free(o);
        params_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_steps_as_torch),
        cmocka_unit_test(test_frozen_and_buffers_stay),
        cmocka_unit_test(test_rates_of_single_parameters),
        cmocka_unit_test(test_released_parameter_starts_fresh),
        cmocka_unit_test(test_restored_state_continues_bit_identically),
        cmocka_unit_test(test_threads_do_not_change_results),
        cmocka_unit_test(test_learning_rate_can_change),
        cmocka_unit_test(test_lars_as_ermpp),
        cmocka_unit_test(test_threads_do_not_change_lars),
        cmocka_unit_test(test_decay_can_spare_vectors),
    };
    return cmocka_run_group_tests_name("nn-optim", tests, optim_setup, optim_teardown);
}
