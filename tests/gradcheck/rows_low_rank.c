/* Low-rank weights under linear layers and convolutions: the gradients go through a sink. With
 * magnitudes no gradient flows through the rows' norms, which differences cannot see: of those rows
 * A and B are constant here (they are compared with PyTorch's in tests/unit/nn/test_low_rank.c). */
#include "gradcheck.h"

#include "low_rank.h"
#include "ops.h"

/* in: x, w0, a, b, magnitudes or NULL, bias or NULL */
static Tensor *weight(Tape *t, Tensor **in)
{
    NnLowRank part = {.a = in[2], .b = in[3], .m = in[4], .scale = 0.75};
    return nn_low_rank(t, in[1], &part, 1);
}

static Tensor *build_linear(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_linear(t, in[0], weight(t, in), in[5]);
}

static Tensor *build_conv(Tape *t, Tensor **in, const void *options)
{
    return nn_conv2d(t, in[0], weight(t, in), in[5], *(const NnConv *)options);
}

/* The same weight in two products. */
static Tensor *build_twice(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    Tensor *w = weight(t, in);
    return nn_linear(t, nn_linear(t, in[0], w, NULL), w, in[5]);
}

/* The first and the last third of the rows, as queries and values; in: x, w0, a, b, a, b */
static Tensor *build_two(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    int third = in[1]->dims[0] / 3;
    NnLowRank parts[] = {{.row = 0, .a = in[2], .b = in[3], .scale = 2},
                         {.row = 2 * third, .a = in[4], .b = in[5], .scale = -0.5}};
    return nn_linear(t, in[0], nn_low_rank(t, in[1], parts, 2), NULL);
}

static const NnConv PLAIN = {.pad = 0}, STRIDED = {.pad = 1, .stride = 2},
                    RELU = {.pad = 1, .relu = true};

#define FIXED(rank_, ...)                                                                          \
    {                                                                                              \
        .rank = (rank_), .dims = {__VA_ARGS__}, .constant = true                                   \
    }
#define FACTORS(n, r, d)                                                                           \
    {2, {r, d}},                                                                                   \
    {                                                                                              \
        2,                                                                                         \
        {                                                                                          \
            n, r                                                                                   \
        }                                                                                          \
    }
#define SCALES(n)                                                                                  \
    {                                                                                              \
        .rank = 1, .dims = {n}, .low = -1, .high = 2, .spread = true                               \
    }

static const GradRow ROWS[] = {
    {"low rank, linear", build_linear, {{2, {4, 5}}, FIXED(2, 6, 5), FACTORS(6, 2, 5)}},
    {"low rank, linear with bias",
     build_linear,
     {{2, {4, 5}}, FIXED(2, 6, 5), FACTORS(6, 2, 5), {0}, {1, {6}}}},
    {"low rank 1, linear of tokens",
     build_linear,
     {{3, {2, 3, 5}}, FIXED(2, 4, 5), FACTORS(4, 1, 5)}},
    {"low rank, two products",
     build_twice,
     {{2, {4, 5}}, FIXED(2, 5, 5), FACTORS(5, 2, 5), {0}, {1, {5}}}},
    {"low rank, two parts",
     build_two,
     {{2, {4, 5}}, FIXED(2, 9, 5), FACTORS(3, 2, 5), FACTORS(3, 3, 5)}},
    {"low rank, convolution",
     build_conv,
     {{4, {2, 5, 4, 3}}, FIXED(4, 4, 3, 3, 3), {4, {2, 3, 3, 3}}, {4, {4, 1, 1, 2}}},
     &STRIDED},
    {"low rank, 1x1 convolution",
     build_conv,
     {{4, {2, 3, 4, 3}}, FIXED(4, 4, 1, 1, 3), {4, {2, 1, 1, 3}}, {4, {4, 1, 1, 2}}, {0}, {1, {4}}},
     &PLAIN},
    {.name = "low rank, convolution and relu",
     .build = build_conv,
     .in = {{4, {2, 5, 4, 3}},
            FIXED(4, 4, 3, 3, 3),
            {4, {2, 3, 3, 3}},
            {4, {4, 1, 1, 2}},
            {0},
            {1, {4}}},
     .options = &RELU,
     .max_kinks = 2},
    {"magnitudes, linear",
     build_linear,
     {{2, {4, 5}}, FIXED(2, 6, 5), FIXED(2, 2, 5), FIXED(2, 6, 2), SCALES(6), {1, {6}}}},
    {"magnitudes, no bias",
     build_linear,
     {{2, {4, 5}}, FIXED(2, 6, 5), FIXED(2, 2, 5), FIXED(2, 6, 2), SCALES(6)}},
    {"magnitudes, two products",
     build_twice,
     {{2, {4, 5}}, FIXED(2, 5, 5), FIXED(2, 2, 5), FIXED(2, 5, 2), SCALES(5), {1, {5}}}},
    {"magnitudes near 0",
     build_linear,
     {{2, {4, 5}},
      FIXED(2, 6, 5),
      FIXED(2, 2, 5),
      FIXED(2, 6, 2),
      {.rank = 1, .dims = {6}, .low = -1e-5, .high = 1e-5, .spread = true},
      {1, {6}}}},
    {"magnitudes, convolution",
     build_conv,
     {{4, {2, 5, 4, 3}},
      FIXED(4, 4, 3, 3, 3),
      FIXED(4, 2, 3, 3, 3),
      FIXED(4, 4, 1, 1, 2),
      SCALES(4),
      {1, {4}}},
     &STRIDED},
    {"magnitudes near 0, convolution",
     build_conv,
     {{4, {2, 5, 4, 3}},
      FIXED(4, 4, 3, 3, 3),
      FIXED(4, 2, 3, 3, 3),
      FIXED(4, 4, 1, 1, 2),
      {.rank = 1, .dims = {4}, .low = -1e-5, .high = 1e-5, .spread = true}},
     &STRIDED},
    {.name = "low rank, large",
     .build = build_linear,
     .in = {{2, {333, 130}}, FIXED(2, 65, 130), FACTORS(65, 8, 130)},
     .directional = true},
    {.name = "low rank, large convolution",
     .build = build_conv,
     .in = {{4, {3, 17, 19, 8}}, FIXED(4, 40, 3, 3, 8), {4, {4, 3, 3, 8}}, {4, {40, 1, 1, 4}}},
     .options = &STRIDED,
     .directional = true},
};
const GradTable GRADCHECK_LOW_RANK = {ROWS, sizeof ROWS / sizeof *ROWS};
