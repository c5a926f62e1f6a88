/* Opening datasets: class map, order, messages, the pack, broken images. */
#include "fixture.h"

#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static Fixture fixture;
static Dataset *opened;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    opened = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(opened);
    fixture_done(&fixture);
    return 0;
}

/* Opens a path below the fixture; NULL when it fails. */
static Dataset *open_with(const char *name, DatasetOptions options, Err *err)
{
    dataset_close(opened);
    opened = NULL;
    options.cache_dir = fixture.cache;
    if (!dataset_open(&opened, fixture_path(&fixture, name), &options, err)) opened = NULL;
    return opened;
}

static Dataset *open_plain(const char *name, Err *err)
{
    return open_with(name, (DatasetOptions){0}, err);
}

static void test_folder_order_is_domain_class_path(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "b,a", "dog,cat", 2);
    fixture_image(&fixture, "tree/a/cat/z/deep.ppm", 77);
    fixture_write_text(&fixture, "tree/a/cat/notes.txt", "no image");
    Dataset *d = open_plain("tree", &err);
    assert_ok(d != NULL);
    static const char *const PATHS[] = {"a/cat/cat0.ppm", "a/cat/cat1.ppm", "a/cat/z/deep.ppm",
                                        "a/dog/dog0.ppm", "a/dog/dog1.ppm", "b/cat/cat0.ppm",
                                        "b/cat/cat1.ppm", "b/dog/dog0.ppm", "b/dog/dog1.ppm"};
    assert_int_equal(d->n_images, 9);
    for (int i = 0; i < 9; i++) assert_string_equal(d->images[i].path, PATHS[i]);
    assert_string_equal(d->name, "tree");
    assert_int_equal(d->n_classes, 2);
    assert_string_equal(d->classes[0], "cat");
    assert_int_equal(d->images[3].label, 1);
    assert_int_equal(d->first[1], 5);
    assert_int_equal(d->first[2], 9);
    assert_false(d->has_concepts);
}

static void test_descriptor_orders_names_and_speaks(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "data", "x,y", "fire-ant,big_cat", 1);
    fixture_write_text(&fixture, "data/captions.csv",
                       "path,caption\nx/big_cat/big_cat0.ppm,\"a cat, big\"\n");
    fixture_write_text(
        &fixture, "d.yaml",
        "name: d\nroot: data\ndomains: [y, x]\ndomain_names: [Why, Ex]\nconcept: stem\n"
        "captions: {file: captions.csv}\nlicence: free\n");
    Dataset *d = open_plain("d.yaml", &err);
    assert_ok(d != NULL);
    assert_string_equal(d->domains[0], "Why");
    assert_string_equal(d->images[0].path, "y/big_cat/big_cat0.ppm");
    assert_string_equal(d->images[0].caption, "");
    assert_string_equal(d->images[2].caption, "a cat, big");
    assert_string_equal(d->images[2].concept, "big_cat0");
    assert_true(d->has_concepts);
    assert_string_equal(d->class_texts[0], "big cat");
    assert_string_equal(d->class_texts[1], "fire ant");
    assert_int_equal(dataset_find_domain(d, "Ex"), 1);
    assert_int_equal(dataset_find_class(d, "no"), -1);
}

static void test_pixels_come_from_the_pack_or_the_file(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "a,b", "k", 3);
    uint8_t pixels[6][192];
    char fingerprint[SHA256_HEX_SIZE];
    for (int on_the_fly = 1; on_the_fly >= 0; on_the_fly--) {
        Dataset *d =
            open_with("tree", (DatasetOptions){.pack_budget_bytes = on_the_fly ? -1 : 0}, &err);
        assert_ok(d != NULL);
        assert_int_equal(dataset_is_packed(d), !on_the_fly);
        for (int i = 0; i < 6; i++) {
            ImageView view;
            Image scratch = {0};
            assert_ok(dataset_pixels(d, i, &view, &scratch, &err));
            assert_int_equal(view.width * view.height * view.channels, 192);
            if (on_the_fly) memcpy(pixels[i], view.data, 192);
            assert_memory_equal(view.data, pixels[i], 192);
            image_done(&scratch);
        }
        if (on_the_fly) strcpy(fingerprint, d->fingerprint);
        assert_string_equal(d->fingerprint,
                            fingerprint); /* does not depend on where pixels come from */
    }
}

