/* ResNets (He et al. 2016) with torchvision's names, initialisation and "v1.5" strides: a
 * bottleneck strides in its 3x3 convolution. */
#include "net_family.h"

enum { MAX_STAGES = 4, MAX_CONVS = 3, MAX_BLOCKS = 16, EXPANSION = 4 };

typedef struct {
    int stem_channels, stem_kernel, stem_stride;
    bool stem_pool;  /* max-pool 3x3, stride 2 */
    bool bottleneck; /* blocks of 1x1, 3x3, 1x1 (times 4) instead of 3x3, 3x3 */
    int n_stages;
    int blocks[MAX_STAGES], channels[MAX_STAGES], strides[MAX_STAGES];
} Spec;

typedef struct {
    int n;
    ConvLayer convs[MAX_CONVS];
    NormLayer norms[MAX_CONVS];
    bool projects; /* the shortcut is a strided 1x1 convolution and a norm */
    ConvLayer projection;
    NormLayer projection_norm;
} Block;

typedef struct {
    ConvLayer stem;
    NormLayer stem_norm;
    bool stem_pool;
    int n_blocks;
    Block blocks[MAX_BLOCKS];
} ResNet;

/* One convolution of a block: kernel, output channels per stage channel, whether it strides. */
typedef struct {
    int kernel, expansion;
    bool strides;
} ConvRow;

static const ConvRow BASIC[] = {{3, 1, true}, {3, 1, false}};
static const ConvRow BOTTLENECK[] = {{1, 1, false}, {3, 1, true}, {1, EXPANSION, false}};

static ConvLayer add_conv(Net *net, const char *name, int in, int out, int kernel, int stride)
{
    return net_add_conv(net, name,
                        (ConvLayerSpec){.in = in,
                                        .out = out,
                                        .kernel = kernel,
                                        .stride = stride,
                                        .init = INIT_KAIMING_FAN_OUT});
}

typedef struct {
    const char *name; /* "layer1.0" */
    bool bottleneck;
    int in, channels, stride;
} BlockSpec;

static int block_out(const BlockSpec *s)
{
    return s->channels * (s->bottleneck ? EXPANSION : 1);
}

static void add_block(Net *net, Block *b, const BlockSpec *s)
{
    const ConvRow *rows = s->bottleneck ? BOTTLENECK : BASIC;
    b->n = s->bottleneck ? 3 : 2;
    int in = s->in;
    for (int i = 0; i < b->n; i++) {
        int out = s->channels * rows[i].expansion;
        const char *conv = arena_printf(net->arena, "%s.conv%d", s->name, i + 1);
        const char *norm = arena_printf(net->arena, "%s.bn%d", s->name, i + 1);
        b->convs[i] = add_conv(net, conv, in, out, rows[i].kernel, rows[i].strides ? s->stride : 1);
        b->norms[i] = net_add_batch_norm(net, norm, out);
        in = out;
    }
    b->projects = s->stride != 1 || s->in != block_out(s);
    if (!b->projects) return;
    const char *conv = arena_printf(net->arena, "%s.downsample.0", s->name);
    const char *norm = arena_printf(net->arena, "%s.downsample.1", s->name);
    b->projection = add_conv(net, conv, s->in, block_out(s), 1, s->stride);
    b->projection_norm = net_add_batch_norm(net, norm, block_out(s));
}

static void resnet_build(Net *net, const void *spec)
{
    const Spec *s = spec;
    ResNet *r = arena_alloc(net->arena, 1, sizeof *r);
    net->model = r;
    r->stem = add_conv(net, "conv1", net->options.channels, s->stem_channels, s->stem_kernel,
                       s->stem_stride);
    r->stem_norm = net_add_batch_norm(net, "bn1", s->stem_channels);
    r->stem_pool = s->stem_pool;
    int in = s->stem_channels;
    for (int stage = 0; stage < s->n_stages; stage++) {
        for (int i = 0; i < s->blocks[stage]; i++) {
            BlockSpec b = {.name = arena_printf(net->arena, "layer%d.%d", stage + 1, i),
                           .bottleneck = s->bottleneck,
                           .in = in,
                           .channels = s->channels[stage],
                           .stride = i == 0 ? s->strides[stage] : 1};
            check(r->n_blocks < MAX_BLOCKS, "more than %d blocks", MAX_BLOCKS);
            add_block(net, &r->blocks[r->n_blocks++], &b);
            in = block_out(&b);
        }
    }
    net->n_features = in;
}

/* relu(F(x) + shortcut(x)); the sum is part of the last norm. */
static Tensor *block_forward(Net *net, Tape *t, const Block *b, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *shortcut = x;
    if (b->projects) {
        shortcut =
            net_conv_norm(net, t, &b->projection, &b->projection_norm, x, (NnAfter){.relu = false});
    }
    Tensor *y = x;
    for (int i = 0; i < b->n; i++) {
        NnAfter after = {.residual = i == b->n - 1 ? shortcut : NULL, .relu = true};
        y = net_conv_norm(net, t, &b->convs[i], &b->norms[i], y, after);
    }
    return tape_scope_end(t, scope, y);
}

static Tensor *stem_forward(Net *net, Tape *t, const ResNet *r, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_conv_norm(net, t, &r->stem, &r->stem_norm, x, (NnAfter){.relu = true});
    if (r->stem_pool) y = nn_max_pool(t, y, 3, 2, 1);
    return tape_scope_end(t, scope, y);
}

static Tensor *resnet_features(Net *net, Tape *t, Tensor *x)
{
    const ResNet *r = net->model;
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = stem_forward(net, t, r, x);
    for (int i = 0; i < r->n_blocks; i++) {
        y = tape_scope_end(t, scope, block_forward(net, t, &r->blocks[i], y));
    }
    return tape_scope_end(t, scope, nn_global_avg_pool(t, y));
}

/* ---- the members of the family ---- */

static const Spec SMALL = {.stem_channels = 32,
                           .stem_kernel = 3,
                           .stem_stride = 1,
                           .n_stages = 3,
                           .blocks = {1, 1, 1},
                           .channels = {32, 64, 128},
                           .strides = {2, 2, 2}};

static const Spec DEPTH_18 = {.stem_channels = 64,
                              .stem_kernel = 7,
                              .stem_stride = 2,
                              .stem_pool = true,
                              .n_stages = 4,
                              .blocks = {2, 2, 2, 2},
                              .channels = {64, 128, 256, 512},
                              .strides = {1, 2, 2, 2}};

static const Spec DEPTH_50 = {.stem_channels = 64,
                              .stem_kernel = 7,
                              .stem_stride = 2,
                              .stem_pool = true,
                              .bottleneck = true,
                              .n_stages = 4,
                              .blocks = {3, 4, 6, 3},
                              .channels = {64, 128, 256, 512},
                              .strides = {1, 2, 2, 2}};

const NetFamily NET_RESNET_SMALL = {"fc", "conv1.weight", resnet_build, resnet_features, &SMALL};
const NetFamily NET_RESNET_18 = {"fc", "conv1.weight", resnet_build, resnet_features, &DEPTH_18};
const NetFamily NET_RESNET_50 = {"fc", "conv1.weight", resnet_build, resnet_features, &DEPTH_50};
