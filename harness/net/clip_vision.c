/* Image towers: building (open_clip, transformer.py, VisionTransformer) and running. */
#include "clip_vision.h"

#include "str.h"

#include <math.h>

static const double EPS = 1e-5; /* PyTorch's LayerNorm */

static int add_projection(Net *net, int width, int embed_dim)
{
    return net_add_param(net, "proj",
                         (ParamSpec){.rank = 2,
                                     .dims = {width, embed_dim},
                                     .init = INIT_NORMAL,
                                     .init_value = 1 / sqrt(width)});
}

/* The blocks keep PyTorch's own initial values: OpenCLIP gives none to the image tower. */
static TransformerSpec block_spec(const ClipConfig *config)
{
    const ClipImageConfig *c = &config->image;
    return (TransformerSpec){.width = c->width,
                             .heads = c->heads,
                             .hidden = clip_hidden_width(c->width, c->mlp_ratio),
                             .eps = EPS,
                             .activation = config->quick_gelu ? nn_quick_gelu : nn_gelu,
                             .names = &TRANSFORMER_OPENCLIP,
                             .init = {.qkv = {INIT_XAVIER_UNIFORM, 0},
                                      .projection = {INIT_LINEAR_WEIGHT, 0},
                                      .fc1 = {INIT_LINEAR_WEIGHT, 0},
                                      .fc2 = {INIT_LINEAR_WEIGHT, 0},
                                      .mlp_bias = INIT_LINEAR_BIAS}};
}

static void add_vit(Net *net, const ClipConfig *config, VitTower *m)
{
    const ClipImageConfig *c = &config->image;
    int side = c->size / c->patch;
    double scale = 1 / sqrt(c->width);
    m->width = c->width;
    m->eps = EPS;
    m->class_token = net_add_param(
        net, "class_embedding",
        (ParamSpec){.rank = 1, .dims = {c->width}, .init = INIT_NORMAL, .init_value = scale});
    m->positions = net_add_param(net, "positional_embedding",
                                 (ParamSpec){.rank = 2,
                                             .dims = {1 + side * side, c->width},
                                             .init = INIT_NORMAL,
                                             .init_value = scale,
                                             .flags = PARAM_POSITIONS});
    m->patches = net_add_conv(net, "conv1",
                              (ConvLayerSpec){.in = c->channels,
                                              .out = c->width,
                                              .kernel = c->patch,
                                              .stride = c->patch,
                                              .init = INIT_LINEAR_WEIGHT});
    m->patches.options.pad = 0;
    NormLayer *norm_pre = arena_alloc(net->arena, 1, sizeof *norm_pre);
    *norm_pre = net_add_layer_norm(net, "ln_pre", c->width);
    m->norm_pre = norm_pre;
    TransformerSpec block = block_spec(config);
    m->n_blocks = c->depth;
    m->blocks = net_add_transformers(net, "transformer.resblocks", c->depth, &block);
    m->norm = net_add_layer_norm(net, "ln_post", c->width);
}

static void add_trunk(Net *net, const ClipImageConfig *c, Net *trunk)
{
    Err err = {0};
    NetOptions options = {.name = c->kind, .size = c->size, .channels = c->channels};
    *trunk = (Net){.params = net->params, .arena = net->arena, .prefix = net->prefix};
    bool ok = net_build(trunk, &options, &err);
    check(ok, "%s", err.text);
}

ClipVision *clip_vision_new(Net *net, const ClipConfig *config)
{
    ClipVision *tower = arena_alloc(net->arena, 1, sizeof *tower);
    tower->is_vit = str_equal(config->image.kind, CLIP_VIT);
    if (tower->is_vit) {
        add_vit(net, config, &tower->vit);
    } else {
        add_trunk(net, &config->image, &tower->trunk);
    }
    int width = tower->is_vit ? tower->vit.width : tower->trunk.n_features;
    tower->projection = add_projection(net, width, config->embed_dim);
    return tower;
}

Tensor *clip_vision(Net *net, Tape *t, ClipVision *tower, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *features;
    if (tower->is_vit) {
        features = net_vit_tower(net, t, &tower->vit, x);
    } else {
        tower->trunk.weights = net->weights;
        features = net_features(&tower->trunk, t, x);
    }
    Tensor *projection = weights_get(net->weights, t, tower->projection);
    return tape_scope_end(t, scope, nn_matmul(t, features, projection, false));
}
