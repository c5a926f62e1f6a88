/* The table of networks, and what they have in common: parameters, classifier, loading. */
#include "net.h"

#include "mem.h"
#include "namings.h"
#include "net_family.h"
#include "params_file.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_IMAGE = 1024 };

static const NetInfo NETS[] = {
    {"mnist-cnn", "DomainBed's CNN for digits: 4 convolutions, 128 features", 16, 64, 1,
     &NET_MNIST_CNN},
    {"resnet-small", "3 residual blocks for images of about 32 pixels, 128 features", 16, 96, 1,
     &NET_RESNET_SMALL},
    {"wrn-16-2", "DomainBed's WideResNet-16-2, 128 features", 32, 64, 1, &NET_WRN_16_2},
    {"resnet-18", "ResNet-18 as torchvision's, 512 features", 32, LARGEST_IMAGE, 1, &NET_RESNET_18},
    {"resnet-50", "ResNet-50 (v1.5) as torchvision's and timm's, 2048 features", 32, LARGEST_IMAGE,
     1, &NET_RESNET_50},
    {"vit-mini-4", "vision transformer for images of about 32 pixels: patches of 4, 96 features",
     16, 96, 4, &NET_VIT_MINI_4},
    {"vit-tiny-16", "ViT-Ti/16 as timm's, 192 features", 32, LARGEST_IMAGE, 16, &NET_VIT_TINY_16},
    {"vit-small-16", "ViT-S/16 as timm's, 384 features", 32, LARGEST_IMAGE, 16, &NET_VIT_SMALL_16},
    {"vit-base-16", "ViT-B/16 as timm's, 768 features", 32, LARGEST_IMAGE, 16, &NET_VIT_BASE_16},
    {"clip", "image tower of the model directory net.model, its embedding as features", 1,
     LARGEST_IMAGE, 1, &NET_CLIP},
};
enum { N_NETS = sizeof NETS / sizeof *NETS };

const NetInfo *net_list(int *n)
{
    *n = N_NETS;
    return NETS;
}

/* ---- making ---- */

static const NetInfo *find_net(const char *name, Err *err)
{
    const char *names[N_NETS];
    for (int i = 0; i < N_NETS; i++) {
        names[i] = NETS[i].name;
        if (str_equal(names[i], name)) return &NETS[i];
    }
    const char *nearest = str_nearest(name, names, N_NETS);
    if (nearest != NULL) {
        err_set(err, ERR_NOT_FOUND, "network \"%s\": unknown (did you mean \"%s\"?)", name,
                nearest);
    } else {
        err_set(err, ERR_NOT_FOUND, "network \"%s\": unknown, expected one of dgbench list", name);
    }
    return NULL;
}

MUST_USE static bool check_input(const NetInfo *info, const NetOptions *o, Err *err)
{
    if (o->size < info->smallest || o->size > info->largest) {
        return err_set(err, ERR_FORMAT, "network \"%s\": images of %d pixels, expected %d to %d",
                       info->name, o->size, info->smallest, info->largest);
    }
    if (o->size % info->multiple != 0) {
        return err_set(err, ERR_FORMAT,
                       "network \"%s\": images of %d pixels, expected a multiple of %d", info->name,
                       o->size, info->multiple);
    }
    if (o->channels < 1 || o->channels > 3) {
        return err_set(err, ERR_FORMAT, "network \"%s\": images of %d channels, expected 1 to 3",
                       info->name, o->channels);
    }
    return info->family != &NET_CLIP || net_clip_check(o, err);
}

static void add_head(Net *net)
{
    const char *head = net->family->head;
    int k = net->options.n_classes, d = net->n_features;
    ParamSpec weight = {.name = arena_printf(net->arena, "%s.weight", head),
                        .rank = 2,
                        .dims = {k, d},
                        .init = INIT_LINEAR_WEIGHT,
                        .flags = PARAM_HEAD};
    ParamSpec bias = {.name = arena_printf(net->arena, "%s.bias", head),
                      .rank = 1,
                      .dims = {k},
                      .init = INIT_LINEAR_BIAS,
                      .init_value = d,
                      .flags = PARAM_HEAD};
    net->head_weight = params_add(net->params, &weight);
    net->head_bias = params_add(net->params, &bias);
}

