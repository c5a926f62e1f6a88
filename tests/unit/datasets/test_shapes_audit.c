/* The generated domains, and audits of trees with planted faults. */
#include "fixture.h"

#include "audit.h"

static Fixture fixture;
static Dataset *dataset;
static Audit *audit;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    dataset = NULL;
    audit = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit_free(audit);
    dataset_close(dataset);
    fixture_done(&fixture);
    return 0;
}

static void open_shapes(void)
{
    Err err = {0};
    fixture_write_text(&fixture, "s.yaml",
                       "name: s\nlayout: shapes\nshapes: {per_class: 40, size: 32}\n");
    DatasetOptions options = fixture_options(&fixture);
    assert_ok(dataset_open(&dataset, fixture_path(&fixture, "s.yaml"), &options, &err));
}

/* Mean grey of an image. */
static double mean_of(int image)
{
    Err err = {0};
    ImageView view;
    assert_ok(dataset_pixels(dataset, image, &view, NULL, &err));
    double sum = 0;
    int n = view.width * view.height * view.channels;
    for (int i = 0; i < n; i++) sum += view.data[i];
    return sum / n;
}

static void test_shapes_are_the_same_on_every_machine(void **state)
{
    (void)state;
    open_shapes();
    assert_int_equal(dataset->n_images, 4 * 6 * 40);
    assert_int_equal(dataset->n_classes, 6);
    assert_true(dataset->has_concepts);
    assert_string_equal(dataset->images[0].concept, "bar-0000");
    char first[SHA256_HEX_SIZE];
    strcpy(first, dataset->fingerprint);
    dataset_close(dataset);
    dataset = NULL;
    open_shapes();
    assert_string_equal(dataset->fingerprint, first);
}

/* Already the mean grey tells the styles apart. */
static void test_shapes_domains_are_apart(void **state)
{
    (void)state;
    open_shapes();
    double mean[4] = {0};
    for (int d = 0; d < 4; d++) {
        for (int i = dataset->first[d]; i < dataset->first[d + 1]; i++) mean[d] += mean_of(i) / 240;
    }
    assert_in_range(mean[0], 150, 200); /* filled: dark on pastel or pastel on dark */
    assert_true(mean[1] > 220);         /* outline on white */
    assert_in_range(mean[2], 100, 170); /* textured */
    assert_true(mean[3] < 70);          /* dark */
}

static int count_different(int a, int b)
{
    Err err = {0};
    ImageView x, y;
    assert_ok(dataset_pixels(dataset, a, &x, NULL, &err));
    assert_ok(dataset_pixels(dataset, b, &y, NULL, &err));
    int n = 0;
    for (int i = 0; i < 32 * 32 * 3; i++) n += abs(x.data[i] - y.data[i]) > 40;
    return n;
}

static void test_shapes_images_differ_within_a_class(void **state)
{
    (void)state;
    open_shapes();
    for (int i = 0; i < 39; i++)
        assert_true(count_different(dataset->first[1] + i, dataset->first[1] + i + 1) > 20);
}

static void run_audit(const char *root)
{
    Err err = {0};
    DatasetOptions options = fixture_options(&fixture);
    options.keep_broken = options.allow_missing_classes = true;
    ThreadPool *pool = thread_pool_new(2);
    bool ok = dataset_open(&dataset, fixture_path(&fixture, root), &options, &err) &&
              audit_run(&audit, dataset, pool, &err);
    thread_pool_free(pool);
    assert_ok(ok);
}

static void test_audit_of_a_clean_tree(void **state)
{
    (void)state;
    fixture_tree(&fixture, "tree", "a,b", "cat,dog", 3);
    run_audit("tree");
    assert_true(audit_is_clean(audit));
    assert_int_equal(audit->counts[3], 3);
    assert_int_equal(audit->n_identical_across + audit->n_identical_within + (int)audit->n_near, 0);
}

