/* Thumbnails by stb_image_write: see thumbnail.h. */
#include "thumbnail.h"

#include "transform.h"

#include <stb_image_write.h>
#include <stdlib.h>

enum { JPEG_QUALITY = 92 }; /* stb keeps full colour resolution above 90: thin lines stay sharp */

/* ---- base64, RFC 4648, 4 --------------------------------------------------------------------- */

static void add_base64(Str *out, const Str *bytes)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = (const unsigned char *)bytes->text;
    for (size_t i = 0; i < bytes->n; i += 3) {
        size_t n = bytes->n - i < 3 ? bytes->n - i : 3;
        unsigned word = (unsigned)b[i] << 16;
        if (n > 1) word |= (unsigned)b[i + 1] << 8;
        if (n > 2) word |= b[i + 2];
        char four[4] = {DIGITS[word >> 18], DIGITS[word >> 12 & 63], '=', '='};
        if (n > 1) four[2] = DIGITS[word >> 6 & 63];
        if (n > 2) four[3] = DIGITS[word & 63];
        str_add_n(out, four, sizeof four);
    }
}

/* ---- encoding -------------------------------------------------------------------------------- */

static void take_bytes(void *out, void *bytes, int n)
{
    str_add_n(out, bytes, (size_t)n);
}

static void encode(Str *png, Str *jpeg, const ImageView *v)
{
    int ok = stbi_write_png_to_func(take_bytes, png, v->width, v->height, v->channels, v->data,
                                    v->width * v->channels) &&
             stbi_write_jpg_to_func(take_bytes, jpeg, v->width, v->height, v->channels, v->data,
                                    JPEG_QUALITY);
    check(ok, "an image of %d x %d x %d can't be encoded", v->width, v->height, v->channels);
}

/* The image itself when it is small enough, else made smaller into *storage. */
static ImageView shrink(Image *storage, const ImageView *image, int max_side)
{
    int side = image->width > image->height ? image->width : image->height;
    if (side <= max_side) return *image;
    int width = (int)((long)image->width * max_side / side);
    int height = (int)((long)image->height * max_side / side);
    image_resize_storage(storage, width > 0 ? width : 1, height > 0 ? height : 1, image->channels);
    ResizeScratch scratch = {0};
    transform_resize(storage, image, (Box){0, 0, image->width, image->height}, &scratch);
    resize_scratch_done(&scratch);
    return image_view(storage);
}

void thumbnail_data_uri(Str *out, const ImageView *image, int max_side)
{
    Image storage = {0};
    Str png = {0}, jpeg = {0};
    ImageView small = shrink(&storage, image, max_side);
    encode(&png, &jpeg, &small);
    bool is_png = png.n <= jpeg.n;
    str_add(out, is_png ? "data:image/png;base64," : "data:image/jpeg;base64,");
    add_base64(out, is_png ? &png : &jpeg);
    str_done(&png);
    str_done(&jpeg);
    image_done(&storage);
}