static void test_fingerprint_follows_content_not_place(void **state)
{
    (void)state;
    Err err = {0};
    char first[SHA256_HEX_SIZE];
    fixture_tree(&fixture, "one", "a,b", "k", 2);
    fixture_tree(&fixture, "two", "a,b", "k", 2);
    assert_ok(open_plain("one", &err) != NULL);
    strcpy(first, opened->fingerprint);
    assert_ok(open_plain("two", &err) != NULL);
    assert_string_equal(opened->fingerprint, first);
    fixture_image(&fixture, "two/b/k/k1.ppm", 1234);
    assert_ok(open_plain("two", &err) != NULL);
    assert_string_not_equal(opened->fingerprint, first);
}

static void test_changed_file_makes_the_pack_anew(void **state)
{
    (void)state;
    Err err = {0};
    ImageView view;
    fixture_tree(&fixture, "tree", "a,b", "k", 2);
    assert_ok(open_plain("tree", &err) != NULL);
    assert_ok(dataset_pixels(opened, 0, &view, NULL, &err));
    uint8_t before = view.data[0];
    char image[11 + 192];
    memcpy(image, "P6\n8 8\n255\n", 11);
    memset(image + 11, before ^ 0x80, 192);
    fixture_write(&fixture, "tree/a/k/k0.ppm", image, sizeof image);
    assert_ok(open_plain("tree", &err) != NULL);
    assert_ok(dataset_pixels(opened, 0, &view, NULL, &err));
    assert_int_equal(view.data[0], before ^ 0x80);
}

static void test_missing_folder_says_how_to_get_it(void **state)
{
    (void)state;
    Err err = {0};
    fixture_write_text(&fixture, "d.yaml", "name: d\nroot: nowhere\nget: run scripts/datasets/d\n");
    assert_fails(open_plain("d.yaml", &err) != NULL,
                 "nowhere does not exist; to get it: run scripts/datasets/d");
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_unknown_name_suggests_the_nearest(void **state)
{
    (void)state;
    Err err = {0};
    Dataset *d;
    assert_fails(dataset_open(&d, "emoji-style", NULL, &err), "(did you mean \"emoji-styles\"?)");
    assert_fails(dataset_open(&d, "no/such/file.yaml", NULL, &err),
                 "no/such/file.yaml: cannot open");
}

/* A folder in the current one that is called like a shipped dataset does not hide it. */
static void test_shipped_name_wins_over_a_folder(void **state)
{
    (void)state;
    Err err = {0};
    char here[512];
    Dataset *d;
    DatasetOptions options = fixture_options(&fixture);
    fixture_tree(&fixture, "pacs", "a,b", "k", 1);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(fixture.path), 0);
    bool by_name = dataset_open(&d, "pacs", &options, &err);
    bool by_path = dataset_open(&opened, "./pacs", &options, &err);
    assert_int_equal(chdir(here), 0);
    assert_false(by_name);
    assert_true(by_path);
}

static void test_empty_folders_are_errors(void **state)
{
    (void)state;
    Err err = {0};
    assert_ok(file_make_dirs(fixture_path(&fixture, "empty"), &err));
    assert_fails(open_plain("empty", &err) != NULL, "no domain folders");
    assert_ok(file_make_dirs(fixture_path(&fixture, "empty/a/k"), &err));
    assert_fails(open_plain("empty", &err) != NULL, "no images");
    fixture_image(&fixture, "empty/b/k/0.ppm", 1);
    assert_fails(open_plain("empty", &err) != NULL, "no images in domain \"a\"");
}

static void test_class_missing_in_a_domain(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "a", "cat,dog", 1);
    fixture_tree(&fixture, "tree", "b", "dog,emu", 1);
    assert_fails(open_plain("tree", &err) != NULL, "domain \"a\" has no image of class \"emu\"");
    assert_non_null(strstr(err.text, "domain \"b\" has no image of class \"cat\""));
    Dataset *d = open_with("tree", (DatasetOptions){.allow_missing_classes = true}, &err);
    assert_ok(d != NULL);
    assert_int_equal(d->n_classes, 3);
    assert_int_equal(d->images[2].label, 1); /* b/dog is "dog", not b's first class */
}

static void test_class_that_the_descriptor_does_not_know(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "a,b", "cat,dgo", 1);
    fixture_write_text(&fixture, "d.yaml", "name: d\nroot: tree\nclasses: [cat, dog]\n");
    assert_fails(open_plain("d.yaml", &err) != NULL,
                 "class \"dgo\" is not one of the descriptor's 2 classes");
}

static void expect_descriptor_fails(const char *text, const char *part)
{
    Err err = {0};
    fixture_write_text(&fixture, "d.yaml", text);
    assert_fails(open_plain("d.yaml", &err) != NULL, part);
}