/* A PPM of one colour with one pixel of another value. */
static void write_plain(const char *name, int level, int one_pixel)
{
    char bytes[11 + 192];
    memcpy(bytes, "P6\n8 8\n255\n", 11);
    memset(bytes + 11, level, 192);
    bytes[11 + 90] = (char)one_pixel;
    fixture_write(&fixture, name, bytes, sizeof bytes);
}

static void test_audit_finds_planted_faults(void **state)
{
    (void)state;
    fixture_tree(&fixture, "tree", "a,b", "cat,dog", 3);
    fixture_image(&fixture, "tree/a/emu/emu0.ppm", 500);
    fixture_image(&fixture, "tree/b/dog/copy_of_a_cat.ppm",
                  1); /* a/cat/cat0 has seed 1: another label, too */
    fixture_image(&fixture, "tree/a/dog/again.ppm", 4); /* a/dog/dog0 */
    write_plain("tree/a/cat/plain.ppm", 80, 80);
    write_plain("tree/b/cat/plain.ppm", 80, 90);
    write_plain("tree/b/cat/other.ppm", 95, 95);
    fixture_write_text(&fixture, "tree/a/cat/broken.png", "no image");
    fixture_write_text(&fixture, "tree/b/cat/broken.png", "");
    run_audit("tree");
    assert_false(audit_is_clean(audit));
    assert_int_equal(audit->n_broken, 2);
    assert_non_null(strstr(audit->broken[0].reason, "a/cat/broken.png: not an image"));
    assert_non_null(strstr(audit->broken[1].reason, "b/cat/broken.png: an empty file"));
    assert_int_equal(audit->n_gaps, 1);
    assert_int_equal(audit->n_identical_across, 1);
    assert_int_equal(audit->n_identical_within, 1);
    assert_int_equal(audit->n_identical_conflicts, 1);
    assert_int_equal(audit->n_near, 1);
    assert_string_equal(dataset->images[audit->near[0].a].path, "a/cat/plain.ppm");
    assert_string_equal(dataset->images[audit->near[0].b].path, "b/cat/plain.ppm");
}

/* The pruned search against comparing every pair of thumbnails. */
static void test_near_search_misses_nothing(void **state)
{
    (void)state;
    enum { N = 60 };
    for (int i = 0; i < N; i++) {
        char name[64];
        snprintf(name, sizeof name, "tree/%c/k/%02d.ppm", 'a' + i % 3, i);
        write_plain(name, 40 + 2 * i, 200);
    }
    run_audit("tree");
    int expected = 0;
    for (int i = 0; i < N; i++) {
        for (int j = i + 1; j < N; j++) {
            double step = 2.0 * (j - i) / 255,
                   mse = step * step * 191 / 192; /* all samples but one differ */
            expected += i % 3 != j % 3 && mse < AUDIT_NEAR_MSE;
        }
    }
    assert_int_equal(audit->n_near, expected);
    assert_true(audit->near[0].mse <= audit->near[expected - 1].mse);
}

static void test_audit_prints_what_it_found(void **state)
{
    (void)state;
    fixture_tree(&fixture, "tree", "a,b", "cat,dog", 2);
    fixture_image(&fixture, "tree/b/dog/copy.ppm", 1);
    fixture_write_text(&fixture, "tree/a/cat/broken.png", "no image");
    run_audit("tree");
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    audit_print(audit, out);
    fclose(out);
    bool counts = strstr(text, "cat                              2         2\n") != NULL;
    bool broken = strstr(text, "broken.png: not an image") != NULL;
    bool pair =
        strstr(text, "identical: a/cat/cat0.ppm = b/dog/copy.ppm (different labels)\n") != NULL;
    bool verdict = strstr(text, "not clean: see above\n") != NULL;
    if (!(counts && broken && pair && verdict)) fprintf(stderr, "%s", text);
    free(text);
    assert_true(counts && broken && pair && verdict);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_shapes_are_the_same_on_every_machine), TEST(test_shapes_domains_are_apart),
        TEST(test_shapes_images_differ_within_a_class),  TEST(test_audit_of_a_clean_tree),
        TEST(test_audit_finds_planted_faults),           TEST(test_near_search_misses_nothing),
        TEST(test_audit_prints_what_it_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
