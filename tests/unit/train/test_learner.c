/* The learner and its checkpoints: it learns, continues bit for bit, refuses what is not its own.
 */
#include "test.h"

#include "checkpoint.h"
#include "file.h"
#include "registry.h"
#include "rng.h"

#include <unistd.h>

enum {
    SIZE = 16,
    CHANNELS = 3,
    CLASSES = 4,
    PER_DOMAIN = 6,
    SOURCES = 2,
    N = PER_DOMAIN * SOURCES
};
enum { PIXELS = SIZE * SIZE * CHANNELS };

typedef struct {
    float x[N * PIXELS];
    int y[N], offsets[SOURCES + 1];
    Batch batch;
    char folder[64], path[96];
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    RngStream stream = rng_stream(11, "pixels");
    for (int i = 0; i < N * PIXELS; i++) f->x[i] = (float)rng_normal(stream, 0, (uint64_t)i);
    for (int i = 0; i < N; i++) f->y[i] = i % CLASSES;
    for (int s = 0; s <= SOURCES; s++) f->offsets[s] = s * PER_DOMAIN;
    f->batch = (Batch){.n = N,
                       .n_sources = SOURCES,
                       .offsets = f->offsets,
                       .size = SIZE,
                       .channels = CHANNELS,
                       .x = f->x,
                       .y = f->y};
    snprintf(f->folder, sizeof f->folder, "/tmp/dgbench-train-XXXXXX");
    if (mkdtemp(f->folder) == NULL) return -1;
    snprintf(f->path, sizeof f->path, "%s/checkpoint.safetensors", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    char command[160];
    snprintf(command, sizeof command, "rm -r '%s'", f->folder);
    int failed = system(command);
    free(f);
    return failed;
}

static Learner *new_learner(OptimKind kind)
{
    LearnerOptions options = {
        .net = {.name = "mnist-cnn",
                .size = SIZE,
                .channels = CHANNELS,
                .n_classes = CLASSES,
                .seed = 1},
        .optim = {.kind = kind,
                  .lr = kind == OPTIM_SGD ? 0.05 : 2e-3,
                  .momentum = 0.9,
                  .beta1 = .9,
                  .beta2 = .999,
                  .eps = 1e-8},
        .objective = method_objective("erm"),
        .averagings = {method_averaging("sma"), method_averaging("ema")},
        .n_averagings = 2,
        .averaging = {.start = 3, .ema_decay = 0.9},
        .seed = 5,
    };
    Learner *l = NULL;
    Err err = {0};
    assert_ok(learner_new(&l, &options, &err));
    return l;
}

static void test_fits_one_batch(void **state)
{
    Fixture *f = *state;
    Learner *l = new_learner(OPTIM_ADAM);
    double first = learner_update(l, &f->batch, 0).loss, last = first;
    for (int s = 1; s < 60; s++) last = learner_update(l, &f->batch, s).loss;
    assert_true(first > 1 && first < 2); /* about log 4 */
    if (last > 0.02) fail_msg("loss %g after 60 updates on one batch", last);
    learner_free(l);
}

static void run_updates(Learner *l, Fixture *f, int from, int to)
{
    for (int s = from; s < to; s++) assert_true(learner_update(l, &f->batch, s).finite);
}

static void assert_same_state(Learner *a, Learner *b)
{
    size_t bytes = params_size(learner_params(a)) * sizeof(Real);
    assert_memory_equal(params_values(learner_params(a)), params_values(learner_params(b)), bytes);
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(average_values(learner_average(a, i)),
                            average_values(learner_average(b, i)), bytes);
        assert_int_equal(average_count(learner_average(a, i)),
                         average_count(learner_average(b, i)));
    }
}

static void resume_equals_straight_run(Fixture *f, OptimKind kind)
{
    Err err = {0};
    Learner *straight = new_learner(kind), *stopped = new_learner(kind),
            *resumed = new_learner(kind);
    run_updates(straight, f, 0, 10);
    run_updates(stopped, f, 0, 6);
    TrainState saved = {.next_step = 6, .loss_sum = 0.1, .n_losses = 2, .train_seconds = 1.5},
               loaded = {0};
    assert_ok(checkpoint_save(f->path, "key", stopped, &saved, &err));
    assert_ok(checkpoint_load(f->path, "key", resumed, &loaded, &err));
    assert_int_equal(loaded.next_step, 6);
    assert_true(loaded.loss_sum == 0.1 && loaded.n_losses == 2 && loaded.train_seconds == 1.5);
    run_updates(resumed, f, 6, 10);
    assert_same_state(straight, resumed);
    learner_free(straight);
    learner_free(stopped);
    learner_free(resumed);
}

