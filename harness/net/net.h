/* Networks: images in, features and logits out. A network adds its parameters (under the names of
 * the published checkpoints) to a Params, and asks for every weight through a Weights, so that it
 * never knows whether an adapter or a growth method made it.
 *
 *     NetOptions options = {.name = "resnet-18", .size = 64, .channels = 3, .n_classes = 7};
 *     Net *net;
 *     if (!net_new(&net, &options, err)) return false;
 *     Tensor *features = net_features(net, t, x);         // x [N,size,size,channels] -> [N,D]
 *     Tensor *logits = net_classify(net, t, features);    // -> [N,K]
 *
 * One file per family; a new network is a file and a row in net.c's table (see net_family.h).
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "err.h"
#include "model_dir.h"
#include "ops.h"
#include "weights.h"

/* What puts parameters of its own beside a network's and makes weights of both: an adapter
 * (methods/adapter/adapter.h). */
typedef struct {
    /* Before params are sealed; input_conv: name of the first convolution's weight, or NULL. */
    bool (*add)(void **self, Params *params, const char *input_conv, const void *options, Err *err);
    void (*begin)(void *self, Weights *weights, ThreadPool *threads);
    void (*generate)(void *self, Params *params, ThreadPool *threads);
    void (*backward)(void *self, Params *params, ThreadPool *threads);
    void (*free)(void *self);
} NetAdapter;

typedef struct {
    const char *name; /* a row of net_list */
    int size;         /* height and width of the input in pixels */
    int channels;     /* of the input: 1 to 3 */
    int n_classes;
    double dropout; /* on the features, in [0,1); DomainBed's resnet_dropout */
    uint64_t seed;  /* of the initial values */

    /* "clip" is the image tower of a model directory, whose features are its embedding (not
     * normalised); size and channels may be others than the directory's. */
    const ModelDir *model; /* borrowed by net_new only; NULL for all other networks */
    bool from_scratch;     /* initial values are random, as OpenCLIP draws them, not the model's */

    /* The classifier sees features of length 1, as WiSE-FT's does (Wortsman et al. 2022,
     * ClassificationHead), where it begins as the embeddings of class prompts. */
    bool normalise;
    const float *classifier; /* [n_classes,D] initial weight, with bias 0; NULL: random, as
                                PyTorch's Linear. Borrowed by net_new only */

    const NetAdapter *adapter;   /* NULL: none */
    const void *adapter_options; /* its own; borrowed by net_new only */
} NetOptions;

typedef struct NetFamily NetFamily; /* how it is made: net_family.h */

typedef struct {
    const char *name, *help;
    int smallest, largest; /* input sizes in pixels that it takes */
    int multiple;          /* which are multiples of this */
    const NetFamily *family;
} NetInfo;

const NetInfo *net_list(int *n); /* all networks */

/* Whether there is such a network and it takes images of that size and number of channels. */
MUST_USE bool net_check_options(const NetOptions *options, Err *err);

typedef struct Net Net;

/* Unknown name (with a suggestion), a size or a number of channels that it does not take: error.
 * Initial values are drawn as PyTorch draws them for each kind of layer; "clip" reads those of its
 * image tower from the model directory, where missing, unexpected or misshapen tensors (of either
 * tower) are an error that lists them. */
MUST_USE bool net_new(Net **out, const NetOptions *options, Err *err);
void net_free(Net *net); /* NULL is fine */

/* Values from a safetensors file under the published names (of ViTs timm's, torchvision's or
 * Hugging Face's). NaN or infinity in it: error. A classifier of another size keeps its initial
 * values; any other difference is an error that lists the names. Models of 3 input channels load
 * into nets of other counts as DomainBed does (channel i takes i % 3); a transformer's positions
 * are interpolated when the file is of another image size. */
MUST_USE bool net_load(Net *net, const char *path, Err *err);

/* With an adapter, after the last of net_load: the values are what the adapter begins with, and the
 * network is made of both from now on. */
void net_begin(Net *net, ThreadPool *threads);

/* Parameters that an adapter computes from others, after every change of those; and the gradients
 * of those others, once, when all backward passes of an update are through. */
void net_generate(Net *net, ThreadPool *threads);
void net_generate_backward(Net *net, ThreadPool *threads);

void *net_adapter(Net *net); /* what NetOptions.adapter made; NULL: there is none */

/* The network as it computes, under its published names: with an adapter, merged weights. */
MUST_USE bool net_save(Net *net, const char *path, Err *err);

Params *net_params(Net *net);   /* borrowed */
Weights *net_weights(Net *net); /* borrowed */
const NetOptions *net_options(const Net *net);
int net_n_features(const Net *net);

/* Which parameters learn; the others are frozen. Attention: what has "attn" in its name, and the
 * classifier (ERM++'s vit_attn_tune, DomainBed's networks.py). Adapter: that and the classifier. A
 * weight that an adapter begins with never learns. */
typedef enum {
    NET_TRAIN_ALL,
    NET_TRAIN_HEAD,
    NET_TRAIN_ATTENTION,
    NET_TRAIN_ADAPTER,
    NET_TRAIN_NONE
} NetTrainable;

/* A network without attention, which is to be trained: error. */
MUST_USE bool net_set_trainable(Net *net, NetTrainable which, Err *err);

/* Batch norms normalise with their running statistics even in training (scale and shift still
 * learn). */
void net_freeze_batch_norm(Net *net, bool frozen);

/* Whether a forward pass in training moves running statistics at all. */
bool net_batch_norm_moves(const Net *net);

/* How far such a pass moves all of them towards the batch's: 1 replaces them; 0: as far as each
 * layer moves on its own (PyTorch's .1 mostly). */
void net_set_batch_norm_momentum(Net *net, double momentum);

Tensor *net_features(Net *net, Tape *t, Tensor *x);
Tensor *net_classify(Net *net, Tape *t, Tensor *features);

#endif
