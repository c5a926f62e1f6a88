/* Wide ResNets (Zagoruyko and Komodakis 2016) as DomainBed has them (lib/wide_resnet.py):
 * pre-activation blocks, convolutions with bias, the stride in the second convolution, the shortcut
 * from the input itself, and a last norm with momentum 0.9. Initialisation is PyTorch's default:
 * the Xavier function in DomainBed's file is never called.
 *
 * We average over the whole last map; DomainBed over its first 8x8, which is all of it at 32
 * pixels.
 */
#include "net_family.h"

enum { N_STAGES = 3, MAX_BLOCKS = 12, BASE_CHANNELS = 16 };

static const double LAST_MOMENTUM = 0.9; /* DomainBed's file */

typedef struct {
    int depth, widen; /* depth = 6 n + 4 */
} Spec;

typedef struct {
    NormLayer norm1, norm2;
    ConvLayer conv1, conv2;
    bool projects;
    ConvLayer projection;
} Block;

typedef struct {
    ConvLayer stem;
    int n_blocks;
    Block blocks[MAX_BLOCKS];
    NormLayer last;
} WideResNet;

static ConvLayer add_conv(Net *net, const char *name, int in, int out, int kernel, int stride)
{
    return net_add_conv(net, name,
                        (ConvLayerSpec){.in = in,
                                        .out = out,
                                        .kernel = kernel,
                                        .stride = stride,
                                        .bias = true,
                                        .init = INIT_LINEAR_WEIGHT});
}

static void add_block(Net *net, Block *b, const char *name, int in, int out, int stride)
{
    Arena *a = net->arena;
    b->norm1 = net_add_batch_norm(net, arena_printf(a, "%s.bn1", name), in);
    b->conv1 = add_conv(net, arena_printf(a, "%s.conv1", name), in, out, 3, 1);
    b->norm2 = net_add_batch_norm(net, arena_printf(a, "%s.bn2", name), out);
    b->conv2 = add_conv(net, arena_printf(a, "%s.conv2", name), out, out, 3, stride);
    b->projects = stride != 1 || in != out;
    if (!b->projects) return;
    b->projection = add_conv(net, arena_printf(a, "%s.shortcut.0", name), in, out, 1, stride);
}

static void wide_resnet_build(Net *net, const void *spec)
{
    const Spec *s = spec;
    WideResNet *r = arena_alloc(net->arena, 1, sizeof *r);
    net->model = r;
    int per_stage = (s->depth - 4) / 6, in = BASE_CHANNELS;
    check(per_stage * 6 + 4 == s->depth, "depth %d is not 6 n + 4", s->depth);
    check(per_stage * N_STAGES <= MAX_BLOCKS, "depth %d: too many blocks", s->depth);
    r->stem = add_conv(net, "conv1", net->options.channels, in, 3, 1);
    for (int stage = 0; stage < N_STAGES; stage++) {
        int out = (BASE_CHANNELS << stage) * s->widen;
        for (int i = 0; i < per_stage; i++) {
            const char *name = arena_printf(net->arena, "layer%d.%d", stage + 1, i);
            int stride = i == 0 && stage > 0 ? 2 : 1;
            add_block(net, &r->blocks[r->n_blocks++], name, in, out, stride);
            in = out;
        }
    }
    r->last = net_add_batch_norm(net, "bn1", in);
    r->last.momentum = LAST_MOMENTUM;
    net->n_features = in;
}

static Tensor *block_forward(Net *net, Tape *t, const Block *b, Tensor *x)
{
    const NnAfter relu = {.relu = true};
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_batch_norm(net, t, &b->norm1, x, relu);
    y = net_conv_norm(net, t, &b->conv1, &b->norm2, y, relu);
    y = net_conv(net, t, &b->conv2, y);
    Tensor *shortcut = b->projects ? net_conv(net, t, &b->projection, x) : x;
    return tape_scope_end(t, scope, nn_add(t, y, shortcut));
}

static Tensor *wide_resnet_features(Net *net, Tape *t, Tensor *x)
{
    const WideResNet *r = net->model;
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_conv(net, t, &r->stem, x);
    for (int i = 0; i < r->n_blocks; i++) {
        y = tape_scope_end(t, scope, block_forward(net, t, &r->blocks[i], y));
    }
    y = net_batch_norm(net, t, &r->last, y, (NnAfter){.relu = true});
    return tape_scope_end(t, scope, nn_global_avg_pool(t, y));
}

static const Spec DEPTH_16_WIDEN_2 = {.depth = 16, .widen = 2};

const NetFamily NET_WRN_16_2 = {"classifier", "conv1.weight", wide_resnet_build,
                                wide_resnet_features, &DEPTH_16_WIDEN_2};
