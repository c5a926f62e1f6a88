/* Every transform against what torchvision made of the same picture. They agree in every
 * bit, which is more than the one 8-bit step on average that we promise; the tests hold it there.
 */
#include "fixture.h"

#include "transform.h"

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
