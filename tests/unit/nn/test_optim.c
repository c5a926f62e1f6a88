/* Optimisers against torch.optim, over parameters that are frozen, buffers, or released later. */
#include "golden.h"
#include "optim.h"

enum { N = 37, STEPS = 10 };

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

typedef struct {
    SafeTensors *golden;
    Real *start, *gradients;
    Params *params;
    int frozen, learned, buffer;
} Fixture;

static Params *make_params(int n)
{
    Params *p = params_new();
    params_add(p, &(ParamSpec){"frozen", 1, {3}, INIT_ONES, 0, 0});
    params_add(p, &(ParamSpec){"learned", 1, {n}, INIT_NORMAL, 1, 0});
    params_add(p, &(ParamSpec){"buffer", 1, {2}, INIT_ONES, 0, PARAM_BUFFER});
    params_seal(p, 1);
    params_freeze(p, params_find(p, "frozen"), true);
    return p;
}

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    f->golden = golden_open("nn/optim.safetensors");
    f->start = golden_values(f->golden, "start", NULL);
    f->gradients = golden_values(f->golden, "gradients", NULL);
    f->params = make_params(N);
    f->frozen = params_find(f->params, "frozen");
    f->learned = params_find(f->params, "learned");
    f->buffer = params_find(f->params, "buffer");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    params_free(f->params);
    test_free(f->start);
    test_free(f->gradients);
    safetensors_close(f->golden);
    test_free(f);
    return 0;
}

static Real *values_of(Params *p, int id)
{
    return params_values(p) + params_get(p, id)->offset;
}

/* Gradients everywhere, so that a step that touches the wrong parameters shows. */
static void give_gradients(Params *p, const Real *learned, size_t n)
{
    for (size_t i = 0; i < params_size(p); i++) params_gradients(p)[i] = 1;
    memcpy(params_gradients(p) + params_get(p, 1)->offset, learned, n * sizeof *learned);
}

static void step(Fixture *f, Optimizer *o, int k)
{
    give_gradients(f->params, f->gradients + (size_t)k * N, N);
    optim_step(o, f->params, NULL);
}

static void test_ten_steps_as_torch(void **state)
{
    Fixture *f = *state;
    double worst = 0;
    for (int c = 0; c < N_CASES; c++) {
        Real *want = golden_values(f->golden, CASES[c].name, NULL);
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        memcpy(values_of(f->params, f->learned), f->start, N * sizeof *f->start);
        for (int k = 0; k < STEPS; k++) {
            step(f, o, k);
            const Real *got = values_of(f->params, f->learned);
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
    Fixture *f = *state;
    for (int c = 0; c < N_CASES; c++) {
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        step(f, o, 0);
        for (int i = 0; i < 3; i++) assert_true(values_of(f->params, f->frozen)[i] == 1);
        for (int i = 0; i < 2; i++) assert_true(values_of(f->params, f->buffer)[i] == 1);
        for (int s = 0; s < optim_slots(o); s++) {
            assert_true(optim_slot(o, s)[params_get(f->params, f->frozen)->offset] == 0);
        }
        assert_int_equal(optim_steps(o)[f->frozen], 0);
        assert_int_equal(optim_steps(o)[f->learned], 1);
        optim_free(o);
    }
}

/* After a warm start of other parameters, the first update has to be Adam's first update. */
static void test_released_parameter_starts_fresh(void **state)
{
    Fixture *f = *state;
    Optimizer *o = optim_new(&CASES[4].options, f->params);
    Real *want = golden_values(f->golden, "adam", NULL);
    memcpy(values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    params_freeze(f->params, f->learned, true);
    for (int k = 0; k < 5; k++) step(f, o, k);
    assert_memory_equal(values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    params_freeze(f->params, f->learned, false);
    step(f, o, 0);
    golden_compare("released", values_of(f->params, f->learned), want, N, 1e-6, 1e-3);
    test_free(want);
    optim_free(o);
}

static void test_restored_state_continues_bit_identically(void **state)
{
    Fixture *f = *state;
    for (int c = 0; c < N_CASES; c++) {
        Optimizer *o = optim_new(&CASES[c].options, f->params);
        for (int k = 0; k < 4; k++) step(f, o, k);
        Optimizer *restored = optim_new(&CASES[c].options, f->params);
        size_t size = params_size(f->params);
        for (int s = 0; s < optim_slots(o); s++) {
            memcpy(optim_slot(restored, s), optim_slot(o, s), size * sizeof(Real));
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
        Params *a = make_params(100003), *b = make_params(100003);
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
    Fixture *f = *state;
    Optimizer *o = optim_new(&CASES[0].options, f->params);
    optim_set_lr(o, 0);
    assert_true(optim_lr(o) == 0);
    memcpy(values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    step(f, o, 0);
    assert_memory_equal(values_of(f->params, f->learned), f->start, N * sizeof *f->start);
    optim_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_steps_as_torch),
        cmocka_unit_test(test_frozen_and_buffers_stay),
        cmocka_unit_test(test_released_parameter_starts_fresh),
        cmocka_unit_test(test_restored_state_continues_bit_identically),
        cmocka_unit_test(test_threads_do_not_change_results),
        cmocka_unit_test(test_learning_rate_can_change),
    };
    return cmocka_run_group_tests_name("nn-optim", tests, setup, teardown);
}
