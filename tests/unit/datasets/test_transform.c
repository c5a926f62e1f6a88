/* Every transform against what torchvision made of the same picture. They agree in every
 * bit, which is more than the one 8-bit step on average that we promise; the tests hold it there.
 */
#include "fixture.h"

#include "augment.h"

static Image picture;

static int setup(void **state)
{
    (void)state;
    picture = golden_image("picture.ppm");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    image_done(&picture);
    return 0;
}

static Image copy_of(const Image *image)
{
    Image copy = {0};
    image_resize_storage(&copy, image->width, image->height, image->channels);
    memcpy(copy.data, image->data, (size_t)(image->width * image->height * image->channels));
    return copy;
}

static void expect_image(Image *got, const char *golden, double bound)
{
    Image want = golden_image(golden);
    double difference = image_difference(got, &want);
    image_done(&want);
    image_done(got);
    if (difference > bound)
        fail_msg("%s: mean difference %g, expected at most %g", golden, difference, bound);
}

static void expect_resized(Box box, int width, int height, const char *golden)
{
    Image out = {0};
    ResizeScratch scratch = {0};
    image_resize_storage(&out, width, height, 3);
    ImageView view = image_view(&picture);
    transform_resize(&out, &view, box, &scratch);
    resize_scratch_done(&scratch);
    expect_image(&out, golden, 0);
}

static void test_resize_is_that_of_pil(void **state)
{
    (void)state;
    Box whole = {0, 0, 48, 40};
    expect_resized(whole, 32, 32, "resize_32x32.ppm");
    expect_resized(whole, 64, 17, "resize_64x17.ppm"); /* wider and lower */
    expect_resized(whole, 7, 5, "resize_7x5.ppm");
    expect_resized((Box){3, 2, 37, 31}, 32, 32, "crop_3_2_37x31_to_32x32.ppm");
}

static void test_bicubic_is_that_of_pil(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        const char *golden;
    } cases[] = {
        {32, 32, "bicubic_32x32.ppm"}, {64, 17, "bicubic_64x17.ppm"}, {7, 5, "bicubic_7x5.ppm"}};
    for (int i = 0; i < 3; i++) {
        Image out = {0};
        ResizeScratch scratch = {0};
        image_resize_storage(&out, cases[i].width, cases[i].height, 3);
        ImageView view = image_view(&picture);
        Resampling r = {.box = {0, 0, 48, 40},
                        .filter = RESAMPLE_BICUBIC,
                        .width = cases[i].width,
                        .height = cases[i].height};
        transform_resample(&out, &view, &r, &scratch);
        resize_scratch_done(&scratch);
        expect_image(&out, cases[i].golden, 0);
    }
}

static Image top_left(int width, int height)
{
    Image part = {0};
    ResizeScratch scratch = {0};
    image_resize_storage(&part, width, height, 3);
    ImageView view = image_view(&picture);
    transform_resize(&part, &view, (Box){0, 0, width, height}, &scratch);
    resize_scratch_done(&scratch);
    return part;
}

static void expect_cropped(int width, int height, int size, ResampleFilter filter,
                           const char *golden)
{
    Image part = top_left(width, height), out = {0};
    AugmentScratch scratch = {0};
    InputSpec spec = {.size = size, .fit = FIT_CROP, .filter = filter};
    image_resize_storage(&out, size, size, 3);
    ImageView view = image_view(&part);
    augment_clean_pixels(out.data, &view, &spec, &scratch);
    augment_scratch_done(&scratch);
    image_done(&part);
    expect_image(&out, golden, 0);
}

/* Among them halves that Python rounds down (0.5, 2.5) and up (1.5). */
static void test_shorter_side_and_central_square_are_those_of_torchvision(void **state)
{
    (void)state;
    expect_cropped(48, 40, 32, RESAMPLE_BICUBIC, "clip_48x40_to_32.ppm");
    expect_cropped(37, 40, 18, RESAMPLE_BICUBIC, "clip_37x40_to_18.ppm");
    expect_cropped(48, 21, 16, RESAMPLE_BICUBIC, "clip_48x21_to_16.ppm");
    expect_cropped(38, 32, 16, RESAMPLE_BICUBIC, "clip_38x32_to_16.ppm");
    expect_cropped(20, 29, 48, RESAMPLE_BICUBIC, "clip_20x29_to_48.ppm");
    expect_cropped(48, 21, 16, RESAMPLE_BILINEAR, "crop_bilinear_48x21_to_16.ppm");
}

/* Only the window is computed: a strip of 16384 x 2 does not become 8 million x 1024 pixels. */
static void test_a_crop_of_a_long_strip_is_cheap(void **state)
{
    (void)state;
    Image strip = {0}, out = {0};
    AugmentScratch scratch = {0};
    InputSpec spec = {.size = 64, .fit = FIT_CROP, .filter = RESAMPLE_BICUBIC};
    image_resize_storage(&strip, IMAGE_MAX_SIDE, 2, 3);
    image_resize_storage(&out, 64, 64, 3);
    memset(strip.data, 77, (size_t)IMAGE_MAX_SIDE * 2 * 3);
    ImageView view = image_view(&strip);
    augment_clean_pixels(out.data, &view, &spec, &scratch);
    size_t rows = scratch.resize.n_rows;
    int n_other = 0;
    for (int i = 0; i < 64 * 64 * 3; i++) n_other += out.data[i] != 77;
    augment_scratch_done(&scratch);
    image_done(&strip);
    image_done(&out);
    assert_int_equal(n_other, 0);
    assert_true(rows <= 64 * 3 * 2);
}

