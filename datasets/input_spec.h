/* What a network wants to see: how an image is brought to its size, and how its values are
 * normalised. A zeroed fit and filter are DomainBed's: squashed, bilinear.
 */
#ifndef DATASETS_INPUT_SPEC_H
#define DATASETS_INPUT_SPEC_H

#include "err.h"
#include "str.h"
#include "transform.h"

typedef enum {
    FIT_SQUASH, /* size x size, whatever the aspect ratio is */
    FIT_CROP /* the shorter side becomes size, then the central square (torchvision's Resize(size)
                and CenterCrop(size), which CLIP uses) */
} InputFit;

typedef struct {
    int size;
    float mean[3], std[3]; /* of values in [0,1]; for 1 or 2 channels the first ones are used */
    InputFit fit;
    ResampleFilter filter;
} InputSpec;

InputSpec input_spec_plain(int size);    /* mean 0, std 1: values in [0,1] (MNIST) */
InputSpec input_spec_imagenet(int size); /* torchvision's mean and std */
InputSpec input_spec_clip(int size);     /* OpenAI CLIP's mean and std */

/* Changes what the words name, separated by commas: squash, crop, bilinear, bicubic, imagenet,
 * clip, plain, mean=R/G/B, std=R/G/B. ERR_USAGE for anything else; what for: in front of messages.
 */
MUST_USE bool input_spec_change(InputSpec *spec, const char *words, const char *what, Err *err);

/* In words, the same for the same preprocessing: "crop 224 bicubic mean 0.5/0.5/0.5 std 0.5/..." */
void input_spec_describe(const InputSpec *spec, Str *out);

/* Where a width x height image goes: to be used with an out of size x size. */
Resampling input_spec_resampling(const InputSpec *spec, int width, int height);

#endif
