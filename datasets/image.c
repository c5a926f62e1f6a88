/* stb_image behind one policy for alpha, grey, 16 bit, CMYK and files that end too early. */
#include "image.h"

#include "mem.h"
#include "str.h"

#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#include <stb_image.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    STB_REFILL_BYTES = 128
}; /* stb_image's own buffer: a request of this size may be answered in part */

/* A file in memory. stb reads zeros after the end of its input for several formats: `starved` notes
 * that it wanted bytes that are not there. */
typedef struct {
    const uint8_t *bytes;
    size_t n, at;
    bool starved;
} Reader;

static int reader_read(void *user, char *data, int size)
{
    Reader *reader = user;
    size_t left = reader->n - reader->at;
    size_t n = (size_t)size < left ? (size_t)size : left;
    if (n == 0 || (n < (size_t)size && size != STB_REFILL_BYTES)) reader->starved = true;
    memcpy(data, reader->bytes + reader->at, n);
    reader->at += n;
    return (int)n;
}

static void reader_skip(void *user, int n)
{
    Reader *reader = user;
    size_t left = reader->n - reader->at;
    if (n > 0 && (size_t)n > left) reader->starved = true;
    if (n > 0) reader->at += (size_t)n < left ? (size_t)n : left;
    if (n < 0) reader->at -= (size_t)-n < reader->at ? (size_t)-n : reader->at;
}

static int reader_at_end(void *user)
{
    const Reader *reader = user;
    return reader->at >= reader->n;
}

static const stbi_io_callbacks READER_CALLBACKS = {reader_read, reader_skip, reader_at_end};

typedef struct {
    const char *magic;
    int n, offset;
    bool is_read;
    const char *name;
} Format;

static const Format FORMATS[] = {
    {"\x89PNG\r\n\x1a\n", 8, 0, true, "PNG"},
    {"\xff\xd8\xff", 3, 0, true, "JPEG"},
    {"BM", 2, 0, true, "BMP"},
    {"GIF8", 4, 0, true, "GIF"},
    {"P5", 2, 0, true, "PGM"},
    {"P6", 2, 0, true, "PPM"},
    {"WEBP", 4, 8, false, "WebP"},
    {"II*\0", 4, 0, false, "TIFF"},
    {"MM\0*", 4, 0, false, "TIFF"},
};

static const char *const KNOWN_ENDINGS[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tga",
                                            ".ppm", ".pgm", ".webp", ".tif", ".tiff"};

static bool has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name), n_ending = strlen(ending);
    return n > n_ending && strcasecmp(name + n - n_ending, ending) == 0;
}

bool image_has_known_name(const char *file_name)
{
    for (size_t i = 0; i < sizeof KNOWN_ENDINGS / sizeof *KNOWN_ENDINGS; i++) {
        if (has_ending(file_name, KNOWN_ENDINGS[i])) return true;
    }
    return false;
}

static bool format_check(const Reader *reader, const char *place, Err *err)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++) {
        const Format *format = &FORMATS[i];
        size_t end = (size_t)format->offset + (size_t)format->n;
        if (reader->n < end ||
            memcmp(reader->bytes + format->offset, format->magic, (size_t)format->n) != 0)
            continue;
        if (format->is_read) return true;
        return err_set(err, ERR_FORMAT,
                       "%s: a %s file, expected png, jpeg, bmp, gif, tga, ppm or pgm", place,
                       format->name);
    }
    if (has_ending(place, ".tga")) return true; /* TGA has no magic number */
    return err_set(err, ERR_FORMAT, "%s: %s, expected png, jpeg, bmp, gif, tga, ppm or pgm", place,
                   reader->n == 0 ? "an empty file" : "not an image");
}

/* Looks at a JPEG's frame header (ITU-T T.81, B.2.2): stb converts CMYK by a guess, so four
 * components are refused. */
static bool jpeg_check(const Reader *reader, const char *place, Err *err)
{
    const uint8_t *b = reader->bytes;
    size_t at = 2;
    while (at + 9 < reader->n && b[at] == 0xFF) {
        int marker = b[at + 1];
        if (marker == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        if (marker == 0xDA || marker == 0xD9) return true;
        bool is_frame =
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (!is_frame) {
            at += 2 + (size_t)(b[at + 2] << 8 | b[at + 3]);
            continue;
        }
        if (b[at + 9] == 4)
            return err_set(err, ERR_FORMAT, "%s: a CMYK JPEG, expected RGB or grey", place);
        if (b[at + 4] != 8) {
            return err_set(err, ERR_FORMAT, "%s: a %d-bit JPEG, expected 8 bits per sample", place,
                           b[at + 4]);
        }
        return true;
    }
    return true;
}

static bool size_check(int width, int height, const char *place, Err *err)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
        (int64_t)width * height > IMAGE_MAX_PIXELS) {
        return err_set(err, ERR_FORMAT,
                       "%s: %d x %d pixels, expected at most %d a side and %d in all", place, width,
                       height, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    }
    return true;
}