bool net_check_options(const NetOptions *options, Err *err)
{
    const NetInfo *info = find_net(options->name, err);
    return info != NULL && check_input(info, options, err);
}

bool net_build(Net *net, const NetOptions *options, Err *err)
{
    const NetInfo *info = find_net(options->name, err);
    if (info == NULL || !check_input(info, options, err)) return false;
    net->options = *options;
    net->options.name = info->name;
    net->family = info->family;
    net->input_conv = info->family->input_conv;
    info->family->build(net, info->family->spec);
    return true;
}

static void set_classifier(Net *net, const NetOptions *o)
{
    const Param *weight = params_get(net->params, net->head_weight);
    const Param *bias = params_get(net->params, net->head_bias);
    Real *values = params_values(net->params);
    for (size_t i = 0; i < weight->size; i++) values[weight->offset + i] = (Real)o->classifier[i];
    memset(values + bias->offset, 0, bias->size * sizeof *values);
}

MUST_USE static bool set_values(Net *net, const NetOptions *o, Err *err)
{
    if (net->family == &NET_CLIP && !o->from_scratch) {
        params_seal_zeros(net->params);
        params_init_one(net->params, net->head_weight, o->seed);
        params_init_one(net->params, net->head_bias, o->seed);
        for (int i = 0; i < params_count(net->params); i++) {
            bool is_adapter = params_get(net->params, i)->flags & PARAM_ADAPTER;
            if (is_adapter) params_init_one(net->params, i, o->seed);
        }
        if (!net_clip_load(net, o->model, err)) return false;
    } else {
        params_seal(net->params, o->seed);
    }
    if (o->classifier != NULL) set_classifier(net, o);
    net->weights = weights_new(net->params);
    return true;
}

MUST_USE static bool add_adapter(Net *net, Err *err)
{
    const NetOptions *o = &net->options;
    return o->adapter == NULL ||
           o->adapter->add(&net->adapter, net->params, net->input_conv, o->adapter_options, err);
}

bool net_new(Net **out, const NetOptions *options, Err *err)
{
    check(options->n_classes >= 1, "%d classes", options->n_classes);
    check(options->dropout >= 0 && options->dropout < 1, "dropout %g", options->dropout);
    Net *net = mem_alloc(1, sizeof *net);
    net->arena = arena_new();
    net->params = params_new();
    if (!net_build(net, options, err)) {
        net_free(net);
        return false;
    }
    add_head(net);
    bool ok = add_adapter(net, err) && set_values(net, options, err);
    net->options.model = NULL;
    net->options.classifier = NULL;
    net->options.adapter_options = NULL;
    if (ok) {
        *out = net;
    } else {
        net_free(net);
    }
    return ok;
}

void net_free(Net *net)
{
    if (net == NULL) return;
    if (net->adapter != NULL) net->options.adapter->free(net->adapter);
    weights_free(net->weights);
    params_free(net->params);
    arena_free(net->arena);
    free(net);
}

bool net_load(Net *net, const char *path, Err *err)
{
    SafeTensors *f;
    if (!safetensors_open(&f, path, err)) return false;
    const ParamNaming *const namings[] = {&NAMING_TORCHVISION_VIT, &NAMING_OLD_TORCHVISION_VIT,
                                          &NAMING_HUGGING_FACE_VIT};
    ParamsLoad options = {.allow_missing_head = true,
                          .namings = namings,
                          .n_namings = sizeof namings / sizeof *namings,
                          .input_conv = net->input_conv,
                          .resize_positions = true,
                          .finite = true};
    bool ok = params_load(net->params, f, &options, err);
    safetensors_close(f);
    return ok;
}

/* ---- adapters ---- */

void net_begin(Net *net, ThreadPool *threads)
{
    if (net->adapter != NULL) net->options.adapter->begin(net->adapter, net->weights, threads);
}

void net_generate(Net *net, ThreadPool *threads)
{
    if (net->adapter != NULL) net->options.adapter->generate(net->adapter, net->params, threads);
}

