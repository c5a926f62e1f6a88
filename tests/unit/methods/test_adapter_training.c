/* Adapters that are trained in a network: over several batches an update, with averages and SAM,
 * and resumed. */
#include "golden.h"

#include "adapter_case.h"
#include "checkpoint.h"
#include "file.h"
#include "log.h"
#include "registry.h"
#include "rng.h"

#include <unistd.h>

enum { CHANNELS = 3, SOURCES = 2, N = 6, PIXELS = CASE_SIZE * CASE_SIZE * CHANNELS };

typedef struct {
    float *x;
    int y[N], offsets[SOURCES + 1];
    Batch batch;
    char folder[64], path[96];
    Learner *learner;
    AdapterOptions adapter;
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    f->x = test_malloc(N * PIXELS * sizeof *f->x);
    snprintf(f->folder, sizeof f->folder, "/tmp/dgbench-adapter-XXXXXX");
    if (mkdtemp(f->folder) == NULL) return -1;
    snprintf(f->path, sizeof f->path, "%s/checkpoint.safetensors", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    learner_free(f->learner);
    (void)unlink(f->path);
    int failed = rmdir(f->folder);
    test_free(f->x);
    test_free(f);
    return failed;
}

/* Rows from .. from + n - 1 of the images of step `step`. */
static const Batch *batch_of(Fixture *f, int64_t step, int from, int n)
{
    RngStream stream = rng_sub(rng_stream(11, "pixels"), (uint64_t)step);
    for (int i = 0; i < n * PIXELS; i++)
        f->x[i] = (float)rng_normal(stream, 0, (uint64_t)(i + from * PIXELS));
    for (int i = 0; i < n; i++) f->y[i] = (int)((from + i + step) % CASE_CLASSES);
    for (int s = 0; s <= SOURCES; s++) f->offsets[s] = s * n / SOURCES;
    f->batch = (Batch){.n = n,
                       .n_sources = SOURCES,
                       .offsets = f->offsets,
                       .size = CASE_SIZE,
                       .channels = CHANNELS,
                       .x = f->x,
                       .y = f->y};
    return &f->batch;
}

static LearnerOptions options_of(Fixture *f, const char *net, const char *kind, const char *target)
{
    f->adapter = adapter_case_options(kind, target);
    return (LearnerOptions){
        .net = {.name = net,
                .size = CASE_SIZE,
                .channels = CHANNELS,
                .n_classes = CASE_CLASSES,
                .seed = 1,
                .adapter = &ADAPTER_HOOK,
                .adapter_options = &f->adapter},
        .freeze_batch_norm = true,
        .trainable = NET_TRAIN_ADAPTER,
        .optim = {.kind = OPTIM_ADAM, .lr = 1e-2, .beta1 = .9, .beta2 = .999, .eps = 1e-8},
        .objective = method_objective("erm"),
        .averaging = {.start = 2, .steps = 100, .ema_decay = .9},
        .seed = 5,
    };
}

static void begin(Fixture *f, const LearnerOptions *options)
{
    Err err = {0};
    learner_free(f->learner);
    f->learner = NULL;
    assert_ok(learner_new(&f->learner, options, &err));
}

static void train(Fixture *f, int64_t from, int64_t to)
{
    for (int64_t s = from; s < to; s++)
        assert_true(learner_update(f->learner, batch_of(f, s, 0, N), s).finite);
}

static Real *values_copy(Fixture *f)
{
    const Params *p = learner_params(f->learner);
    Real *copy = test_malloc(params_size(p) * sizeof *copy);
    memcpy(copy, params_values(learner_params(f->learner)), params_size(p) * sizeof *copy);
    return copy;
}

static void assert_values(Fixture *f, const Real *want, double tolerance, const char *what)
{
    Params *p = learner_params(f->learner);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        const Real *v = params_values(p) + q->offset, *w = want + q->offset;
        if (tolerance == 0 && memcmp(v, w, q->size * sizeof *v) != 0)
            fail_msg("%s: other bits in %s", what, q->name);
        if (tolerance > 0) golden_compare(q->name, v, w, q->size, tolerance, 1e-2);
    }
}

