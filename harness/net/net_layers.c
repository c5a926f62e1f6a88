/* Layers: parameters under PyTorch's names and initialisations, and their ops. */
#include "net_family.h"

static const double BATCH_NORM_MOMENTUM = 0.1, NORM_EPS = 1e-5; /* PyTorch's defaults */

int net_add_param(Net *net, const char *name, ParamSpec spec)
{
    spec.name = net->prefix != NULL ? arena_printf(net->arena, "%s%s", net->prefix, name) : name;
    return params_add(net->params, &spec);
}

static int add(Net *net, const char *layer, const char *what, ParamSpec spec)
{
    return net_add_param(net, arena_printf(net->arena, "%s.%s", layer, what), spec);
}

ConvLayer net_add_conv(Net *net, const char *name, ConvLayerSpec s)
{
    ConvLayer layer = {.bias = -1, .options = {.stride = s.stride, .pad = s.kernel / 2}};
    layer.weight = add(net, name, "weight",
                       (ParamSpec){.rank = 4,
                                   .dims = {s.out, s.kernel, s.kernel, s.in},
                                   .init = s.init,
                                   .flags = PARAM_CONV});
    if (s.bias) {
        layer.bias = add(net, name, "bias",
                         (ParamSpec){.rank = 1,
                                     .dims = {s.out},
                                     .init = INIT_LINEAR_BIAS,
                                     .init_value = (double)s.in * s.kernel * s.kernel});
    }
    return layer;
}

Tensor *net_conv(Net *net, Tape *t, const ConvLayer *layer, Tensor *x)
{
    Tensor *weight = weights_get(net->weights, t, layer->weight);
    Tensor *bias = layer->bias >= 0 ? weights_get(net->weights, t, layer->bias) : NULL;
    return nn_conv2d(t, x, weight, bias, layer->options);
}

static int add_vector(Net *net, const char *layer, const char *what, int channels, ParamSpec spec)
{
    spec.rank = 1;
    spec.dims[0] = channels;
    return add(net, layer, what, spec);
}

NormLayer net_add_group_norm(Net *net, const char *name, int channels)
{
    ParamSpec ones = {.init = INIT_ONES, .flags = PARAM_NORM};
    ParamSpec zeros = {.init = INIT_ZEROS, .flags = PARAM_NORM};
    return (NormLayer){.gamma = add_vector(net, name, "weight", channels, ones),
                       .beta = add_vector(net, name, "bias", channels, zeros),
                       .mean = -1,
                       .var = -1};
}

NormLayer net_add_batch_norm(Net *net, const char *name, int channels)
{
    NormLayer layer = net_add_group_norm(net, name, channels);
    ParamSpec zeros = {.init = INIT_ZEROS, .flags = PARAM_BUFFER};
    ParamSpec ones = {.init = INIT_ONES, .flags = PARAM_BUFFER};
    layer.mean = add_vector(net, name, "running_mean", channels, zeros);
    layer.var = add_vector(net, name, "running_var", channels, ones);
    layer.momentum = BATCH_NORM_MOMENTUM;
    return layer;
}

NormLayer net_add_layer_norm(Net *net, const char *name, int width)
{
    return net_add_group_norm(net, name, width);
}

LinearLayer net_add_linear(Net *net, const char *name, LinearSpec s)
{
    Arena *a = net->arena;
    const char *join = s.join != NULL ? s.join : ".";
    ParamSpec weight = {
        .rank = 2, .dims = {s.out, s.in}, .init = s.weight.kind, .init_value = s.weight.value};
    ParamSpec bias = {.rank = 1, .dims = {s.out}, .init = s.bias, .init_value = s.in};
    LinearLayer layer;
    layer.weight = net_add_param(net, arena_printf(a, "%s%sweight", name, join), weight);
    layer.bias = net_add_param(net, arena_printf(a, "%s%sbias", name, join), bias);
    return layer;
}

static Real *buffer(Net *net, int id)
{
    return params_values(net->params) + params_get(net->params, id)->offset;
}

Tensor *net_batch_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, NnAfter after)
{
    double momentum = net->batch_norm_momentum > 0 ? net->batch_norm_momentum : layer->momentum;
    NnBatchNorm bn = {.gamma = weights_get(net->weights, t, layer->gamma),
                      .beta = weights_get(net->weights, t, layer->beta),
                      .running_mean = buffer(net, layer->mean),
                      .running_var = buffer(net, layer->var),
                      .momentum = momentum,
                      .eps = NORM_EPS,
                      .frozen = net->batch_norm_frozen,
                      .after = after};
    return nn_batch_norm(t, x, &bn);
}

Tensor *net_group_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, int groups)
{
    Tensor *gamma = weights_get(net->weights, t, layer->gamma);
    Tensor *beta = weights_get(net->weights, t, layer->beta);
    return nn_group_norm(t, x, gamma, beta, groups, NORM_EPS);
}

Tensor *net_layer_norm(Net *net, Tape *t, const NormLayer *layer, Tensor *x, double eps)
{
    Tensor *gamma = weights_get(net->weights, t, layer->gamma);
    Tensor *beta = weights_get(net->weights, t, layer->beta);
    return nn_layer_norm(t, x, gamma, beta, eps);
}

Tensor *net_linear(Net *net, Tape *t, const LinearLayer *layer, Tensor *x)
{
    Tensor *weight = weights_get(net->weights, t, layer->weight);
    Tensor *bias = weights_get(net->weights, t, layer->bias);
    return nn_linear(t, x, weight, bias);
}

Tensor *net_conv_norm(Net *net, Tape *t, const ConvLayer *conv, const NormLayer *norm, Tensor *x,
                      NnAfter after)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_batch_norm(net, t, norm, net_conv(net, t, conv, x), after);
    return tape_scope_end(t, scope, y);
}
