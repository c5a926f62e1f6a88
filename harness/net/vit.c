/* Vision transformers (Dosovitskiy et al. 2021) with timm's names, numerics and initial values: a
 * class token, learned positions, norms with eps 1e-6, exact GELU; the features are the normed
 * class token. The classifier begins as those of the other networks, not as timm's: it is
 * DomainBed's and never comes from a file.
 */
#include "vit_tower.h"

enum { MLP_RATIO = 4 };

static const double EPS = 1e-6, STD = 0.02, CLASS_TOKEN_STD = 1e-6; /* timm's */

typedef struct {
    int patch, width, depth, heads;
} Spec;

static int add_tokens(Net *net, const char *name, int n, ParamSpec spec)
{
    spec.rank = 3;
    spec.dims[0] = 1;
    spec.dims[1] = n;
    spec.dims[2] = net->n_features;
    return net_add_param(net, name, spec);
}

static void vit_build(Net *net, const void *spec)
{
    const Spec *s = spec;
    VitTower *m = arena_alloc(net->arena, 1, sizeof *m);
    net->model = m;
    net->n_features = m->width = s->width;
    m->eps = EPS;
    int side = net->options.size / s->patch;
    check(side * s->patch == net->options.size, "%d pixels in patches of %d", net->options.size,
          s->patch);
    m->class_token = add_tokens(net, "cls_token", 1,
                                (ParamSpec){.init = INIT_NORMAL, .init_value = CLASS_TOKEN_STD});
    m->positions = add_tokens(
        net, "pos_embed", 1 + side * side,
        (ParamSpec){.init = INIT_TRUNC_NORMAL, .init_value = STD, .flags = PARAM_POSITIONS});
    m->patches = net_add_conv(net, "patch_embed.proj",
                              (ConvLayerSpec){.in = net->options.channels,
                                              .out = s->width,
                                              .kernel = s->patch,
                                              .stride = s->patch,
                                              .bias = true,
                                              .init = INIT_LINEAR_WEIGHT});
    m->patches.options.pad = 0;
    const WeightInit init = {INIT_TRUNC_NORMAL, STD};
    TransformerSpec block = {.width = s->width,
                             .heads = s->heads,
                             .hidden = MLP_RATIO * s->width,
                             .eps = EPS,
                             .activation = nn_gelu,
                             .names = &TRANSFORMER_TIMM,
                             .init = {init, init, init, init, INIT_ZEROS}};
    m->n_blocks = s->depth;
    m->blocks = net_add_transformers(net, "blocks", s->depth, &block);
    m->norm = net_add_layer_norm(net, "norm", s->width);
}

static Tensor *vit_features(Net *net, Tape *t, Tensor *x)
{
    return net_vit_tower(net, t, net->model, x);
}

/* ---- the members of the family ---- */

static const Spec MINI_4 = {.patch = 4, .width = 96, .depth = 6, .heads = 3};
static const Spec TINY_16 = {.patch = 16, .width = 192, .depth = 12, .heads = 3};
static const Spec SMALL_16 = {.patch = 16, .width = 384, .depth = 12, .heads = 6};
static const Spec BASE_16 = {.patch = 16, .width = 768, .depth = 12, .heads = 12};

const NetFamily NET_VIT_MINI_4 = {"head", "patch_embed.proj.weight", vit_build, vit_features,
                                  &MINI_4};
const NetFamily NET_VIT_TINY_16 = {"head", "patch_embed.proj.weight", vit_build, vit_features,
                                   &TINY_16};
const NetFamily NET_VIT_SMALL_16 = {"head", "patch_embed.proj.weight", vit_build, vit_features,
                                    &SMALL_16};
const NetFamily NET_VIT_BASE_16 = {"head", "patch_embed.proj.weight", vit_build, vit_features,
                                   &BASE_16};
