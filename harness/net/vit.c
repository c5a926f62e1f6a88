/* Vision transformers (Dosovitskiy et al. 2021) with timm's names, numerics and initial values: a
 * class token, learned positions, norms with eps 1e-6, exact GELU; the features are the normed
 * class token. The classifier begins as those of the other networks, not as timm's: it is
 * DomainBed's and never comes from a file.
 */
#include "transformer.h"

enum { MAX_DEPTH = 12, MLP_RATIO = 4 };

static const double EPS = 1e-6, POSITION_STD = 0.02, CLASS_TOKEN_STD = 1e-6; /* timm's */

typedef struct {
    int patch, width, depth, heads;
} Spec;

typedef struct {
    ConvLayer patches;
    int class_token, positions; /* [1,1,width], [1,1 + patches,width] */
    int n_blocks;
    TransformerBlock blocks[MAX_DEPTH];
    NormLayer norm;
} Vit;

static int add_tokens(Net *net, const char *name, int n, ParamSpec spec)
{
    spec.name = name;
    spec.rank = 3;
    spec.dims[0] = 1;
    spec.dims[1] = n;
    spec.dims[2] = net->n_features;
    return params_add(net->params, &spec);
}

static void vit_build(Net *net, const void *spec)
{
    const Spec *s = spec;
    Vit *m = arena_alloc(net->arena, 1, sizeof *m);
    net->model = m;
    net->n_features = s->width;
    int side = net->options.size / s->patch;
    check(side * s->patch == net->options.size, "%d pixels in patches of %d", net->options.size,
          s->patch);
    check(s->depth <= MAX_DEPTH, "%d blocks", s->depth);
    m->class_token = add_tokens(net, "cls_token", 1,
                                (ParamSpec){.init = INIT_NORMAL, .init_value = CLASS_TOKEN_STD});
    m->positions = add_tokens(net, "pos_embed", 1 + side * side,
                              (ParamSpec){.init = INIT_TRUNC_NORMAL,
                                          .init_value = POSITION_STD,
                                          .flags = PARAM_POSITIONS});
    m->patches = net_add_conv(net, "patch_embed.proj",
                              (ConvLayerSpec){.in = net->options.channels,
                                              .out = s->width,
                                              .kernel = s->patch,
                                              .stride = s->patch,
                                              .bias = true,
                                              .init = INIT_LINEAR_WEIGHT});
    m->patches.options.pad = 0;
    TransformerSpec block = {.width = s->width,
                             .heads = s->heads,
                             .mlp_ratio = MLP_RATIO,
                             .eps = EPS,
                             .activation = nn_gelu};
    m->n_blocks = s->depth;
    for (int i = 0; i < s->depth; i++) {
        m->blocks[i] = net_add_transformer(net, arena_printf(net->arena, "blocks.%d", i), &block);
    }
    m->norm = net_add_layer_norm(net, "norm", s->width);
}

/* The class token for each of n images: [n,1,width]. */
static Tensor *class_tokens(Net *net, Tape *t, const Vit *m, int n)
{
    const int *zeros = tape_aux(t, (size_t)n * sizeof *zeros);
    return nn_gather_rows(t, weights_get(net->weights, t, m->class_token), zeros, n);
}

/* Class token and patches, each with its position: [N,1 + patches,width]. */
static Tensor *embed(Net *net, Tape *t, const Vit *m, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    int n = x->dims[0], width = net->n_features;
    Tensor *patches = net_conv(net, t, &m->patches, x);
    int n_patches = patches->dims[1] * patches->dims[2];
    patches = nn_reshape(t, patches, 3, (int[]){n, n_patches, width});
    Tensor *positions = weights_get(net->weights, t, m->positions);
    positions = nn_reshape(t, positions, 2, (int[]){1 + n_patches, width});
    Tensor *tokens = nn_concat(t, (Tensor *[]){class_tokens(net, t, m, n), patches}, 2, 1);
    return tape_scope_end(t, scope, nn_add(t, tokens, positions));
}

static Tensor *vit_features(Net *net, Tape *t, Tensor *x)
{
    const Vit *m = net->model;
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = embed(net, t, m, x);
    for (int i = 0; i < m->n_blocks; i++) {
        int n_out = i + 1 < m->n_blocks ? y->dims[1] : 1; /* at the end the class token only */
        y = tape_scope_end(t, scope, net_transformer(net, t, &m->blocks[i], y, n_out));
    }
    y = net_layer_norm(net, t, &m->norm, y, EPS);
    return tape_scope_end(t, scope, nn_reshape(t, y, 2, (int[]){y->dims[0], net->n_features}));
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
