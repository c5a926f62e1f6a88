/* Single operations on 8-bit images, each with explicit parameters. They follow PIL 9.4 (Debian
 * 12), through which torchvision works on images, including its roundings; tests compare with
 * golden images made by torchvision.
 */
#ifndef DATASETS_TRANSFORM_H
#define DATASETS_TRANSFORM_H

#include "image.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int x, y, width, height; /* inside the image, at least 1 x 1 */
} Box;

/* Buffers of the resampling filter. Start with ResizeScratch s = {0}; end with
 * resize_scratch_done(&s). */
typedef struct {
    int32_t *weights;
    int n_weights;
    uint8_t *rows;
    size_t n_rows;
} ResizeScratch;

void resize_scratch_done(ResizeScratch *scratch);

/* Both widen when they shrink (antialiased). */
typedef enum {
    RESAMPLE_BILINEAR, /* a triangle: Image.BILINEAR */
    RESAMPLE_BICUBIC   /* Keys' cubic with a = -1/2: Image.BICUBIC */
} ResampleFilter;

typedef struct {
    Box box; /* of the image */
    ResampleFilter filter;
    int width, height; /* what the box is resized to */
    int x, y;          /* where out begins in that: Image.resize, then Image.crop */
} Resampling;

/* The part of the resized box that out has room for. Only what that part needs is computed.
 * Channels as the image. */
void transform_resample(Image *out, const ImageView *image, const Resampling *r,
                        ResizeScratch *scratch);

/* The box of the image, resized to out's width x height, RESAMPLE_BILINEAR (Image.crop, then
 * Image.resize(BILINEAR)). out has its storage; channels as the image. */
void transform_resize(Image *out, const ImageView *image, Box box, ResizeScratch *scratch);

void transform_flip(Image *image); /* left <-> right */

/* RGB only. factor 1 changes nothing. ImageEnhance.Brightness, Contrast, Color. */
void transform_brightness(Image *image, double factor);
void transform_contrast(Image *image, double factor);
void transform_saturation(Image *image, double factor);

/* RGB only. Turns the hue by `turns` in [-0.5, 0.5] in 8-bit HSV (torchvision adjust_hue). */
void transform_hue(Image *image, double turns);

/* RGB only: all three channels become the luma (ITU-R BT.601, as PIL converts to "L"). */
void transform_grey(Image *image);

/* One channel. Rotated counter-clockwise about the centre, bilinear, outside filled with 0
 * (Image.rotate). out has the image's size and its own storage. */
void transform_rotate(Image *out, const ImageView *image, double degrees);

#endif
