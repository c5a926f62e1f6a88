/* Batches: pure functions of (seed, step), right mixtures, and the same bits however they are made.
 */
#include "fixture.h"

#include "clean.h"
#include "loader.h"
#include "split.h"

enum { PER_CLASS = 7, SIZE = 16 };

static Fixture fixture;
static Dataset *dataset;
static int *every; /* all image indices */
static LoaderSource sources[4];

static int setup(void **state)
{
    (void)state;
    Err err = {0};
    fixture_init(&fixture);
    fixture_write_text(&fixture, "s.yaml",
                       "name: s\nlayout: shapes\nshapes: {per_class: 7, size: 24}\n");
    DatasetOptions options = fixture_options(&fixture);
    assert_ok(dataset_open(&dataset, fixture_path(&fixture, "s.yaml"), &options, &err));
    every = malloc((size_t)dataset->n_images * sizeof *every);
    for (int i = 0; i < dataset->n_images; i++) every[i] = i;
    for (int d = 0; d < 4; d++) {
        sources[d] =
            (LoaderSource){d, every + dataset->first[d], dataset->first[d + 1] - dataset->first[d]};
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(dataset);
    free(every);
    fixture_done(&fixture);
    return 0;
}

static LoaderOptions options_of(AugmentKind kind)
{
    return (LoaderOptions){
        .input = input_spec_imagenet(SIZE), .augment = kind, .batch_size = 5, .seed = 3};
}

static Loader *loader_for(const LoaderSource *s, int n, LoaderOptions options)
{
    Err err = {0};
    Loader *loader;
    assert_ok(loader_new(&loader, dataset, s, n, &options, &err));
    return loader;
}

static Batch batch_at(Loader *loader, int64_t step)
{
    Err err = {0};
    Batch batch;
    assert_ok(loader_batch(loader, step, &batch, &err));
    return batch;
}

static float *copy_x(const Batch *b)
{
    size_t n = (size_t)(b->n * b->size * b->size * b->channels) * sizeof(float);
    float *x = malloc(n);
    memcpy(x, b->x, n);
    return x;
}

static size_t x_bytes(const Batch *b)
{
    return (size_t)(b->n * b->size * b->size * b->channels) * sizeof(float);
}

static void test_batch_has_every_source_with_its_labels(void **state)
{
    (void)state;
    Loader *loader = loader_for(sources + 1, 3, options_of(AUGMENT_NONE));
    Batch b = batch_at(loader, 4);
    assert_int_equal(b.n, 15);
    assert_int_equal(b.n_sources, 3);
    assert_int_equal(b.channels, 3);
    for (int s = 0; s < 3; s++) {
        assert_int_equal(b.offsets[s], 5 * s);
        for (int i = b.offsets[s]; i < b.offsets[s + 1]; i++) {
            assert_int_equal(b.domains[i], s + 1);
            assert_int_equal(dataset->images[b.images[i]].domain, s + 1);
            assert_int_equal(b.y[i], dataset->images[b.images[i]].label);
        }
    }
    loader_free(loader);
}

static void test_same_bits_in_any_order_and_with_any_workers(void **state)
{
    (void)state;
    static const int64_t STEPS[] = {0, 1, 2, 3, 4, 9, 2, 3, 50, 51, 49, 0, 0, 7, 8, 1000000};
    LoaderOptions options = options_of(AUGMENT_DOMAINBED);
    for (int without = 0; without < 2; without++) {
        options.without_replacement = without;
        Loader *fresh[4];
        for (int w = 0; w < 4; w++) {
            options.n_workers = w;
            fresh[w] = loader_for(sources, 4, options);
        }
        for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++) {
            Batch a = batch_at(fresh[0], STEPS[k]);
            float *x = copy_x(&a);
            for (int w = 1; w < 4; w++) {
                Batch b = batch_at(fresh[w], STEPS[k]);
                assert_memory_equal(b.images, a.images, (size_t)a.n * sizeof *a.images);
                assert_memory_equal(b.x, x, x_bytes(&a));
                assert_memory_equal(b.y, a.y, (size_t)a.n * sizeof *a.y);
            }
            free(x);
        }
        for (int w = 0; w < 4; w++) loader_free(fresh[w]);
    }
}

