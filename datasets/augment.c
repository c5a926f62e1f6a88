/* The pipelines, built of transform.h's operations. */
#include "augment.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const AUGMENT_KIND_NAMES[] = {"none", "flip", "domainbed", NULL};

/* Parameters of domainbed/datasets.py. */
static const AugmentSteps STEPS[] = {
    [AUGMENT_NONE] = {0},
    [AUGMENT_FLIP] = {.flip = 0.5},
    [AUGMENT_DOMAINBED] = {.crop = 0.7, .flip = 0.5, .jitter = 0.3, .grey = 0.1},
};

/* torchvision's RandomResizedCrop. */
static const double CROP_AREA_HIGH = 1.0, CROP_RATIO_LOW = 3.0 / 4, CROP_RATIO_HIGH = 4.0 / 3;
enum { CROP_TRIES = 10 };

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
static Box draw_box(Draws *draws, int width, int height, double area_low)
{
    double area = (double)width * height;
    for (int i = 0; i < CROP_TRIES; i++) {
        double wanted = area * draw_between(draws, area_low, CROP_AREA_HIGH);
        double ratio = exp(draw_between(draws, log(CROP_RATIO_LOW), log(CROP_RATIO_HIGH)));
        int w = (int)lround(sqrt(wanted * ratio)), h = (int)lround(sqrt(wanted / ratio));
        if (w < 1 || h < 1 || w > width || h > height) continue;
        int y = draw_below(draws, height - h + 1), x = draw_below(draws, width - w + 1);
        return (Box){x, y, w, h};
    }
    return central_box(width, height);
}

/* ColorJitter: the four operations in random order. */
static void draw_jitter(Draws *draws, Image *image, double jitter)
{
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int j = draw_below(draws, i + 1), held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
    double factor[3];
    for (int i = 0; i < 3; i++) factor[i] = draw_between(draws, 1 - jitter, 1 + jitter);
    double turns = draw_between(draws, -jitter, jitter);
    for (int i = 0; i < 4; i++) {
        if (order[i] == 0) transform_brightness(image, factor[0]);
        if (order[i] == 1) transform_contrast(image, factor[1]);
        if (order[i] == 2) transform_saturation(image, factor[2]);
        if (order[i] == 3) transform_hue(image, turns);
    }
}

void augment_apply_steps(float *out, const ImageView *image, const AugmentSteps *steps,
                         const InputSpec *spec, AugmentDraw draw, AugmentScratch *scratch)
{
    Draws draws = {.stream = draw.stream, .draw = draw.number};
    Image *resized = &scratch->resized;
    image_resize_storage(resized, spec->size, spec->size, image->channels);
    Resampling r = input_spec_resampling(spec, image->width, image->height);
    if (steps->crop > 0) {
        r = (Resampling){.box = draw_box(&draws, image->width, image->height, steps->crop),
                         .filter = spec->filter,
                         .width = spec->size,
                         .height = spec->size};
    }
    transform_resample(resized, image, &r, &scratch->resize);
    if (steps->flip > 0 && draw_chance(&draws, steps->flip)) transform_flip(resized);
    bool coloured = image->channels == 3;
    if (steps->jitter > 0 && coloured) draw_jitter(&draws, resized, steps->jitter);
    if (steps->grey > 0 && coloured && draw_chance(&draws, steps->grey)) transform_grey(resized);
    augment_normalise(out, resized->data, spec->size * spec->size, image->channels, spec);
}

void augment_apply(float *out, const ImageView *image, AugmentKind kind, const InputSpec *spec,
                   AugmentDraw draw, AugmentScratch *scratch)
{
    augment_apply_steps(out, image, &STEPS[kind], spec, draw, scratch);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through target.data */
void augment_clean_pixels(uint8_t *out, const ImageView *image, const InputSpec *spec,
                          AugmentScratch *scratch)
{
    Image target = {
        .width = spec->size, .height = spec->size, .channels = image->channels, .data = out};
    Resampling r = input_spec_resampling(spec, image->width, image->height);
    transform_resample(&target, image, &r, &scratch->resize);
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