static void test_bad_descriptors(void **state)
{
    (void)state;
    expect_descriptor_fails("name: d\ndomians: [a]\n",
                            "d.yaml:2: unknown key \"domians\" (did you mean \"domains\"?)");
    expect_descriptor_fails("root: x\n", "name");
    expect_descriptor_fails("name: d\nlayout: foldr\n", "foldr");
    expect_descriptor_fails("name: d\nbroken: maybe\n", "maybe");
    expect_descriptor_fails("name: d\ndomains: [a, b]\ndomain_names: [A]\n",
                            "1 domain_names for 2 domains");
    expect_descriptor_fails("name: d\ndomains: [a, a]\n", "\"a\" twice in domains");
    expect_descriptor_fails("name: d\nlayout: manifest\n", "layout manifest without manifest.file");
    expect_descriptor_fails("name: d\nlayout: idx\n", "layout idx without idx.images");
    expect_descriptor_fails("name: d\nshapes: {size: 4}\n", "shapes.size");
}

static void test_broken_images_are_refused_or_skipped(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "a,b", "k", 3);
    fixture_write_text(&fixture, "tree/a/k/k1.ppm", "P6\n8 8\n255\ntoo short");
    fixture_write_text(&fixture, "tree/b/k/k0.png", "nothing");
    assert_fails(open_plain("tree", &err) != NULL, "2 of 7 images cannot be read (first: ");
    assert_non_null(strstr(err.text, "a/k/k1.ppm: truncated"));
    Dataset *d = open_with("tree", (DatasetOptions){.skip_broken = true}, &err);
    assert_ok(d != NULL);
    assert_int_equal(d->n_images, 5);
    assert_int_equal(d->n_skipped, 2);
    assert_int_equal(d->first[1], 2);
    assert_string_equal(d->images[1].path, "a/k/k2.ppm");
    ImageView view;
    assert_ok(dataset_pixels(d, 1, &view, NULL, &err)); /* numbers have moved, pixels with them */
    uint8_t skipped_first = view.data[0];
    d = open_with("tree", (DatasetOptions){.keep_broken = true}, &err);
    assert_ok(d != NULL);
    assert_int_equal(d->n_images, 7);
    assert_true(dataset_is_broken(d, 1));
    assert_ok(dataset_pixels(d, 2, &view, NULL, &err));
    assert_int_equal(view.data[0], skipped_first);
}

static void test_policy_is_counted(void **state)
{
    (void)state;
    Err err = {0};
    static const char *const NAMES[] = {"alpha.png", "grey.png", "rgb16.png", "small.png"};
    for (int i = 0; i < 4; i++) {
        size_t n;
        char name[64], *bytes = golden_bytes(NAMES[i], &n);
        snprintf(name, sizeof name, "tree/a/k/%s", NAMES[i]);
        fixture_write(&fixture, name, bytes, n);
        free(bytes);
    }
    assert_ok(open_plain("tree", &err) != NULL);
    assert_int_equal(dataset_image_flags(opened, 0), IMAGE_HAD_ALPHA);
    assert_int_equal(dataset_image_flags(opened, 1), IMAGE_WAS_GREY);
    assert_int_equal(dataset_image_flags(opened, 2), IMAGE_WAS_16BIT);
    assert_int_equal(dataset_image_flags(opened, 3), 0);
}

static void test_shipped_descriptors_parse(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    int n, n_missing = 0;
    const char **names = dataset_shipped_names(&n, arena);
    for (int i = 0; i < n; i++) {
        Err err = {0};
        Dataset *d;
        DatasetOptions options = fixture_options(&fixture);
        if (dataset_open(&d, names[i], &options, &err)) {
            dataset_close(d); /* shapes needs no data */
        } else {
            n_missing += strstr(err.text, "does not exist; to get it: ") != NULL;
        }
    }
    arena_free(arena);
    assert_true(n >= 12);
    assert_int_equal(n_missing, n - 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_folder_order_is_domain_class_path),
        TEST(test_descriptor_orders_names_and_speaks),
        TEST(test_pixels_come_from_the_pack_or_the_file),
        TEST(test_fingerprint_follows_content_not_place),
        TEST(test_changed_file_makes_the_pack_anew),
        TEST(test_missing_folder_says_how_to_get_it),
        TEST(test_unknown_name_suggests_the_nearest),
        TEST(test_shipped_name_wins_over_a_folder),
        TEST(test_empty_folders_are_errors),
        TEST(test_class_missing_in_a_domain),
        TEST(test_class_that_the_descriptor_does_not_know),
        TEST(test_bad_descriptors),
        TEST(test_broken_images_are_refused_or_skipped),
        TEST(test_policy_is_counted),
        TEST(test_shipped_descriptors_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