void net_generate_backward(Net *net, ThreadPool *threads)
{
    if (net->adapter != NULL) net->options.adapter->backward(net->adapter, net->params, threads);
}

void *net_adapter(Net *net)
{
    return net->adapter;
}

/* Values in which replaced weights are what is computed with. */
static Real *merged_values(Net *net)
{
    Params *p = net->params;
    Real *values = mem_alloc(params_size(p), sizeof *values);
    memcpy(values, params_values(p), params_size(p) * sizeof *values);
    for (int i = 0; i < params_count(p); i++) {
        if (!weights_is_replaced(net->weights, i)) continue;
        Tape *t = tape_new(&(TapeOptions){0});
        tape_begin(t, 0, 0);
        const Param *q = params_get(p, i);
        memcpy(values + q->offset, weights_get(net->weights, t, i)->v, q->size * sizeof *values);
        tape_free(t);
    }
    return values;
}

bool net_save(Net *net, const char *path, Err *err)
{
    Real *merged = merged_values(net), *values = params_swap_values(net->params, merged);
    bool ok = params_save(net->params, path, err);
    (void)params_swap_values(net->params, values);
    free(merged);
    return ok;
}

/* ---- access ---- */

Params *net_params(Net *net)
{
    return net->params;
}

Weights *net_weights(Net *net)
{
    return net->weights;
}

const NetOptions *net_options(const Net *net)
{
    return &net->options;
}

int net_n_features(const Net *net)
{
    return net->n_features;
}

static bool is_attention(const Param *p)
{
    return strstr(p->name, "attn") != NULL;
}

bool net_set_trainable(Net *net, NetTrainable which, Err *err)
{
    int n_attention = 0;
    for (int i = 0; i < params_count(net->params); i++) {
        const Param *p = params_get(net->params, i);
        bool adapts = p->flags & PARAM_ADAPTER, attends = is_attention(p);
        bool learns = which == NET_TRAIN_ALL || (p->flags & PARAM_HEAD) ||
                      (which == NET_TRAIN_ATTENTION && attends) ||
                      (which == NET_TRAIN_ADAPTER && adapts);
        bool fixed = which == NET_TRAIN_NONE || weights_is_replaced(net->weights, i);
        params_freeze(net->params, i, fixed || !learns);
        n_attention += attends;
    }
    if (which != NET_TRAIN_ATTENTION || n_attention > 0) return true;
    return err_set(
        err, ERR_FORMAT,
        "method.trainable: found attention, network \"%s\" has none, expected all or head",
        net->options.name);
}

void net_freeze_batch_norm(Net *net, bool frozen)
{
    net->batch_norm_frozen = frozen;
}

bool net_batch_norm_moves(const Net *net)
{
    if (net->batch_norm_frozen) return false;
    for (int i = 0; i < params_count(net->params); i++) {
        if (params_get(net->params, i)->flags & PARAM_BUFFER) return true;
    }
    return false;
}

void net_set_batch_norm_momentum(Net *net, double momentum)
{
    check(momentum >= 0 && momentum <= 1, "momentum %g", momentum);
    net->batch_norm_momentum = momentum;
}

/* ---- forward ---- */

Tensor *net_features(Net *net, Tape *t, Tensor *x)
{
    const NetOptions *o = &net->options;
    char text[TENSOR_TEXT_SIZE];
    check(x->rank == 4 && x->dims[1] == o->size && x->dims[2] == o->size &&
              x->dims[3] == o->channels,
          "%s takes [N,%d,%d,%d], found %s", o->name, o->size, o->size, o->channels,
          tensor_text(x, text));
    Tensor *features = net->family->features(net, t, x);
    return o->dropout > 0 ? nn_dropout(t, features, o->dropout) : features;
}

Tensor *net_classify(Net *net, Tape *t, Tensor *features)
{
    Tensor *weight = weights_get(net->weights, t, net->head_weight);
    Tensor *bias = weights_get(net->weights, t, net->head_bias);
    if (net->options.normalise) features = nn_l2_normalise(t, features, 1e-12);
    return nn_linear(t, features, weight, bias);
}
