/* Decoded 8-bit images, and the one decoder for all formats.
 *
 * Policy, the same for every format: alpha is composed on white, grey becomes RGB, 16-bit samples
 * are reduced to their high byte (all three are reported as flags, and counted by packs and
 * audits); of a GIF the first frame is used; EXIF orientation is ignored, as PIL's open() and
 * therefore DomainBed do. CMYK and 12-bit JPEG, truncated and oversized files are refused with one
 * line.
 */
#ifndef DATASETS_IMAGE_H
#define DATASETS_IMAGE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_MAX_SIDE = 16384,
    IMAGE_MAX_PIXELS = 1 << 26, /* 64 M pixels: 192 MB decoded */
    IMAGE_MAX_FILE_BYTES = 1 << 28
};

/* Pixels are interleaved, rows from the top: data[(y * width + x) * channels + c]. */
typedef struct {
    int width, height, channels; /* channels: 1 to 3 */
    const uint8_t *data;         /* borrowed */
} ImageView;

typedef struct {
    int width, height, channels;
    uint8_t *data;   /* owned; NULL when empty */
    size_t capacity; /* bytes that data can hold */
} Image;

/* What the policy had to change. */
enum { IMAGE_WAS_GREY = 1, IMAGE_HAD_ALPHA = 2, IMAGE_WAS_16BIT = 4 };

/* Gives the image a size; its storage is kept when it is large enough. The content is not defined.
 */
void image_resize_storage(Image *image, int width, int height, int channels);
void image_done(Image *image);

ImageView image_view(const Image *image);

/* bytes: a whole file of n_bytes in any format that is read; out: RGB, its storage is used again;
 * flags may be NULL. place names the file in messages. On failure out is still valid for
 * image_done. */
MUST_USE bool image_decode(Image *out, unsigned *flags, const void *bytes, size_t n_bytes,
                           const char *place, Err *err);

/* Width and height out of the file's head, without decoding. */
MUST_USE bool image_info(int *width, int *height, const void *bytes, size_t n_bytes,
                         const char *place, Err *err);

/* Is this a name that folder sources take for an image (by its ending, letter case ignored)? */
bool image_has_known_name(const char *file_name);

#endif
