/* The pipelines, built of transform.h's operations. */
#include "augment.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const AUGMENT_KIND_NAMES[] = {"none", "flip", "domainbed", NULL};

/* Parameters of domainbed/datasets.py. */
static const double CROP_AREA_LOW = 0.7, CROP_AREA_HIGH = 1.0, CROP_RATIO_LOW = 3.0 / 4,
                    CROP_RATIO_HIGH = 4.0 / 3;
static const double JITTER = 0.3, GREY_PROBABILITY = 0.1, FLIP_PROBABILITY = 0.5;
enum { CROP_TRIES = 10 }; /* torchvision's RandomResizedCrop */

InputSpec input_spec_plain(int size)
{
    return (InputSpec){size, {0, 0, 0}, {1, 1, 1}};
}

InputSpec input_spec_imagenet(int size)
{
    return (InputSpec){size, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
}

InputSpec input_spec_clip(int size)
{
    return (InputSpec){
        size, {0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}};
}

void augment_scratch_done(AugmentScratch *scratch)
{
    image_done(&scratch->decoded);
    image_done(&scratch->resized);
    resize_scratch_done(&scratch->resize);
}

/* The draws of one image, in order. */
typedef struct {
    RngStream stream;
    uint64_t draw, next;
} Draws;

static double draw_between(Draws *draws, double low, double high)
{
    return low + (high - low) * rng_uniform(draws->stream, draws->draw, draws->next++);
}

static bool draw_chance(Draws *draws, double probability)
{
    return draw_between(draws, 0, 1) < probability;
}

static int draw_below(Draws *draws, int n)
{
    return rng_below(draws->stream, draws->draw, draws->next++, n);
}

/* The largest centred box whose ratio is allowed: torchvision's answer when ten tries did not fit.
 */
static Box central_box(int width, int height)
{
    double ratio = (double)width / height;
    Box box = {0, 0, width, height};
    if (ratio < CROP_RATIO_LOW) box.height = (int)lround(width / CROP_RATIO_LOW);
    if (ratio > CROP_RATIO_HIGH) box.width = (int)lround(height * CROP_RATIO_HIGH);
    box.x = (width - box.width) / 2;
    box.y = (height - box.height) / 2;
    return box;
}

/* RandomResizedCrop.get_params: uniform area, log-uniform ratio, uniform place. */
static Box draw_box(Draws *draws, int width, int height)
{
    double area = (double)width * height;
    for (int i = 0; i < CROP_TRIES; i++) {
        double wanted = area * draw_between(draws, CROP_AREA_LOW, CROP_AREA_HIGH);
        double ratio = exp(draw_between(draws, log(CROP_RATIO_LOW), log(CROP_RATIO_HIGH)));
        int w = (int)lround(sqrt(wanted * ratio)), h = (int)lround(sqrt(wanted / ratio));
        if (w < 1 || h < 1 || w > width || h > height) continue;
        int y = draw_below(draws, height - h + 1), x = draw_below(draws, width - w + 1);
        return (Box){x, y, w, h};
    }
    return central_box(width, height);
}

/* ColorJitter: the four operations in random order. */
static void draw_jitter(Draws *draws, Image *image)
{
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int j = draw_below(draws, i + 1), held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
    double factor[3];
    for (int i = 0; i < 3; i++) factor[i] = draw_between(draws, 1 - JITTER, 1 + JITTER);
    double turns = draw_between(draws, -JITTER, JITTER);
    for (int i = 0; i < 4; i++) {
        if (order[i] == 0) transform_brightness(image, factor[0]);
        if (order[i] == 1) transform_contrast(image, factor[1]);
        if (order[i] == 2) transform_saturation(image, factor[2]);
        if (order[i] == 3) transform_hue(image, turns);
    }
}

static Box whole(const ImageView *image)
{
    return (Box){0, 0, image->width, image->height};
}

void augment_apply(float *out, const ImageView *image, AugmentKind kind, const InputSpec *spec,
                   AugmentDraw draw, AugmentScratch *scratch)
{
    Draws draws = {.stream = draw.stream, .draw = draw.number};
    Image *resized = &scratch->resized;
    image_resize_storage(resized, spec->size, spec->size, image->channels);
    Box box =
        kind == AUGMENT_DOMAINBED ? draw_box(&draws, image->width, image->height) : whole(image);
    transform_resize(resized, image, box, &scratch->resize);
    if (kind != AUGMENT_NONE && draw_chance(&draws, FLIP_PROBABILITY)) transform_flip(resized);
    if (kind == AUGMENT_DOMAINBED && image->channels == 3) {
        draw_jitter(&draws, resized);
        if (draw_chance(&draws, GREY_PROBABILITY)) transform_grey(resized);
    }
    augment_normalise(out, resized->data, spec->size * spec->size, image->channels, spec);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through target.data */
void augment_clean_pixels(uint8_t *out, const ImageView *image, int size, AugmentScratch *scratch)
{
    Image target = {.width = size, .height = size, .channels = image->channels, .data = out};
    transform_resize(&target, image, whole(image), &scratch->resize);
}

void augment_normalise(float *x, const uint8_t *pixels, int n, int channels, const InputSpec *spec)
{
    float table[3][256];
    for (int c = 0; c < channels; c++) {
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v / 255.0f - spec->mean[c]) / spec->std[c];
    }
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < channels; c++) x[i * channels + c] = table[c][pixels[i * channels + c]];
    }
}
