/* For the files of this folder: what a network family sees of a Net, and the layers that families
 * are made of. A layer holds the ids of its parameters; ids become tensors through Weights at every
 * step.
 *
 * A new network: a file that defines a NetFamily (build adds the parameters and keeps the layers in
 * the net's arena; features runs them), and a row in net.c's table.
 */
#ifndef NET_NET_FAMILY_H
#define NET_NET_FAMILY_H

#include "arena.h"
#include "net.h"

struct Net {
    NetOptions options; /* name is the family's */
    const NetFamily *family;
    Params *params;
    Weights *weights;
    Arena *arena;
    const char *prefix;     /* before the names of its parameters ("visual."); NULL: none */
    const char *input_conv; /* its first convolution's weight: the family's, where nothing else is
                               said */
    void *model;            /* the family's layers, in the arena */
    int n_features;
    int head_weight, head_bias;
    void *adapter; /* made by options.adapter */
    bool batch_norm_frozen;
    double batch_norm_momentum; /* in place of the layers' own when above 0 */
};

struct NetFamily {
    const char *head;                          /* name of the classifier: "fc" */
    const char *input_conv;                    /* name of the first convolution's weight */
    void (*build)(Net *net, const void *spec); /* sets model and n_features */
    Tensor *(*features)(Net *net, Tape *t, Tensor *x);
    const void *spec; /* which member of the family; handed to build */
};

extern const NetFamily NET_MNIST_CNN, NET_RESNET_SMALL, NET_RESNET_18, NET_RESNET_50, NET_WRN_16_2,
    NET_VIT_MINI_4, NET_VIT_TINY_16, NET_VIT_SMALL_16, NET_VIT_BASE_16, NET_CLIP;

/* For a tower of a larger model, which has made params and arena and sets weights when they are
 * sealed: options, family, model and features without a classifier. */
MUST_USE bool net_build(Net *net, const NetOptions *options, Err *err);

/* What only the net "clip" has (net_clip.c): whether the model directory's image tower can be had
 * at that size, and its values. */
MUST_USE bool net_clip_check(const NetOptions *options, Err *err);
MUST_USE bool net_clip_load(Net *net, const ModelDir *model, Err *err);

/* ---- layers ---- */

int net_add_param(Net *net, const char *name, ParamSpec spec); /* name instead of the spec's */

typedef struct {
    int weight, bias; /* bias -1: none */
    NnConv options;
} ConvLayer;

typedef struct {
    int in, out, kernel, stride;
    bool bias;
    InitKind init;
} ConvLayerSpec;

/* name: of the layer, "conv1"; padding keeps the size at stride 1 (odd kernels). */
ConvLayer net_add_conv(Net *net, const char *name, ConvLayerSpec spec);
Tensor *net_conv(Net *net, Tape *t, const ConvLayer *layer, Tensor *x);

/* A normalisation: scale and shift, for batch norms also running statistics. */
typedef struct {
    int gamma, beta, mean, var; /* mean, var: -1 for group and layer norms */
    double momentum;
} NormLayer;

NormLayer net_add_batch_norm(Net *net, const char *name, int channels);
NormLayer net_add_group_norm(Net *net, const char *name, int channels);
Tensor *net_batch_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, NnAfter after);
Tensor *net_group_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, int groups);

NormLayer net_add_layer_norm(Net *net, const char *name, int width);
Tensor *net_layer_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, double eps);

typedef struct {
    InitKind kind;
    double value;
} WeightInit;

typedef struct {
    int in, out;
    const char *join; /* between the name and "weight", "bias"; NULL: "." */
    WeightInit weight;
    InitKind bias; /* INIT_ZEROS or INIT_LINEAR_BIAS */
} LinearSpec;

typedef struct {
    int weight, bias;
} LinearLayer;

LinearLayer net_add_linear(Net *net, const char *name, LinearSpec spec);
Tensor *net_linear(Net *net, Tape *t, const LinearLayer *layer, Tensor *x);

/* Convolution, then batch norm; without gradients only the result is kept. */
Tensor *net_conv_norm(Net *net, Tape *t, const ConvLayer *conv, const NormLayer *norm, Tensor *x,
                      NnAfter after);

#endif