static void test_seed_and_step_change_the_batch(void **state)
{
    (void)state;
    LoaderOptions options = options_of(AUGMENT_NONE);
    Loader *a = loader_for(sources, 1, options);
    options.seed = 4;
    Loader *b = loader_for(sources, 1, options);
    int first[5];
    memcpy(first, batch_at(a, 0).images, sizeof first);
    assert_memory_not_equal(batch_at(a, 1).images, first, sizeof first);
    assert_memory_not_equal(batch_at(b, 0).images, first, sizeof first);
    loader_free(a);
    loader_free(b);
}

static void test_draws_do_not_depend_on_the_other_sources(void **state)
{
    (void)state;
    Loader *all = loader_for(sources, 4, options_of(AUGMENT_DOMAINBED));
    Loader *one = loader_for(sources + 2, 1, options_of(AUGMENT_DOMAINBED));
    Batch a = batch_at(all, 6), b = batch_at(one, 6);
    assert_memory_equal(b.images, a.images + a.offsets[2], 5 * sizeof *b.images);
    assert_memory_equal(b.x, a.x + (size_t)a.offsets[2] * SIZE * SIZE * 3, x_bytes(&b));
    loader_free(all);
    loader_free(one);
}

static void test_epoch_without_replacement_shows_each_image_once(void **state)
{
    (void)state;
    LoaderOptions options = options_of(AUGMENT_NONE);
    options.without_replacement = true;
    options.batch_size = 6; /* 42 images in 7 steps */
    Loader *loader = loader_for(sources + 3, 1, options);
    int order[2][42];
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[42] = {0};
        for (int step = 0; step < 7; step++) {
            Batch b = batch_at(loader, 7 * epoch + step);
            for (int i = 0; i < 6; i++) {
                seen[b.images[i] - dataset->first[3]]++;
                order[epoch][6 * step + i] = b.images[i];
            }
        }
        for (int i = 0; i < 42; i++) assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    loader_free(loader);
}

/* One class with 7 images, another with 1: drawn equally often. */
static void test_class_balanced_draws_classes_equally(void **state)
{
    (void)state;
    LoaderOptions options = options_of(AUGMENT_NONE);
    options.class_balanced = true;
    options.batch_size = 50;
    LoaderSource few = {0, every, PER_CLASS + 1};
    Loader *loader = loader_for(&few, 1, options);
    int n_second = 0;
    for (int step = 0; step < 40; step++) {
        Batch b = batch_at(loader, step);
        for (int i = 0; i < b.n; i++) n_second += b.y[i] == 1;
    }
    loader_free(loader);
    assert_in_range(n_second, 1000 - 90, 1000 + 90); /* 2,000 draws, four standard deviations */
}

static void test_uniform_draws_images_equally(void **state)
{
    (void)state;
    LoaderOptions options = options_of(AUGMENT_NONE);
    options.batch_size = 42;
    Loader *loader = loader_for(sources, 1, options);
    int seen[42] = {0};
    for (int step = 0; step < 100; step++) {
        Batch b = batch_at(loader, step);
        for (int i = 0; i < b.n; i++) seen[b.images[i]]++;
    }
    loader_free(loader);
    for (int i = 0; i < 42; i++)
        assert_in_range(seen[i], 50, 150); /* 100 expected, five deviations */
}

static void test_wrong_options_are_usage_errors(void **state)
{
    (void)state;
    Err err = {0};
    Loader *loader;
    LoaderOptions options = options_of(AUGMENT_NONE);
    options.class_balanced = options.without_replacement = true;
    assert_fails(loader_new(&loader, dataset, sources, 1, &options, &err), "with replacement");
    options.class_balanced = false;
    LoaderSource empty = {2, every, 0};
    assert_fails(loader_new(&loader, dataset, &empty, 1, &options, &err),
                 "no training image in domain \"textured\"");
    assert_int_equal(err.code, ERR_USAGE);
}