/* ---- frozen weights ---- */

static void test_only_what_learns_moves(void **state)
{
    Fixture *f = *state;
    static const char *const kinds[] = {"lora", "dora", "op-lora", "op-dora"};
    for (int k = 0; k < 4; k++) {
        LearnerOptions o = options_of(f, "resnet-small", kinds[k], "all");
        begin(f, &o);
        Params *p = learner_params(f->learner);
        Real *before = values_copy(f);
        train(f, 0, 3);
        for (int i = 0; i < params_count(p); i++) {
            const Param *q = params_get(p, i);
            const Real *v = params_values(p) + q->offset;
            bool moved = memcmp(v, before + q->offset, q->size * sizeof *v) != 0;
            bool moves = q->flags & (PARAM_ADAPTER | PARAM_HEAD);
            if (moved != moves)
                fail_msg("%s: %s %s", kinds[k], q->name, moved ? "moved" : "stayed");
        }
        size_t slots = optim_slot_size(learner_optimizer(f->learner)), n = params_trainable_size(p);
        assert_true(slots >= n && slots < n + 16 * (size_t)params_count(p)); /* rounded up */
        test_free(before);
    }
}

/* With one hidden unit about half of the generators begin with it off, and stay so. */
static void test_dead_generators_are_known(void **state)
{
    Fixture *f = *state;
    LearnerOptions o = options_of(f, "vit-mini-4", "op-lora", "qkvo");
    f->adapter.generator.width = 1;
    log_set_level(LOG_QUIET);
    begin(f, &o);
    log_set_level(LOG_INFO);
    const Adapter *a = net_adapter(learner_net(f->learner));
    int n = adapter_n_parts(a), n_dead = adapter_n_dead(a, learner_params(f->learner));
    assert_true(n_dead > n / 8 && n_dead < n - n / 8);
    train(f, 0, 3);
    assert_int_equal(adapter_n_dead(a, learner_params(f->learner)), n_dead);
}

/* No gradient of a frozen matrix: backward costs as much as forward, and a little. */
static void test_flops_of_an_update(void **state)
{
    Fixture *f = *state;
    LearnerOptions o = options_of(f, "vit-mini-4", "lora", "qkvo");
    begin(f, &o);
    TapeCost lora = learner_plan_update(f->learner, N, SOURCES);
    o.net.adapter = NULL;
    o.trainable = NET_TRAIN_ALL;
    begin(f, &o);
    TapeCost full = learner_plan_update(f->learner, N, SOURCES);
    double both[2] = {lora.forward_flops + lora.backward_flops,
                      full.forward_flops + full.backward_flops};
    if (both[0] > 0.75 * both[1]) fail_msg("lora %g, full %g FLOPs", both[0], both[1]);
}

/* ---- several batches an update ---- */

static void test_accumulated_batches_are_one(void **state)
{
    Fixture *f = *state;
    static const char *const kinds[] = {"lora", "op-dora"};
    for (int k = 0; k < 2; k++) {
        LearnerOptions o = options_of(f, "vit-mini-4", kinds[k], "qkvo");
        o.optim.kind = OPTIM_SGD;
        begin(f, &o);
        LearnerStep whole = {0}, parts = {0};
        for (int s = 0; s < 3; s++) whole = learner_update(f->learner, batch_of(f, s, 0, N), s);
        Real *want = values_copy(f);
        o.accumulate = 3;
        begin(f, &o);
        for (int s = 0; s < 3; s++) {
            for (int i = 0; i < 3; i++)
                parts = learner_update_part(f->learner, batch_of(f, s, 2 * i, 2), s, i);
        }
        assert_true(whole.finite && parts.finite);
        assert_close(parts.loss, whole.loss, 1e-4, 0);
        assert_values(f, want, 1e-4, kinds[k]);
        test_free(want);
    }
}

