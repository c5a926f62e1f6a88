/* Decoding: every format, the policy, and files that have to be refused with one line. */
#include "fixture.h"

static void expect_decoded(const char *name, const char *golden, unsigned flags, double bound)
{
    Err err = {0};
    size_t n;
    unsigned got_flags = 99;
    char *bytes = golden_bytes(name, &n);
    Image image = {0}, want = golden_image(golden);
    assert_ok(image_decode(&image, &got_flags, bytes, n, name, &err));
    double difference = image_difference(&image, &want);
    free(bytes);
    image_done(&image);
    image_done(&want);
    if (difference > bound)
        fail_msg("%s: mean difference %g, expected at most %g", name, difference, bound);
    assert_int_equal(got_flags, flags);
}

static void test_formats(void **state)
{
    (void)state;
    expect_decoded("small.png", "small.ppm", 0, 0);
    expect_decoded("small.bmp", "small.ppm", 0, 0);
    expect_decoded("small.tga", "small.ppm", 0, 0);
    expect_decoded("small.gif", "small_gif.ppm", 0, 0);
    expect_decoded("small.jpg", "small_jpg.ppm", 0,
                   1.0); /* decoders round the cosine transform differently */
    expect_decoded("palette.png", "small_gif.ppm", 0, 0);
}

static void test_alpha_is_composed_on_white(void **state)
{
    (void)state;
    expect_decoded("alpha.png", "alpha_on_white.ppm", IMAGE_HAD_ALPHA,
                   0.02); /* PIL rounds at half otherwise */
}

static void test_opaque_alpha_is_no_change(void **state)
{
    (void)state;
    expect_decoded("opaque.png", "small.ppm", 0, 0);
}

static void test_grey_becomes_rgb(void **state)
{
    (void)state;
    expect_decoded("grey.png", "grey.pgm", IMAGE_WAS_GREY, 0);
    expect_decoded("grey.jpg", "grey_jpg.pgm", IMAGE_WAS_GREY, 1.0);
}

static void test_16_bit_keeps_the_high_byte(void **state)
{
    (void)state;
    Err err = {0};
    const char *const names[] = {"rgb16.png", "grey16.png"};
    for (int k = 0; k < 2; k++) {
        size_t n;
        unsigned flags;
        char *bytes = golden_bytes(names[k], &n);
        Image image = {0};
        assert_ok(image_decode(&image, &flags, bytes, n, names[k], &err));
        int n_wrong = 0;
        for (int i = 0; i < 3 * 12 * 10; i++) n_wrong += image.data[i] != i / 3 % 12 * 16;
        free(bytes);
        image_done(&image);
        assert_int_equal(n_wrong, 0);
        assert_int_equal(flags, IMAGE_WAS_16BIT | (k == 1 ? IMAGE_WAS_GREY : 0));
    }
}

static void expect_refused(const char *name, const char *part)
{
    Err err = {0};
    size_t n;
    char *bytes = golden_bytes(name, &n);
    Image image = {0};
    bool ok = image_decode(&image, NULL, bytes, n, name, &err);
    free(bytes);
    image_done(&image);
    assert_fails(ok, part);
    assert_non_null(strstr(err.text, name));
    assert_int_equal(err.code, ERR_FORMAT);
}

static void test_bad_files_are_refused_by_name(void **state)
{
    (void)state;
    expect_refused("cmyk.jpg", "CMYK");
    expect_refused("truncated.jpg", "truncated");
    expect_refused("truncated.png", "truncated");
    expect_refused("truncated.bmp", "truncated");
    expect_refused("truncated.gif", "truncated");
    expect_refused("small.webp", "WebP");
    expect_refused("small.tif", "TIFF");
    expect_refused("no_image.png", "not an image");
}

/* No cut of a file may crash or be taken for the whole. */
static void expect_cuts_refused(const char *name)
{
    size_t n;
    char *bytes = golden_bytes(name, &n);
    Image image = {0};
    int n_accepted = 0;
    for (size_t cut = 0; cut + 16 < n; cut++) {
        Err err = {0};
        char *part = malloc(cut + 1); /* its own block, so that sanitizers see reads past the end */
        memcpy(part, bytes, cut);
        n_accepted += image_decode(&image, NULL, part, cut, name, &err);
        free(part);
    }
    free(bytes);
    image_done(&image);
    if (n_accepted > 0) fail_msg("%s: %d truncated versions were accepted", name, n_accepted);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    expect_cuts_refused("small.png");
    expect_cuts_refused("small.bmp");
    expect_cuts_refused("small.gif");
    expect_cuts_refused("small.ppm");
    expect_cuts_refused("small.jpg");
}

/* Flipped bytes may give another image or an error, but no crash (run under sanitizers). */
static void test_damaged_files_do_not_crash(void **state)
{
    (void)state;
    const char *const names[] = {"small.png", "small.jpg", "small.gif",
                                 "small.bmp", "small.tga", "small.ppm"};
    Image image = {0};
    int n_tried = 0;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n;
        char *bytes = golden_bytes(names[k], &n);
        for (size_t at = 0; at < n; at += 3) {
            Err err = {0};
            char held = bytes[at];
            bytes[at] = (char)(held ^ 0x55);
            n_tried += image_decode(&image, NULL, bytes, n, names[k], &err) || err.text[0] != '\0';
            bytes[at] = held;
        }
        free(bytes);
    }
    image_done(&image);
    assert_true(n_tried > 100);
}

static void test_known_names(void **state)
{
    (void)state;
    assert_true(image_has_known_name("a.JPG"));
    assert_true(image_has_known_name("a.b.png"));
    assert_false(image_has_known_name("captions.csv"));
    assert_false(image_has_known_name(".png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_alpha_is_composed_on_white),
        cmocka_unit_test(test_opaque_alpha_is_no_change),
        cmocka_unit_test(test_grey_becomes_rgb),
        cmocka_unit_test(test_16_bit_keeps_the_high_byte),
        cmocka_unit_test(test_bad_files_are_refused_by_name),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_damaged_files_do_not_crash),
        cmocka_unit_test(test_known_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
