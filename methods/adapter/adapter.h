/* Adapters: some weights W of a network become W0 + s B A with W0 frozen and A, B of low rank
 * (LoRA, Hu et al. 2021, arXiv 2106.09685), times magnitudes (DoRA, Liu et al. 2024, arXiv
 * 2402.09353), with A and B learned freely or made by a generator (OP-LoRA, OP-DoRA:
 * op_generator.h).
 *
 *     r rank, s = alpha / r, or alpha / sqrt(r) with rsLoRA (Kalajdzievski 2023)
 *     linear        W [out,in]: A [r,in], B [out,r]
 *     convolution   W [out,kh,kw,in]: A [r,kh,kw,in], B [out,1,1,r] (PEFT's layout; PARAM_CONV)
 *     DoRA          W = diag(m / n) (W0 + s B A), n its row norms (no gradient), m [out]
 *
 * Parameters stand after the network's own in its Params, with PARAM_ADAPTER (and PARAM_GENERATED
 * where a generator makes them): "<module>.lora_A.weight", "<module>.lora_B.weight",
 * "<module>.lora_magnitude_vector". A module is the weight's name without ".weight" ("_weight"); of
 * a transformer's fused [3D,D] weight "<module>.q", ".k", ".v" are modules too, of D rows each, and
 * then the whole is none. Adapted are neither the first convolution nor the classifier.
 *
 *     Adapter *a;
 *     if (!adapter_new(&a, params, "conv1.weight", &options, err)) return false; // before
 * params_seal
 *     ... params_seal, loading ...
 *     adapter_begin(a, weights, threads);        // W0 is final: initial values, makers of weights
 *     for (every update) {
 *         ... params_zero_gradients, forward and backward passes ...
 *         adapter_backward(a, params, threads);
 *         ... optim_step ...
 *         adapter_generate(a, params, threads);
 *     }
 *     adapter_free(a);
 *
 * In a Net all this is done by net_new, net_begin, net_generate, net_generate_backward, when
 * NetOptions.adapter is &ADAPTER_HOOK and .adapter_options an AdapterOptions; net_adapter(net) is
 * then the Adapter.
 */
#ifndef ADAPTER_ADAPTER_H
#define ADAPTER_ADAPTER_H

#include "err.h"
#include "net.h"
#include "op_generator.h"
#include "weights.h"

/* A member of the axis: a row of ADAPTER_KINDS. */
typedef struct {
    const char *name, *help, *source;
    bool has_magnitude, is_generated;
} AdapterKind;

const AdapterKind *adapter_kinds(int *n);               /* lora, dora, op-lora, op-dora */
const AdapterKind *adapter_kind_find(const char *name); /* NULL when there is none */

typedef enum { ADAPTER_SCALING_LORA, ADAPTER_SCALING_RSLORA } AdapterScaling;

typedef enum {
    ADAPTER_INIT_DEFAULT,  /* A U(+-1/sqrt(fan_in)), B 0 */
    ADAPTER_INIT_GAUSSIAN, /* A N(0, 1/r^2), B 0 */
    ADAPTER_INIT_PISSA /* A, B the first r singular directions of W0, which loses them (Meng et al.
                          2024, arXiv 2404.02948); not with a generator */
} AdapterInit;

typedef struct {
    const AdapterKind *kind;
    const char *const *targets; /* presets (adapter_presets) and glob patterns over modules */
    int n_targets;
    int rank;
    double alpha; /* 0: the rank */
    AdapterScaling scaling;
    AdapterInit init;
    double lr_ratio; /* learning rate of B over that of A (LoRA+, Hayou et al. 2024); 1 */
    OpGeneratorOptions generator;
    bool shared_generator; /* one for all modules */
    bool matched; /* the control: free factors of the rank at which they have as many elements as a
                     generator of factors of this rank has; same s */
} AdapterOptions;

typedef struct {
    const char *name, *help;
    const char *const *patterns; /* closed by NULL */
} AdapterPreset;
const AdapterPreset *
adapter_presets(int *n); /* qv, qkvo, qkvo+mlp, resnet-conv2, resnet-layer34, all */

/* One adapter: rows row .. row + n_rows - 1 of a weight. */
typedef struct {
    char module[PARAM_NAME_SIZE];
    int weight; /* id of W0 in Params */
    int row, n_rows;
    int rank;
    double alpha, scale;   /* scale: s */
    int a, b, magnitude;   /* ids; magnitude -1: none */
    OpGenerator generator; /* when kind->is_generated */
} AdapterPart;

typedef struct Adapter Adapter;

/* Adds the adapters' parameters to params. input_conv: name of the weight that is not adapted (may
 * be NULL). A pattern that matches nothing, a rank above a weight's smaller side: error. options
 * are not kept. */
MUST_USE bool adapter_new(Adapter **out, Params *params, const char *input_conv,
                          const AdapterOptions *options, Err *err);
void adapter_free(Adapter *a); /* NULL is fine */

/* W0 is what it stays: magnitudes, PiSSA, generated values; weights are made with adapters from now
 * on. */
void adapter_begin(Adapter *a, Weights *weights, ThreadPool *threads);

/* A, B (and magnitudes) from the generators' values; nothing to do where there are none. After
 * every change of the values. */
void adapter_generate(Adapter *a, Params *params, ThreadPool *threads);

/* Gradients of the generators from those of A, B and magnitudes: once, after all backward passes of
 * an update. */
void adapter_backward(Adapter *a, Params *params, ThreadPool *threads);

AdapterScaling adapter_scaling(const Adapter *a);
int adapter_n_parts(const Adapter *a);
const AdapterPart *adapter_part(const Adapter *a, int i); /* parts of one weight are neighbours */

/* Generators whose hidden units are all off at the start (likely where they are few): their A and B
 * are 0 and have no gradient, for good. adapter_begin warns of them. */
int adapter_n_dead(const Adapter *a, Params *params);

/* Elements of A, B and magnitudes: what LoRA, or DoRA, of this rank has, and what is exported. */
size_t adapter_size(const Adapter *a, const Params *params);

extern const NetAdapter ADAPTER_HOOK; /* for NetOptions.adapter */

#endif
