/* Ranges of a CLIP's numbers. They are limits of sanity (the largest published CLIP has 48 blocks
 * of width 1664): what comes from a file must not ask for terabytes. */
#include "clip_config.h"

#include "net.h"
#include "str.h"

#include <math.h>
#include <stdio.h>

const char *const CLIP_VIT = "vit";

enum {
    MAX_WIDTH = 8192,
    MAX_DEPTH = 128,
    MAX_CONTEXT = 4096,
    MAX_VOCABULARY = 1 << 20,
    MAX_PIXELS = 1024,
    MAX_PATCHES = 64 * 64,
    MAX_RATIO = 16
};

static const double USUAL_RATIO = 4; /* Vaswani et al. 2017 */

int clip_hidden_width(int width, double mlp_ratio)
{
    double ratio = mlp_ratio > 0 ? mlp_ratio : USUAL_RATIO;
    return (int)floor(width * ratio + 1e-6); /* a ratio that is a rounded quotient */
}

/* One number, where it is and what it may be. */
typedef struct {
    const char *what;
    int value, low, high;
} Range;

static bool in_range(Range r, const char *place, Err *err)
{
    if (r.value >= r.low && r.value <= r.high) return true;
    return err_set(err, ERR_FORMAT, "%s: %s %d, expected %d to %d", place, r.what, r.value, r.low,
                   r.high);
}

static bool all_in_range(const Range *ranges, int n, const char *place, Err *err)
{
    for (int i = 0; i < n; i++) {
        if (!in_range(ranges[i], place, err)) return false;
    }
    return true;
}

/* What both transformers have. */
typedef struct {
    const char *name;
    int width, depth, heads;
    double mlp_ratio;
} Blocks;

static bool check_blocks(Blocks b, const char *place, Err *err)
{
    char width[64], depth[64], heads[64];
    snprintf(width, sizeof width, "%s width", b.name);
    snprintf(depth, sizeof depth, "%s layers", b.name);
    snprintf(heads, sizeof heads, "%s heads", b.name);
    const Range ranges[] = {{width, b.width, 1, MAX_WIDTH},
                            {depth, b.depth, 1, MAX_DEPTH},
                            {heads, b.heads, 1, b.width}};
    if (!all_in_range(ranges, 3, place, err)) return false;
    if (b.width % b.heads != 0) {
        return err_set(err, ERR_FORMAT, "%s: %s width %d in %d heads, expected a multiple", place,
                       b.name, b.width, b.heads);
    }
    bool usable = b.mlp_ratio >= 0 && b.mlp_ratio <= MAX_RATIO &&
                  clip_hidden_width(b.width, b.mlp_ratio) >= 1;
    if (usable) return true;
    return err_set(err, ERR_FORMAT, "%s: %s mlp_ratio %g, expected up to %d", place, b.name,
                   b.mlp_ratio, MAX_RATIO);
}

static bool check_vit(const ClipImageConfig *c, const char *place, Err *err)
{
    const Range ranges[] = {{"image size", c->size, 1, MAX_PIXELS},
                            {"image channels", c->channels, 1, 3},
                            {"patch size", c->patch, 1, c->size}};
    if (!all_in_range(ranges, 3, place, err)) return false;
    int side = c->size / c->patch;
    if (side * c->patch != c->size || side * side > MAX_PATCHES) {
        return err_set(err, ERR_FORMAT,
                       "%s: images of %d pixels in patches of %d, expected a multiple, at most %d "
                       "patches",
                       place, c->size, c->patch, MAX_PATCHES);
    }
    return check_blocks((Blocks){"image", c->width, c->depth, c->heads, c->mlp_ratio}, place, err);
}

bool clip_config_check(const ClipConfig *c, const char *place, Err *err)
{
    const ClipTextConfig *text = &c->text;
    const Range ranges[] = {{"embed_dim", c->embed_dim, 1, MAX_WIDTH},
                            {"context length", text->context, 2, MAX_CONTEXT},
                            {"vocabulary size", text->vocabulary, 2, MAX_VOCABULARY}};
    if (!all_in_range(ranges, 3, place, err)) return false;
    Blocks blocks = {"text", text->width, text->depth, text->heads, text->mlp_ratio};
    if (!check_blocks(blocks, place, err)) return false;
    if (str_equal(c->image.kind, CLIP_VIT)) return check_vit(&c->image, place, err);
    NetOptions options = {
        .name = c->image.kind, .size = c->image.size, .channels = c->image.channels};
    return net_check_options(&options, err) || err_context(err, "%s", place);
}