/* Without augmentation a batch is what evaluation sees. */
static void test_no_augmentation_equals_the_clean_transform(void **state)
{
    (void)state;
    Err err = {0};
    Loader *loader = loader_for(sources, 4, options_of(AUGMENT_NONE));
    Batch b = batch_at(loader, 0);
    InputSpec input = input_spec_imagenet(SIZE);
    CleanImages *clean = clean_new(dataset, &input, CLEAN_CACHE_DEFAULT);
    float *x = malloc(x_bytes(&b));
    assert_ok(clean_batch(clean, x, b.images, b.n, NULL, &err));
    assert_memory_equal(x, b.x, x_bytes(&b));
    clean_free(clean);
    free(x);
    loader_free(loader);
}

/* Evaluation may augment: the same stream shows the same pixels, with any number of threads. */
static void test_augmented_evaluation_is_a_function_of_the_stream(void **state)
{
    (void)state;
    Err err = {0};
    enum { N = 20 };
    InputSpec input = input_spec_imagenet(16);
    size_t n_values = (size_t)N * 16 * 16 * 3;
    float *x = test_malloc(4 * n_values * sizeof *x);
    int images[N];
    for (int i = 0; i < N; i++) images[i] = N - i;
    RngStream first = rng_sub(rng_stream(5, "evaluate"), 0),
              later = rng_sub(rng_stream(5, "evaluate"), 9);
    CleanImages *clean = clean_new(dataset, &input, CLEAN_CACHE_DEFAULT);
    assert_ok(clean_batch(clean, x, images, N, NULL, &err));
    clean_augment(clean, AUGMENT_DOMAINBED, first);
    assert_ok(clean_batch(clean, x + n_values, images, N, NULL, &err));
    assert_memory_not_equal(x, x + n_values, n_values * sizeof *x);
    clean_augment(clean, AUGMENT_DOMAINBED, later);
    assert_ok(clean_batch(clean, x + 2 * n_values, images, N, NULL, &err));
    assert_memory_not_equal(x + n_values, x + 2 * n_values, n_values * sizeof *x);
    ThreadPool *pool = thread_pool_new(3);
    clean_augment(clean, AUGMENT_DOMAINBED, first);
    assert_ok(clean_batch(clean, x + 3 * n_values, images, N, pool, &err));
    assert_memory_equal(x + n_values, x + 3 * n_values, n_values * sizeof *x);
    /* one image alone gets the same draw as in a batch */
    assert_ok(clean_batch(clean, x + 2 * n_values, images + 7, 1, NULL, &err));
    assert_memory_equal(x + 2 * n_values, x + n_values + 7 * 768, 768 * sizeof *x);
    /* and every image its own */
    int n_mirrored = 0;
    clean_augment(clean, AUGMENT_FLIP, first);
    assert_ok(clean_batch(clean, x + 2 * n_values, images, N, NULL, &err));
    for (int i = 0; i < N; i++)
        n_mirrored += memcmp(x + i * 768, x + 2 * n_values + i * 768, 768 * sizeof *x) != 0;
    assert_in_range(n_mirrored, 4, N - 4);
    clean_augment(clean, AUGMENT_NONE, first);
    assert_ok(clean_batch(clean, x + n_values, images, N, pool, &err));
    assert_memory_equal(x, x + n_values, n_values * sizeof *x);
    thread_pool_free(pool);
    clean_free(clean);
    test_free(x);
}

static void test_clean_images_with_and_without_cache_and_threads(void **state)
{
    (void)state;
    Err err = {0};
    InputSpec input = input_spec_clip(10);
    size_t n_values = (size_t)dataset->n_images * 10 * 10 * 3;
    float *x = malloc(n_values * sizeof *x), *y = malloc(n_values * sizeof *y);
    ThreadPool *pool = thread_pool_new(3);
    CleanImages *cached = clean_new(dataset, &input, CLEAN_CACHE_DEFAULT),
                *plain = clean_new(dataset, &input, 0);
    assert_ok(clean_batch(plain, x, every, dataset->n_images, NULL, &err));
    for (int pass = 0; pass < 3; pass++) {
        memset(y, 0, n_values * sizeof *y);
        assert_ok(clean_batch(pass < 2 ? cached : plain, y, every, dataset->n_images, pool, &err));
        assert_memory_equal(y, x, n_values * sizeof *x);
    }
    clean_free(cached);
    clean_free(plain);
    thread_pool_free(pool);
    free(x);
    free(y);
}

