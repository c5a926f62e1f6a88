/* From a decoded image to a network's input: DomainBed's training pipeline (domainbed/datasets.py,
 * MultipleEnvironmentImageFolder), a plain flip, and the clean transform that every evaluation
 * uses.
 *
 * All image operations work on 8-bit images as PIL does (transform.h); the last step is /255 and (x
 * - mean) / std. Random draws are a pure function of the stream and the draw's number, so they need
 * no state.
 */
#ifndef DATASETS_AUGMENT_H
#define DATASETS_AUGMENT_H

#include "image.h"
#include "input_spec.h"
#include "rng.h"
#include "transform.h"

#include <stdint.h>

typedef enum {
    AUGMENT_NONE,     /* the clean transform */
    AUGMENT_FLIP,     /* clean transform, mirrored with probability 1/2 */
    AUGMENT_DOMAINBED /* random resized crop .7-1, flip, colour jitter .3, greyscale .1 */
} AugmentKind;

/* What the kinds are made of; all zero: the clean transform. */
typedef struct {
    double crop;   /* smallest part of the area that a random resized crop keeps, in (0,1);
                      0: no crop. Ratios of 3:4 to 4:3 */
    double flip;   /* probability */
    double jitter; /* brightness, contrast, saturation within 1 -+ jitter, hue within -+ jitter
                      turns, in [0, 0.5] */
    double grey;   /* probability */
} AugmentSteps;

extern const char *const AUGMENT_KIND_NAMES[]; /* "none", "flip", "domainbed", NULL */

/* Which random numbers an image gets: the stream, and the number of the draw inside it. */
typedef struct {
    RngStream stream;
    uint64_t number;
} AugmentDraw;

/* Scratch of one thread. Start with AugmentScratch s = {0}; end with augment_scratch_done(&s). */
typedef struct {
    Image decoded; /* for dataset_pixels */
    Image resized;
    ResizeScratch resize;
} AugmentScratch;

void augment_scratch_done(AugmentScratch *scratch);

/* out: [size, size, image->channels]. The colour steps
 * are left out for images that do not have 3 channels. */
void augment_apply(float *out, const ImageView *image, AugmentKind kind, const InputSpec *spec,
                   AugmentDraw draw, AugmentScratch *scratch);

/* The same by steps; an image's draws are the same for the same steps. */
void augment_apply_steps(float *out, const ImageView *image, const AugmentSteps *steps,
                         const InputSpec *spec, AugmentDraw draw, AugmentScratch *scratch);

/* The clean transform: brought to size x size as the spec says (DomainBed's: ignoring the aspect
 * ratio), as 8-bit pixels [size, size, channels]. */
void augment_clean_pixels(uint8_t *out, const ImageView *image, const InputSpec *spec,
                          AugmentScratch *scratch);

/* pixels [n, channels] -> x [n, channels], (p/255 - mean) / std. */
void augment_normalise(float *x, const uint8_t *pixels, int n, int channels, const InputSpec *spec);

#endif
