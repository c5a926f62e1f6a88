/* All averages along one trajectory: recomputed from the weights that were saved after every
 * update, and resumed from a file at any point of SWAD's valley. SAM along the way. */
#include "test.h"

#include "checkpoint.h"
#include "registry.h"
#include "rng.h"

#include <unistd.h>

enum { SIZE = 16, CHANNELS = 3, CLASSES = 4, SOURCES = 2, N = 6, PIXELS = SIZE * SIZE * CHANNELS };
enum { UPDATES = 25, FREQ = 3, START = 7 };
enum { SMA, EMA, SWAD, BMA, N_AVERAGES };

static const char *const names[] = {"sma", "ema", "swad", "bma"};
static const double EMA_DECAY = 0.9;

/* Of the checkpoints after updates 0, 3, 6, ...: with patience 2 and a window of 3 the loss has
 * converged at the fifth (.4, .41), and the valley ends at the ninth. */
static const double losses[] = {2, 1, .6, .4, .41, .42, .9, .8, .95};
static const double swad_hparams[] = {2, 3, .3, 1 /* paper */};
static const double bma_hparams[] = {0.5};
enum { VALLEY_BEGIN = 7, VALLEY_END = 15 }; /* updates of the checkpoints .4 to .42 */

typedef struct {
    float x[N * PIXELS];
    int y[N], offsets[SOURCES + 1];
    Batch batch;
    char folder[64], path[96];
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    RngStream stream = rng_stream(11, "pixels");
    for (int i = 0; i < N * PIXELS; i++) f->x[i] = (float)rng_normal(stream, 0, (uint64_t)i);
    for (int i = 0; i < N; i++) f->y[i] = i % CLASSES;
    for (int s = 0; s <= SOURCES; s++) f->offsets[s] = s * N / SOURCES;
    f->batch = (Batch){.n = N,
                       .n_sources = SOURCES,
                       .offsets = f->offsets,
                       .size = SIZE,
                       .channels = CHANNELS,
                       .x = f->x,
                       .y = f->y};
    snprintf(f->folder, sizeof f->folder, "/tmp/dgbench-trajectory-XXXXXX");
    if (mkdtemp(f->folder) == NULL) return -1;
    snprintf(f->path, sizeof f->path, "%s/checkpoint.safetensors", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    (void)unlink(f->path);
    int failed = rmdir(f->folder);
    test_free(f);
    return failed;
}

static Learner *new_learner(bool with_averages, double sam_rho)
{
    LearnerOptions options = {
        .net = {.name = "resnet-small",
                .size = SIZE,
                .channels = CHANNELS,
                .n_classes = CLASSES,
                .seed = 1},
        .optim = {.kind = OPTIM_ADAM, .lr = 1e-3, .beta1 = .9, .beta2 = .999, .eps = 1e-8},
        .sam_rho = sam_rho,
        .objective = method_objective("erm"),
        .averaging = {.start = START, .steps = UPDATES, .ema_decay = EMA_DECAY},
        .averaging_hparams = {[SWAD] = swad_hparams, [BMA] = bma_hparams},
        .seed = 5,
    };
    for (int i = 0; i < N_AVERAGES; i++) options.averagings[i] = method_averaging(names[i]);
    options.n_averagings = with_averages ? N_AVERAGES : 0;
    Learner *l = NULL;
    Err err = {0};
    assert_ok(learner_new(&l, &options, &err));
    return l;
}

/* Updates from .. to-1, with their checkpoints. saved: weights after each update, or NULL. */
static void walk(Learner *l, Fixture *f, int from, int to, Real *saved)
{
    size_t size = params_size(learner_params(l));
    for (int s = from; s < to; s++) {
        assert_true(learner_update(l, &f->batch, s).finite);
        if (saved != NULL) {
            memcpy(saved + (size_t)s * size, params_values(learner_params(l)),
                   size * sizeof *saved);
        }
        if (s % FREQ == 0) {
            learner_checkpoint(l,
                               &(AverageCheckpoint){s, losses[s / FREQ], .last = s == UPDATES - 1});
        }
    }
}

/* The weight that each update's result has in an average; of the initial weights in *initial. */
static void wanted_shares(double shares[UPDATES], double *initial, int average)
{
    double sum = 0;
    *initial = 0;
    for (int s = 0; s < UPDATES; s++) {
        double x = (s + 1.5) / (UPDATES + 1);
        switch (average) {
        case SMA:
            shares[s] = s >= START;
            break;
        case EMA:
            shares[s] = s < START    ? 0
                        : s == START ? pow(EMA_DECAY, UPDATES - 1 - START)
                                     : (1 - EMA_DECAY) * pow(EMA_DECAY, UPDATES - 1 - s);
            break;
        case SWAD:
            shares[s] = s >= VALLEY_BEGIN && s <= VALLEY_END;
            break;
        default:
            shares[s] = 1 / sqrt(x * (1 - x));
        }
        sum += shares[s];
    }
    if (average == BMA) {
        double x = 0.5 / (UPDATES + 1);
        *initial = 1 / sqrt(x * (1 - x));
        sum += *initial;
    }
    for (int s = 0; s < UPDATES; s++) shares[s] /= sum;
    *initial /= sum;
}

static void check_average(Learner *l, int average, const Real *first, const Real *saved)
{
    size_t size = params_size(learner_params(l));
    double shares[UPDATES], initial;
    wanted_shares(shares, &initial, average);
    const Real *got = average_values(learner_average(l, average));
    for (size_t i = 0; i < size; i++) {
        double want = initial * (double)first[i];
        for (int s = 0; s < UPDATES; s++) want += shares[s] * (double)saved[(size_t)s * size + i];
        if (!test_is_close((double)got[i], want, 1e-5, 1e-6))
            fail_msg("%s[%zu] = %.9g, expected %.9g", names[average], i, (double)got[i], want);
    }
}

static void test_averages_are_means_of_the_saved_weights(void **state)
{
    Fixture *f = *state;
    Learner *l = new_learner(true, 0);
    size_t size = params_size(learner_params(l));
    Real *first = test_malloc(size * sizeof *first);
    Real *saved = test_malloc(UPDATES * size * sizeof *saved);
    memcpy(first, params_values(learner_params(l)), size * sizeof *first);
    walk(l, f, 0, UPDATES, saved);
    for (int i = 0; i < N_AVERAGES; i++) {
        assert_string_equal(learner_variant_name(l, 1 + i), names[i]);
        assert_true(learner_variant_is_ready(l, 1 + i));
        check_average(l, i, first, saved);
    }
    test_free(first);
    test_free(saved);
    learner_free(l);
}

/* Averages only look on. */
static void test_averages_do_not_change_the_trajectory(void **state)
{
    Fixture *f = *state;
    Learner *with = new_learner(true, 0), *without = new_learner(false, 0);
    walk(with, f, 0, 5, NULL);
    walk(without, f, 0, 5, NULL);
    assert_memory_equal(params_values(learner_params(with)), params_values(learner_params(without)),
                        params_size(learner_params(with)) * sizeof(Real));
    learner_free(with);
    learner_free(without);
}

static void assert_same_averages(Learner *a, Learner *b)
{
    size_t bytes = params_size(learner_params(a)) * sizeof(Real);
    for (int i = 0; i < N_AVERAGES; i++) {
        Average *x = learner_average(a, i), *y = learner_average(b, i);
        assert_int_equal(average_n_arrays(x), average_n_arrays(y));
        for (int k = 0; k < average_n_arrays(x); k++)
            assert_memory_equal(average_array(x, k), average_array(y, k), bytes);
        assert_memory_equal(average_numbers(x), average_numbers(y),
                            (size_t)average_n_numbers(x) * sizeof(double));
    }
}

/* Stopped between checkpoints, before, inside and after the valley. */
static void test_resumed_averages_are_bit_identical(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    static const int stops[] = {2, 11, 14, 20, 24};
    Learner *straight = new_learner(true, 0.05);
    walk(straight, f, 0, UPDATES, NULL);
    Learner *l = new_learner(true, 0.05);
    for (int i = 0, from = 0; i < 5; from = stops[i++]) {
        TrainState saved = {.next_step = stops[i]}, loaded = {0};
        walk(l, f, from, stops[i], NULL);
        assert_ok(checkpoint_save(f->path, "key", l, &saved, &err));
        learner_free(l);
        l = new_learner(true, 0.05);
        assert_ok(checkpoint_load(f->path, "key", l, &loaded, &err));
        assert_int_equal(loaded.next_step, stops[i]);
    }
    assert_false(learner_variant_is_ready(l, 1 + SWAD));
    walk(l, f, stops[4], UPDATES, NULL);
    assert_true(learner_variant_is_ready(l, 1 + SWAD));
    assert_same_averages(straight, l);
    learner_free(straight);
    learner_free(l);
}

/* ---- SAM ---- */

/* One plain step of SGD moves by the gradient at w + rho g / |g|; running statistics move once. */
static void test_sam_steps_with_the_gradient_uphill(void **state)
{
    Fixture *f = *state;
    Learner *plain = new_learner(false, 0), *sam = new_learner(false, 0.05);
    Params *p = learner_params(plain), *q = learner_params(sam);
    size_t size = params_size(p);
    Real *moved = test_malloc(size * sizeof *moved);
    memcpy(moved, params_values(p), size * sizeof *moved);
    double loss = learner_update(plain, &f->batch, 0).loss, norm = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *one = params_get(p, i);
        for (size_t j = one->offset; !(one->flags & PARAM_BUFFER) && j < one->offset + one->size;
             j++)
            norm += (double)params_gradients(p)[j] * (double)params_gradients(p)[j];
    }
    for (size_t j = 0; j < size; j++)
        moved[j] += (Real)(0.05 / sqrt(norm)) * params_gradients(p)[j]; /* buffers have none */
    Learner *uphill = new_learner(false, 0);
    memcpy(params_values(learner_params(uphill)), moved, size * sizeof *moved);
    double higher = learner_update(uphill, &f->batch, 0).loss;
    assert_true(higher > loss);
    assert_close(learner_update(sam, &f->batch, 0).loss, loss, 0, 0);
    const Real *want = params_gradients(learner_params(uphill)), *got = params_gradients(q);
    for (int i = 0; i < params_count(q); i++) {
        const Param *one = params_get(q, i);
        for (size_t j = one->offset; j < one->offset + one->size; j++) {
            if (one->flags & PARAM_BUFFER) {
                assert_true(params_values(q)[j] == params_values(p)[j]);
            } else {
                assert_close(got[j], want[j], 1e-3, 1e-4);
            }
        }
    }
    test_free(moved);
    learner_free(plain);
    learner_free(sam);
    learner_free(uphill);
}

static void test_sam_costs_two_passes_and_one_more_array(void **state)
{
    (void)state;
    Learner *plain = new_learner(false, 0), *sam = new_learner(false, 0.05);
    TapeCost a = learner_plan_update(plain, N, SOURCES), b = learner_plan_update(sam, N, SOURCES);
    assert_true(b.forward_flops == 2 * a.forward_flops && b.backward_flops == 2 * a.backward_flops);
    assert_int_equal(learner_state_bytes(sam) - learner_state_bytes(plain),
                     params_size(learner_params(sam)) * sizeof(Real));
    learner_free(plain);
    learner_free(sam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_averages_are_means_of_the_saved_weights),
        cmocka_unit_test(test_averages_do_not_change_the_trajectory),
        cmocka_unit_test(test_resumed_averages_are_bit_identical),
        cmocka_unit_test(test_sam_steps_with_the_gradient_uphill),
        cmocka_unit_test(test_sam_costs_two_passes_and_one_more_array),
    };
    return cmocka_run_group_tests_name("train-trajectory", tests, setup, teardown);
}