static void test_words_change_the_preprocessing(void **state)
{
    (void)state;
    Err err;
    Str text = {0};
    InputSpec spec = input_spec_plain(24);
    assert_ok(input_spec_change(&spec, "crop,bicubic,mean=0.5/0.25/0,std=1/2/.5", "here", &err));
    input_spec_describe(&spec, &text);
    bool same = str_equal(str_text(&text), "crop 24 bicubic, mean 0.5/0.25/0, std 1/2/0.5");
    str_clear(&text);
    assert_ok(input_spec_change(&spec, "squash,bilinear,imagenet", "here", &err));
    input_spec_describe(&spec, &text);
    same &= str_equal(str_text(&text),
                      "squash 24 bilinear, mean 0.485/0.456/0.406, std 0.229/0.224/0.225");
    str_done(&text);
    assert_true(same);
    static const char *const wrong[] = {"",          "crop,",        "bicubik",
                                        "mean=1/2",  "mean=1/2/3/4", "mean=1/2/x",
                                        "std=1/0/1", "std=1/1/1/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(input_spec_change(&spec, wrong[i], "here", &err), "here: found \"");
    assert_int_equal(spec.fit, FIT_SQUASH); /* what failed has changed nothing */
}

static void test_resize_to_the_same_size_copies_the_box(void **state)
{
    (void)state;
    Image out = {0};
    ResizeScratch scratch = {0};
    image_resize_storage(&out, 10, 12, 3);
    ImageView view = image_view(&picture);
    transform_resize(&out, &view, (Box){5, 7, 10, 12}, &scratch);
    int same = memcmp(out.data, picture.data + 3 * (7 * 48 + 5), 30);
    resize_scratch_done(&scratch);
    image_done(&out);
    assert_int_equal(same, 0);
}

/* One and two channels go through another loop: a plane of the RGB result has to come out. */
static void test_resize_of_one_channel_equals_a_plane(void **state)
{
    (void)state;
    Image plane = {0}, out = {0};
    ResizeScratch scratch = {0};
    image_resize_storage(&plane, 48, 40, 1);
    for (int i = 0; i < 48 * 40; i++) plane.data[i] = picture.data[3 * i + 1];
    image_resize_storage(&out, 32, 32, 1);
    ImageView view = image_view(&plane);
    transform_resize(&out, &view, (Box){0, 0, 48, 40}, &scratch);
    Image rgb = golden_image("resize_32x32.ppm");
    int n_different = 0;
    for (int i = 0; i < 32 * 32; i++) n_different += out.data[i] != rgb.data[3 * i + 1];
    image_done(&rgb);
    image_done(&plane);
    image_done(&out);
    resize_scratch_done(&scratch);
    assert_int_equal(n_different, 0);
}

static void test_flip_mirrors(void **state)
{
    (void)state;
    Image image = copy_of(&picture);
    transform_flip(&image);
    expect_image(&image, "flip.ppm", 0);
}

typedef void Adjust(Image *image, double factor);

static void expect_adjusted(Adjust *adjust, double factor, const char *golden)
{
    Image image = copy_of(&picture);
    adjust(&image, factor);
    expect_image(&image, golden, 0);
}

static void test_brightness_contrast_saturation(void **state)
{
    (void)state;
    expect_adjusted(transform_brightness, 0.7, "brightness_70.ppm");
    expect_adjusted(transform_brightness, 1.3, "brightness_130.ppm");
    expect_adjusted(transform_contrast, 0.7, "contrast_70.ppm");
    expect_adjusted(transform_contrast, 1.3, "contrast_130.ppm");
    expect_adjusted(transform_saturation, 0.7, "saturation_70.ppm");
    expect_adjusted(transform_saturation, 1.3, "saturation_130.ppm");
}

static void test_hue(void **state)
{
    (void)state;
    expect_adjusted(transform_hue, -0.3, "hue_-30.ppm");
    expect_adjusted(transform_hue, 0.1, "hue_10.ppm");
    expect_adjusted(transform_hue, 0.3, "hue_30.ppm");
}

static void test_grey(void **state)
{
    (void)state;
    Image image = copy_of(&picture);
    transform_grey(&image);
    expect_image(&image, "grey.ppm", 0);
}

static void expect_rotated(double degrees, const char *golden, double bound)
{
    Image digit = golden_grey("digit.pgm"), want = golden_grey(golden), out = {0};
    image_resize_storage(&out, digit.width, digit.height, 1);
    ImageView view = image_view(&digit);
    transform_rotate(&out, &view, degrees);
    double difference = image_difference(&out, &want);
    image_done(&digit);
    image_done(&want);
    image_done(&out);
    if (difference > bound)
        fail_msg("%s: mean difference %g, expected at most %g", golden, difference, bound);
}

static void test_rotation(void **state)
{
    (void)state;
    expect_rotated(0, "digit.pgm", 0);
    expect_rotated(15, "rotate_15.pgm", 0);
    expect_rotated(75, "rotate_75.pgm", 0);
    expect_rotated(90, "rotate_90.pgm", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_is_that_of_pil),
        cmocka_unit_test(test_bicubic_is_that_of_pil),
        cmocka_unit_test(test_shorter_side_and_central_square_are_those_of_torchvision),
        cmocka_unit_test(test_a_crop_of_a_long_strip_is_cheap),
        cmocka_unit_test(test_words_change_the_preprocessing),
        cmocka_unit_test(test_resize_to_the_same_size_copies_the_box),
        cmocka_unit_test(test_resize_of_one_channel_equals_a_plane),
        cmocka_unit_test(test_flip_mirrors),
        cmocka_unit_test(test_brightness_contrast_saturation),
        cmocka_unit_test(test_hue),
        cmocka_unit_test(test_grey),
        cmocka_unit_test(test_rotation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