static bool unreadable(const Reader *reader, const char *place, Err *err)
{
    const char *reason = stbi_failure_reason();
    if (reader->starved) return err_set(err, ERR_FORMAT, "%s: truncated image file", place);
    return err_set(err, ERR_FORMAT, "%s: cannot decode image (%s)", place,
                   reason != NULL ? reason : "no reason given");
}

bool image_info(int *width, int *height, const void *bytes, size_t n_bytes, const char *place,
                Err *err)
{
    Reader reader = {.bytes = bytes, .n = n_bytes};
    if (n_bytes > IMAGE_MAX_FILE_BYTES)
        return err_set(err, ERR_FORMAT, "%s: larger than 256 MiB", place);
    if (!format_check(&reader, place, err) || !jpeg_check(&reader, place, err)) return false;
    int w = 0, h = 0, n_components = 0;
    if (!stbi_info_from_callbacks(&READER_CALLBACKS, &reader, &w, &h, &n_components)) {
        return unreadable(&reader, place, err);
    }
    if (!size_check(w, h, place, err)) return false;
    *width = w;
    *height = h;
    return true;
}

void image_resize_storage(Image *image, int width, int height, int channels)
{
    check(width > 0 && height > 0 && channels >= 1 && channels <= 3, "image %d x %d x %d", width,
          height, channels);
    size_t need = (size_t)width * (size_t)height * (size_t)channels;
    if (need > image->capacity) {
        free(image->data);
        image->data = mem_alloc(need, 1);
        image->capacity = need;
    }
    image->width = width;
    image->height = height;
    image->channels = channels;
}

void image_done(Image *image)
{
    free(image->data);
    *image = (Image){0};
}

ImageView image_view(const Image *image)
{
    return (ImageView){image->width, image->height, image->channels, image->data};
}

/* value over white with opacity alpha/255, rounded */
static uint8_t over_white(int value, int alpha)
{
    return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* pixels: n of n_components (grey, grey + alpha, RGB, RGBA) -> RGB. Returns whether any pixel was
 * not opaque. */
static bool expand_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t n, int n_components)
{
    bool is_grey = n_components <= 2, has_alpha = n_components % 2 == 0;
    bool transparent = false;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = pixels + i * (size_t)n_components;
        int alpha = has_alpha ? p[n_components - 1] : 255;
        transparent |= alpha != 255;
        for (int c = 0; c < 3; c++) rgb[3 * i + (size_t)c] = over_white(p[is_grey ? 0 : c], alpha);
    }
    return transparent;
}

bool image_decode(Image *out, unsigned *flags, const void *bytes, size_t n_bytes, const char *place,
                  Err *err)
{
    int width, height;
    if (!image_info(&width, &height, bytes, n_bytes, place, err)) return false;
    Reader reader = {.bytes = bytes, .n = n_bytes};
    bool is_16bit = stbi_is_16_bit_from_callbacks(&READER_CALLBACKS, &reader) != 0;
    reader = (Reader){.bytes = bytes, .n = n_bytes};
    int n_components = 0;
    uint8_t *pixels =
        stbi_load_from_callbacks(&READER_CALLBACKS, &reader, &width, &height, &n_components, 0);
    if (pixels == NULL || reader.starved) {
        stbi_image_free(pixels);
        return unreadable(&reader, place, err);
    }
    image_resize_storage(out, width, height, 3);
    bool transparent = false;
    size_t n = (size_t)width * (size_t)height;
    if (n_components == 3) {
        memcpy(out->data, pixels, 3 * n);
    } else {
        transparent = expand_to_rgb(out->data, pixels, n, n_components);
    }
    stbi_image_free(pixels);
    if (flags != NULL) {
        *flags = (n_components <= 2 ? IMAGE_WAS_GREY : 0u) | (transparent ? IMAGE_HAD_ALPHA : 0u) |
                 (is_16bit ? IMAGE_WAS_16BIT : 0u);
    }
    return true;
}