static void test_resume_equals_straight_run(void **state)
{
    resume_equals_straight_run(*state, OPTIM_ADAM);
    resume_equals_straight_run(*state, OPTIM_SGD);
}

static void test_foreign_and_broken_checkpoints_change_nothing(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    TrainState t = {.next_step = 1}, untouched = {.next_step = 77};
    Learner *l = new_learner(OPTIM_ADAM), *other = new_learner(OPTIM_ADAM);
    run_updates(other, f, 0, 2);
    assert_fails(checkpoint_load(f->path, "key", l, &untouched, &err), "no checkpoint");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_ok(checkpoint_save(f->path, "another", other, &t, &err));
    assert_fails(checkpoint_load(f->path, "key", l, &untouched, &err),
                 "belongs to run another, expected key");
    assert_int_equal(truncate(f->path, 5000), 0);
    assert_fails(checkpoint_load(f->path, "another", l, &untouched, &err), f->path);
    assert_int_equal(untouched.next_step, 77);
    Learner *fresh = new_learner(OPTIM_ADAM);
    assert_same_state(l, fresh);
    learner_free(l);
    learner_free(other);
    learner_free(fresh);
}

static void test_variants_predict_with_their_own_weights(void **state)
{
    Fixture *f = *state;
    Learner *l = new_learner(OPTIM_ADAM);
    run_updates(l, f, 0, 8);
    float raw[N * CLASSES], sma[N * CLASSES], again[N * CLASSES];
    learner_predict(l, f->x, N, raw);
    assert_int_equal(learner_n_variants(l), 3);
    assert_string_equal(learner_variant_name(l, 0), "raw");
    assert_string_equal(learner_variant_name(l, 1), "sma");
    learner_use_variant(l, 1);
    learner_predict(l, f->x, N, sma);
    learner_use_variant(l, 2);
    learner_use_variant(l, 0);
    learner_predict(l, f->x, N, again);
    assert_memory_equal(raw, again, sizeof raw);
    assert_memory_not_equal(raw, sma, sizeof raw);
    learner_use_variant(l, 2); /* freed with a variant in use */
    learner_free(l);
}

static void test_a_loss_that_is_not_finite_changes_no_weight(void **state)
{
    Fixture *f = *state;
    Learner *l = new_learner(OPTIM_ADAM), *fresh = new_learner(OPTIM_ADAM);
    f->x[7] = NAN;
    LearnerStep step = learner_update(l, &f->batch, 0);
    assert_false(step.finite);
    assert_same_state(l, fresh);
    learner_free(l);
    learner_free(fresh);
}

static void test_head_only_moves_only_the_head(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    LearnerOptions options = {
        .net = {.name = "mnist-cnn",
                .size = SIZE,
                .channels = CHANNELS,
                .n_classes = CLASSES,
                .seed = 1},
        .trainable = NET_TRAIN_HEAD,
        .optim = {.kind = OPTIM_ADAM, .lr = 1e-2, .beta1 = .9, .beta2 = .999, .eps = 1e-8},
        .objective = method_objective("erm"),
    };
    Learner *l = NULL;
    assert_ok(learner_new(&l, &options, &err));
    Params *p = learner_params(l);
    Real *before = malloc(params_size(p) * sizeof *before);
    memcpy(before, params_values(p), params_size(p) * sizeof *before);
    run_updates(l, f, 0, 2);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        bool same =
            memcmp(before + q->offset, params_values(p) + q->offset, q->size * sizeof *before) == 0;
        assert_true(same == !(q->flags & PARAM_HEAD));
    }
    free(before);
    learner_free(l);
}

static void test_plan_costs_what_the_step_costs(void **state)
{
    Fixture *f = *state;
    Learner *l = new_learner(OPTIM_ADAM);
    TapeCost plan = learner_plan_update(l, N, SOURCES);
    run_updates(l, f, 0, 1);
    assert_int_equal(learner_peak_bytes(l) - learner_state_bytes(l), plan.peak_bytes);
    assert_true(plan.forward_flops > 0 && plan.backward_flops > plan.forward_flops);
    TapeCost prediction =
        learner_plan_predict(l, N); /* its own peak, whatever was planned before */
    assert_true(prediction.peak_bytes < plan.peak_bytes);
    learner_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fits_one_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume_equals_straight_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_and_broken_checkpoints_change_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_variants_predict_with_their_own_weights, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_loss_that_is_not_finite_changes_no_weight, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_head_only_moves_only_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plan_costs_what_the_step_costs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
