/* What a CLIP is made of: an image tower and a text tower, both ending in a projection to
 * embed_dim (Radford et al. 2021, "Learning transferable visual models from natural language
 * supervision"). Read from a model directory (model_dir.h) or set by who trains one:
 *
 *     ClipConfig config = {.embed_dim = 128,
 *                          .image = {.kind = "vit", .size = 32, .channels = 3, .patch = 4,
 *                                    .width = 192, .depth = 6, .heads = 3},
 *                          .text = {.context = 24, .vocabulary = 3000, .width = 128, .depth = 2,
 *                                   .heads = 4}};
 */
#ifndef NET_CLIP_CONFIG_H
#define NET_CLIP_CONFIG_H

#include "err.h"

extern const char *const CLIP_VIT; /* the kind "vit" */

typedef struct {
    const char *kind;               /* "vit", or a row of net_list: then size and channels only */
    int size, channels;             /* of the images: size x size pixels */
    int patch, width, depth, heads; /* of the ViT */
    double mlp_ratio;               /* hidden layers are mlp_ratio * width wide; 0: 4 */
} ClipImageConfig;

typedef struct {
    int context;    /* tokens of a text, start and end included */
    int vocabulary; /* the end token is the highest id */
    int width, depth, heads;
    double mlp_ratio;
} ClipTextConfig;

typedef struct {
    int embed_dim;
    ClipImageConfig image;
    ClipTextConfig text;
    bool quick_gelu; /* OpenAI's x * sigmoid(1.702 x) in both towers instead of the exact GELU */
} ClipConfig;

/* Every number in range, so that clip_new takes it. place is for messages. */
MUST_USE bool clip_config_check(const ClipConfig *config, const char *place, Err *err);

/* Width of the hidden layer of a block. */
int clip_hidden_width(int width, double mlp_ratio);

#endif