/* ---- averages ---- */

static void copy_variant(Fixture *f, int variant, Real **out)
{
    learner_use_variant(f->learner, variant);
    *out = values_copy(f);
    learner_use_variant(f->learner, 0);
}

/* Of the factors: A and B are means of the generated ones; of the generator: they are what the mean
 * generator makes. Both are the same trajectory, and the generators' averages are the same. */
static void test_averages_of_factors_or_generators(void **state)
{
    Fixture *f = *state;
    LearnerOptions o = options_of(f, "vit-mini-4", "op-dora", "qv");
    o.averagings[0] = method_averaging("sma");
    o.n_averagings = 1;
    Real *sma[2], *raw[2];
    enum { UPDATES = 8 };
    double *mean = NULL;
    for (int i = 0; i < 2; i++) {
        o.average_generators = i == 1;
        begin(f, &o);
        size_t size = params_size(learner_params(f->learner));
        if (i == 0) mean = test_calloc(size, sizeof *mean);
        for (int s = 0; s < UPDATES; s++) {
            train(f, s, s + 1);
            const Real *v = params_values(learner_params(f->learner));
            for (size_t k = 0; i == 0 && s >= 2 && k < size; k++)
                mean[k] += (double)v[k] / (UPDATES - 2);
        }
        raw[i] = values_copy(f);
        copy_variant(f, 1, &sma[i]);
        assert_values(f, raw[i], 0, "after a look at the average");
    }
    Params *p = learner_params(f->learner);
    const AdapterPart *part = adapter_part(net_adapter(learner_net(f->learner)), 0);
    const Param *a = params_get(p, part->a), *w2 = params_get(p, part->generator.w2);
    assert_memory_equal(raw[0], raw[1], params_size(p) * sizeof(Real));
    assert_memory_equal(sma[0] + w2->offset, sma[1] + w2->offset, w2->size * sizeof(Real));
    for (size_t k = 0; k < a->size; k++)
        assert_close(sma[0][a->offset + k], mean[a->offset + k], 1e-4, 1e-6);
    assert_true(memcmp(sma[0] + a->offset, sma[1] + a->offset, a->size * sizeof(Real)) != 0);
    Real *old = params_swap_values(p, sma[1]); /* generated anew from the average: the same */
    Real *kept = test_malloc(a->size * sizeof *kept);
    memcpy(kept, sma[1] + a->offset, a->size * sizeof *kept);
    net_generate(learner_net(f->learner), NULL);
    assert_memory_equal(kept, sma[1] + a->offset, a->size * sizeof *kept);
    (void)params_swap_values(p, old);
    test_free(kept);
    test_free(mean);
    for (int i = 0; i < 2; i++) {
        test_free(raw[i]);
        test_free(sma[i]);
    }
}

/* ---- SAM, warm start ---- */

/* After an update the factors are those of the generators that stand there, whatever SAM did
 * between. */
static void test_factors_follow_generators(void **state)
{
    Fixture *f = *state;
    for (int sam = 0; sam < 2; sam++) {
        LearnerOptions o = options_of(f, "vit-mini-4", "op-lora", "qv");
        o.sam_rho = sam ? 0.05 : 0;
        o.warm_start = (WarmStart){.updates = 2, .lr = 1e-2};
        begin(f, &o);
        Real *start = values_copy(f);
        const AdapterPart *part = adapter_part(net_adapter(learner_net(f->learner)), 0);
        const Param *b = params_get(learner_params(f->learner), part->b);
        train(f, 0, 2);
        const Real *vb = params_values(learner_params(f->learner)) + b->offset;
        assert_memory_equal(vb, start + b->offset,
                            b->size * sizeof *vb); /* the head only, so far */
        train(f, 2, 4);
        assert_true(memcmp(vb, start + b->offset, b->size * sizeof *vb) != 0);
        Real *after = values_copy(f);
        net_generate(learner_net(f->learner), NULL);
        assert_values(f, after, 0, "generated again");
        test_free(after);
        test_free(start);
    }
}

