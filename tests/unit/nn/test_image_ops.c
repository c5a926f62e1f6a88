/* Convolution, pooling and normalisation against PyTorch: outputs, gradients, running statistics.
 */
#include "ops.h"
#include "parity.h"
#include "test.h"

typedef struct {
    int kernel, stride, pad, groups;
    double eps;
    bool frozen, relu;
} Options;

/* ---- builders ---- */

static Tensor *build_conv(Tape *t, const ParityInputs *p, const void *options)
{
    const NnConv plain = {0};
    return nn_conv2d(t, p->in[0], p->in[1], p->in[2],
                     options != NULL ? *(const NnConv *)options : plain);
}

static Tensor *build_max(Tape *t, const ParityInputs *p, const void *options)
{
    const Options *o = options;
    return nn_max_pool(t, p->in[0], o->kernel, o->stride, o->pad);
}

static Tensor *build_avg(Tape *t, const ParityInputs *p, const void *options)
{
    const Options *o = options;
    return nn_avg_pool(t, p->in[0], o->kernel, o->stride, o->pad);
}

static Tensor *build_global(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_global_avg_pool(t, p->in[0]);
}

static Tensor *build_batch_norm(Tape *t, const ParityInputs *p, const void *options)
{
    const Options *o = options;
    return nn_batch_norm(t, p->in[0],
                         &(NnBatchNorm){.gamma = p->in[1],
                                        .beta = p->in[2],
                                        .running_mean = p->mean,
                                        .running_var = p->var,
                                        .momentum = 0.1,
                                        .eps = 1e-5,
                                        .frozen = o->frozen,
                                        .after = {p->in[3], o->relu}});
}

static Tensor *build_group_norm(Tape *t, const ParityInputs *p, const void *options)
{
    return nn_group_norm(t, p->in[0], p->in[1], p->in[2], ((const Options *)options)->groups, 1e-5);
}

static Tensor *build_layer_norm(Tape *t, const ParityInputs *p, const void *options)
{
    return nn_layer_norm(t, p->in[0], p->in[1], p->in[2], ((const Options *)options)->eps);
}

static Tensor *build_l2(Tape *t, const ParityInputs *p, const void *options)
{
    return nn_l2_normalise(t, p->in[0], ((const Options *)options)->eps);
}

#define CONV(...)                                                                                  \
    .build = build_conv, .options = &(const NnConv)                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define OPTIONS(...)                                                                               \
    .options = &(const Options)                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const ParityCase CONVOLUTIONS[] = {
    {.name = "plain", CONV(.pad = 1)},
    {.name = "no_bias", .build = build_conv},
    {.name = "stride2", CONV(.stride = 2, .pad = 1)},
    {.name = "stride3", CONV(.stride = 3, .pad = 1)},
    {.name = "down", CONV(.stride = 2)},
    {.name = "pointwise", .build = build_conv},
    {.name = "dilated", CONV(.pad = 2, .dilation = 2)},
    {.name = "grouped", CONV(.pad = 1, .groups = 3)},
    {.name = "depthwise", CONV(.pad = 1, .groups = 5)},
    {.name = "all", CONV(.stride = 2, .pad = 2, .dilation = 2, .groups = 2)},
    {.name = "relu", CONV(.pad = 1, .relu = true)},
    {.name = "stem", CONV(.stride = 2, .pad = 3)},
};

static const ParityCase POOLS[] = {
    {.name = "max_ties", .build = build_max, OPTIONS(.kernel = 3, .stride = 2, .pad = 1)},
    {.name = "max_2", .build = build_max, OPTIONS(.kernel = 2, .stride = 2)},
    {.name = "max_overlap", .build = build_max, OPTIONS(.kernel = 3, .stride = 1, .pad = 1)},
    {.name = "avg_2", .build = build_avg, OPTIONS(.kernel = 2, .stride = 2)},
    {.name = "avg_pad", .build = build_avg, OPTIONS(.kernel = 3, .stride = 2, .pad = 1)},
    {.name = "global", .build = build_global},
};

static const ParityCase NORMS[] = {
    {.name = "train", .build = build_batch_norm, OPTIONS(0)},
    {.name = "train_shifted", .build = build_batch_norm, OPTIONS(0)},
    {.name = "train_relu", .build = build_batch_norm, OPTIONS(.relu = true)},
    {.name = "train_residual_relu", .build = build_batch_norm, OPTIONS(.relu = true)},
    {.name = "train_features", .build = build_batch_norm, OPTIONS(0)},
    {.name = "eval", .build = build_batch_norm, OPTIONS(0), .evaluation = true},
    {.name = "frozen_relu", .build = build_batch_norm, OPTIONS(.frozen = true, .relu = true)},
    {.name = "group_8", .build = build_group_norm, OPTIONS(.groups = 8)},
    {.name = "group_1", .build = build_group_norm, OPTIONS(.groups = 1)},
    {.name = "group_3", .build = build_group_norm, OPTIONS(.groups = 3)},
    {.name = "layer", .build = build_layer_norm, OPTIONS(.eps = 1e-6)},
    {.name = "l2", .build = build_l2, OPTIONS(.eps = 0.05)},
};

static void test_convolution_as_torch(void **state)
{
    (void)state;
    parity_run("nn/conv.safetensors", CONVOLUTIONS, sizeof CONVOLUTIONS / sizeof *CONVOLUTIONS);
}

static void test_pooling_as_torch(void **state)
{
    (void)state;
    parity_run("nn/pool.safetensors", POOLS, sizeof POOLS / sizeof *POOLS);
}

static void test_normalisation_as_torch(void **state)
{
    (void)state;
    parity_run("nn/norm.safetensors", NORMS, sizeof NORMS / sizeof *NORMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_convolution_as_torch, parity_teardown),
        cmocka_unit_test_teardown(test_pooling_as_torch, parity_teardown),
        cmocka_unit_test_teardown(test_normalisation_as_torch, parity_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
