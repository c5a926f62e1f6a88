/* DomainBed's MNIST_CNN (networks.py): four 3x3 convolutions, each followed by ReLU and a group
 * norm; names as there ("conv1".."conv4", "bn0".."bn3"), PyTorch's default initialisation. */
#include "net_family.h"

enum { N_LAYERS = 4, GROUPS = 8 };

typedef struct {
    ConvLayer convs[N_LAYERS];
    NormLayer norms[N_LAYERS];
} MnistCnn;

static const int CHANNELS[N_LAYERS] = {64, 128, 128, 128}, STRIDES[N_LAYERS] = {1, 2, 1, 1};

static void mnist_cnn_build(Net *net, const void *spec)
{
    (void)spec;
    MnistCnn *m = arena_alloc(net->arena, 1, sizeof *m);
    net->model = m;
    int in = net->options.channels;
    for (int i = 0; i < N_LAYERS; i++) {
        ConvLayerSpec conv = {.in = in,
                              .out = CHANNELS[i],
                              .kernel = 3,
                              .stride = STRIDES[i],
                              .bias = true,
                              .init = INIT_LINEAR_WEIGHT};
        m->convs[i] = net_add_conv(net, arena_printf(net->arena, "conv%d", i + 1), conv);
        m->convs[i].options.relu = true;
        in = CHANNELS[i];
    }
    for (int i = 0; i < N_LAYERS; i++) {
        m->norms[i] = net_add_group_norm(net, arena_printf(net->arena, "bn%d", i), CHANNELS[i]);
    }
    net->n_features = in;
}

static Tensor *mnist_cnn_features(Net *net, Tape *t, Tensor *x)
{
    const MnistCnn *m = net->model;
    TapeScope scope = tape_scope_begin(t);
    for (int i = 0; i < N_LAYERS; i++) {
        Tensor *y = net_conv(net, t, &m->convs[i], x);
        x = tape_scope_end(t, scope, net_group_norm(net, t, &m->norms[i], y, GROUPS));
    }
    return tape_scope_end(t, scope, nn_global_avg_pool(t, x));
}

const NetFamily NET_MNIST_CNN = {"classifier", "conv1.weight", mnist_cnn_build, mnist_cnn_features,
                                 NULL};
