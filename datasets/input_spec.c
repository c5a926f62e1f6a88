/* Normalisations by name, the words of a command line, and torchvision's roundings. */
#include "input_spec.h"

#include <string.h>

InputSpec input_spec_plain(int size)
{
    return (InputSpec){.size = size, .mean = {0, 0, 0}, .std = {1, 1, 1}};
}

InputSpec input_spec_imagenet(int size)
{
    return (InputSpec){
        .size = size, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
}

InputSpec input_spec_clip(int size)
{
    return (InputSpec){.size = size,
                       .mean = {0.48145466f, 0.4578275f, 0.40821073f},
                       .std = {0.26862954f, 0.26130258f, 0.27577711f}};
}

/* ---- words ---- */

static void take_values(InputSpec *spec, InputSpec from)
{
    memcpy(spec->mean, from.mean, sizeof spec->mean);
    memcpy(spec->std, from.std, sizeof spec->std);
}

static void to_squash(InputSpec *spec)
{
    spec->fit = FIT_SQUASH;
}

static void to_crop(InputSpec *spec)
{
    spec->fit = FIT_CROP;
}

static void to_bilinear(InputSpec *spec)
{
    spec->filter = RESAMPLE_BILINEAR;
}

static void to_bicubic(InputSpec *spec)
{
    spec->filter = RESAMPLE_BICUBIC;
}

static void to_imagenet(InputSpec *spec)
{
    take_values(spec, input_spec_imagenet(spec->size));
}

static void to_clip(InputSpec *spec)
{
    take_values(spec, input_spec_clip(spec->size));
}

static void to_plain(InputSpec *spec)
{
    take_values(spec, input_spec_plain(spec->size));
}

static const struct {
    const char *word;
    void (*change)(InputSpec *spec);
} WORDS[] = {
    {"squash", to_squash},   {"crop", to_crop},         {"bilinear", to_bilinear},
    {"bicubic", to_bicubic}, {"imagenet", to_imagenet}, {"clip", to_clip},
    {"plain", to_plain},
};

enum { N_WORDS = sizeof WORDS / sizeof WORDS[0] };

/* "0.5/0.5/0.5" */
static bool parse_triple(float out[3], const char *text, bool positive)
{
    Str part = {0};
    bool ok = true;
    for (int c = 0; c < 3 && ok; c++) {
        size_t n = strcspn(text, "/");
        double value = 0;
        str_clear(&part);
        str_add_n(&part, text, n);
        ok = str_to_double(str_text(&part), &value) && (!positive || value > 0) &&
             (text[n] == '/') == (c < 2);
        out[c] = (float)value;
        text += n + (text[n] == '/');
    }
    str_done(&part);
    return ok;
}

static bool change_one(InputSpec *spec, const char *word, const char *what, Err *err)
{
    for (int i = 0; i < N_WORDS; i++) {
        if (!str_equal(word, WORDS[i].word)) continue;
        WORDS[i].change(spec);
        return true;
    }
    if (str_starts_with(word, "mean=") && parse_triple(spec->mean, word + 5, false)) return true;
    if (str_starts_with(word, "std=") && parse_triple(spec->std, word + 4, true)) return true;
    return err_set(err, ERR_USAGE,
                   "%s: found \"%s\", expected squash, crop, bilinear, bicubic, imagenet, clip,"
                   " plain, mean=R/G/B or std=R/G/B",
                   what, word);
}

bool input_spec_change(InputSpec *spec, const char *words, const char *what, Err *err)
{
    InputSpec changed = *spec;
    Str word = {0};
    bool ok = true;
    for (const char *at = words; ok; at++) {
        size_t n = strcspn(at, ",");
        str_clear(&word);
        str_add_n(&word, at, n);
        ok = change_one(&changed, str_text(&word), what, err);
        at += n;
        if (*at == '\0') break;
    }
    str_done(&word);
    if (ok) *spec = changed;
    return ok;
}

void input_spec_describe(const InputSpec *spec, Str *out)
{
    str_addf(out, "%s %d %s", spec->fit == FIT_CROP ? "crop" : "squash", spec->size,
             spec->filter == RESAMPLE_BICUBIC ? "bicubic" : "bilinear");
    str_addf(out, ", mean %g/%g/%g, std %g/%g/%g", (double)spec->mean[0], (double)spec->mean[1],
             (double)spec->mean[2], (double)spec->std[0], (double)spec->std[1],
             (double)spec->std[2]);
}

/* ---- places ---- */

/* int(round((length - size) / 2.0)) of torchvision's center_crop: Python rounds halves to even. */
static int crop_begin(int length, int size)
{
    int rest = length - size, half = rest / 2;
    return rest % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

Resampling input_spec_resampling(const InputSpec *spec, int width, int height)
{
    Resampling r = {.box = {0, 0, width, height},
                    .filter = spec->filter,
                    .width = spec->size,
                    .height = spec->size};
    if (spec->fit == FIT_CROP) { /* int(size * long / short) of torchvision's resize */
        if (width > height) r.width = (int)((int64_t)spec->size * width / height);
        if (height > width) r.height = (int)((int64_t)spec->size * height / width);
        r.x = crop_begin(r.width, spec->size);
        r.y = crop_begin(r.height, spec->size);
    }
    return r;
}
