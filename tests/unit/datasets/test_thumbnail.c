/* Thumbnails: what a browser would decode is the image. */
#include "test.h"
#include "thumbnail.h"

#include <stdlib.h>

enum { MAX_SIDE = 200 };

static uint8_t pixels[MAX_SIDE * MAX_SIDE * 3];
static Str uri;
static Image decoded;

static int teardown(void **state)
{
    (void)state;
    str_done(&uri);
    image_done(&decoded);
    decoded = (Image){0};
    return 0;
}

static int digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
                                  : 63;
}

/* The bytes of the base64 text; *n of them. */
static uint8_t *from_base64(size_t *n, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(length % 4, 0);
    uint8_t *bytes = test_malloc(length);
    *n = 0;
    for (size_t i = 0; i < length; i += 4) {
        unsigned word = 0;
        for (int k = 0; k < 4; k++)
            word = word << 6 | (text[i + k] == '=' ? 0U : (unsigned)digit(text[i + k]));
        for (int k = 0; k < 3; k++) {
            if (text[i + 1 + k] != '=') bytes[(*n)++] = (uint8_t)(word >> (16 - 8 * k));
        }
    }
    return bytes;
}

/* Makes the thumbnail and decodes it; returns whether it is a PNG. */
static bool make(int width, int height, int channels, int max_side)
{
    Err err;
    size_t n;
    ImageView view = {width, height, channels, pixels};
    str_clear(&uri);
    thumbnail_data_uri(&uri, &view, max_side);
    bool is_png = str_starts_with(str_text(&uri), "data:image/png;base64,");
    if (!is_png) assert_true(str_starts_with(str_text(&uri), "data:image/jpeg;base64,"));
    uint8_t *bytes = from_base64(&n, strchr(str_text(&uri), ',') + 1);
    assert_ok(image_decode(&decoded, NULL, bytes, n, "thumbnail", &err));
    test_free(bytes);
    return is_png;
}

static void test_a_small_drawing_is_kept_to_the_pixel(void **state)
{
    (void)state;
    for (int size = 1; size <= 33; size += 4) { /* all lengths of base64's end */
        for (int i = 0; i < size * size * 3; i++) pixels[i] = i % 7 < 3 ? 255 : 0;
        assert_true(make(size, size, 3, 64));
        assert_int_equal(decoded.width, size);
        assert_memory_equal(decoded.data, pixels, (size_t)size * (size_t)size * 3);
    }
}

static void test_large_ones_shrink_and_keep_their_shape(void **state)
{
    (void)state;
    for (int i = 0; i < 200 * 100 * 3; i++) pixels[i] = 90;
    (void)make(200, 100, 3, 64);
    assert_int_equal(decoded.width, 64);
    assert_int_equal(decoded.height, 32);
    for (int i = 0; i < 64 * 32 * 3; i++) assert_true(abs(decoded.data[i] - 90) <= 2);
    (void)make(200, 1, 3, 64);
    assert_int_equal(decoded.height, 1);
}

static void test_noise_is_a_jpeg_and_grey_stays_grey(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int i = 0; i < 100 * 100 * 3; i++) {
        random = random * 1664525U + 1013904223U;
        pixels[i] = (uint8_t)(100 + (random >> 26));
    }
    assert_false(make(100, 100, 3, 128));
    assert_int_equal(decoded.width, 100);
    memset(pixels, 77, 40 * 40);
    assert_true(make(40, 40, 1, 64));
    assert_int_equal(decoded.channels, 3);
    for (int i = 0; i < 40 * 40 * 3; i++) assert_int_equal(decoded.data[i], 77);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {TEST(test_a_small_drawing_is_kept_to_the_pixel),
                                       TEST(test_large_ones_shrink_and_keep_their_shape),
                                       TEST(test_noise_is_a_jpeg_and_grey_stays_grey)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