/* w += factor * g (of length 1) of all that learns; the factors follow. */
static void move(Fixture *f, double factor, bool per_length)
{
    Params *p = learner_params(f->learner);
    double sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        double scale = per_length ? factor / sqrt(sum) : factor;
        for (int i = 0; i < params_count(p); i++) {
            const Param *q = params_get(p, i);
            for (size_t k = 0; param_is_learned(q) && k < q->size; k++) {
                double g = (double)params_gradients(p)[q->offset + k];
                if (pass == 0) sum += g * g;
                if (pass == 1) params_values(p)[q->offset + k] += (Real)(scale * g);
            }
        }
    }
    net_generate(learner_net(f->learner), NULL);
}

/* The second gradient is taken where the generators moved to, by what they make there. */
static void test_sam_moves_generators(void **state)
{
    Fixture *f = *state;
    enum { RHO = 2 };
    LearnerOptions o = options_of(f, "vit-mini-4", "op-dora", "qkvo");
    o.optim = (OptimOptions){.kind = OPTIM_SGD, .lr = 0.1};
    o.sam_rho = RHO;
    begin(f, &o);
    train(f, 0, 1);
    Real *want = values_copy(f);
    o.sam_rho = 0;
    o.optim.lr = 0; /* gradients only */
    begin(f, &o);
    Real *start = values_copy(f);
    train(f, 0, 1);
    move(f, RHO, true);
    train(f, 0, 1);
    Params *p = learner_params(f->learner);
    memcpy(params_values(p), start, params_size(p) * sizeof *start);
    move(f, -0.1, false);
    assert_values(f, want, 1e-4, "sam");
    test_free(start);
    test_free(want);
}

/* ---- resuming ---- */

static void test_resumed_run_is_bit_identical(void **state)
{
    Fixture *f = *state;
    static const struct {
        const char *net, *kind, *target;
        AdapterInit init;
        bool generators;
    } rows[] = {
        {"vit-mini-4", "op-lora", "qkvo", ADAPTER_INIT_DEFAULT, true},
        {"vit-mini-4", "op-dora", "qv", ADAPTER_INIT_DEFAULT, false},
        {"vit-mini-4", "lora", "qv", ADAPTER_INIT_PISSA, false},
        {"resnet-small", "dora", "all", ADAPTER_INIT_DEFAULT, false},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        Err err = {0};
        LearnerOptions o = options_of(f, rows[r].net, rows[r].kind, rows[r].target);
        f->adapter.init = rows[r].init;
        o.averagings[0] = method_averaging("sma");
        o.n_averagings = 1;
        o.average_generators = rows[r].generators;
        begin(f, &o);
        train(f, 0, 4);
        TrainState trained = {.next_step = 4}, resumed = {0};
        assert_ok(checkpoint_save(f->path, "key", f->learner, &trained, &err));
        size_t base_bytes = params_size(learner_params(f->learner)) * sizeof(Real);
        bool small =
            rows[r].init == ADAPTER_INIT_PISSA; /* weights that never learn are not in it */
        assert_true(!small || (size_t)file_size(f->path) < base_bytes / 2);
        train(f, 4, 8);
        Real *want = values_copy(f), *want_sma, *sma;
        copy_variant(f, 1, &want_sma);
        begin(f, &o);
        assert_ok(checkpoint_load(f->path, "key", f->learner, &resumed, &err));
        assert_int_equal(resumed.next_step, 4);
        train(f, 4, 8);
        assert_values(f, want, 0, rows[r].kind);
        copy_variant(f, 1, &sma);
        assert_memory_equal(sma, want_sma, params_size(learner_params(f->learner)) * sizeof *sma);
        test_free(sma);
        test_free(want_sma);
        test_free(want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_what_learns_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_generators_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flops_of_an_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accumulated_batches_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_averages_of_factors_or_generators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_factors_follow_generators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sam_moves_generators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resumed_run_is_bit_identical, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