static void test_normalise_uses_mean_and_deviation(void **state)
{
    (void)state;
    const uint8_t pixels[6] = {0, 128, 255, 255, 0, 64};
    InputSpec spec = input_spec_imagenet(1);
    float x[6];
    augment_normalise(x, pixels, 2, 3, &spec);
    assert_close(x[0], (0 - 0.485) / 0.229, 1e-6, 0);
    assert_close(x[1], (128 / 255.0 - 0.456) / 0.224, 1e-6, 0);
    assert_close(x[2], (1 - 0.406) / 0.225, 1e-6, 0);
    assert_close(x[5], (64 / 255.0 - 0.406) / 0.225, 1e-6, 0);
}

static void test_flip_mirrors_half_of_the_draws(void **state)
{
    (void)state;
    Err err = {0};
    AugmentScratch scratch = {0};
    ImageView view;
    InputSpec spec = input_spec_plain(24);
    assert_ok(dataset_pixels(dataset, 0, &view, &scratch.decoded, &err));
    float *x = malloc(24 * 24 * 3 * sizeof *x);
    int n_flipped = 0;
    for (uint64_t draw = 0; draw < 400; draw++) {
        augment_apply(x, &view, AUGMENT_FLIP, &spec, (AugmentDraw){rng_stream(1, "t"), draw},
                      &scratch);
        bool same = true, mirrored = true;
        for (int i = 0; i < 24; i++) {
            same &= fabsf(x[(12 * 24 + i) * 3] - view.data[(12 * 24 + i) * 3] / 255.0f) < 1e-6f;
            mirrored &=
                fabsf(x[(12 * 24 + i) * 3] - view.data[(12 * 24 + 23 - i) * 3] / 255.0f) < 1e-6f;
        }
        assert_true(same != mirrored);
        n_flipped += mirrored;
    }
    augment_scratch_done(&scratch);
    free(x);
    assert_in_range(n_flipped, 160, 240); /* 200 expected, four deviations */
}

/* The pipeline's statistics on a flat grey image: brightness and contrast move it within [.7, 1.3],
 * hue and saturation cannot colour it, and it is never left as it is by all four. */
static void test_domainbed_jitter_stays_in_range(void **state)
{
    (void)state;
    uint8_t pixels[32 * 32 * 3];
    memset(pixels, 150, sizeof pixels);
    ImageView flat = {32, 32, 3, pixels};
    AugmentScratch scratch = {0};
    InputSpec spec = input_spec_plain(8);
    float x[8 * 8 * 3];
    double lowest = 9, highest = 0, sum = 0;
    for (uint64_t draw = 0; draw < 500; draw++) {
        augment_apply(x, &flat, AUGMENT_DOMAINBED, &spec, (AugmentDraw){rng_stream(2, "t"), draw},
                      &scratch);
        for (int i = 1; i < 8 * 8 * 3; i++) assert_true(x[i] == x[0]);
        double share = x[0] * 255.0 / 150.0;
        lowest = share < lowest ? share : lowest;
        highest = share > highest ? share : highest;
        sum += share;
    }
    augment_scratch_done(&scratch);
    assert_in_range(lowest * 1000, 690, 730);
    assert_in_range(highest * 1000, 1270, 1301);
    assert_close(sum / 500, 1.0, 0, 0.035); /* uniform: deviation .173, four standard errors */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_has_every_source_with_its_labels),
        cmocka_unit_test(test_same_bits_in_any_order_and_with_any_workers),
        cmocka_unit_test(test_seed_and_step_change_the_batch),
        cmocka_unit_test(test_draws_do_not_depend_on_the_other_sources),
        cmocka_unit_test(test_epoch_without_replacement_shows_each_image_once),
        cmocka_unit_test(test_class_balanced_draws_classes_equally),
        cmocka_unit_test(test_uniform_draws_images_equally),
        cmocka_unit_test(test_wrong_options_are_usage_errors),
        cmocka_unit_test(test_no_augmentation_equals_the_clean_transform),
        cmocka_unit_test(test_clean_images_with_and_without_cache_and_threads),
        cmocka_unit_test(test_augmented_evaluation_is_a_function_of_the_stream),
        cmocka_unit_test(test_normalise_uses_mean_and_deviation),
        cmocka_unit_test(test_flip_mirrors_half_of_the_draws),
        cmocka_unit_test(test_domainbed_jitter_stays_in_range),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
