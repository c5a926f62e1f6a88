/* Convolution: every option, odd sizes, batch 1. */
#include "gradcheck.h"
#include "ops.h"

static Tensor *build_conv(Tape *t, Tensor **in, const void *options)
{
    return nn_conv2d(t, in[0], in[1], in[2], *(const NnConv *)options);
}

#define CONV(...)                                                                                  \
    .options = &(const NnConv)                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const GradRow ROWS[] = {
    {"conv 3x3", build_conv, {{4, {2, 5, 7, 3}}, {4, {4, 3, 3, 3}}, {1, {4}}}, CONV(1, 1)},
    {"conv 3x3, no bias", build_conv, {{4, {1, 4, 5, 2}}, {4, {3, 3, 3, 2}}}, CONV(0)},
    {"conv 1x1", build_conv, {{4, {3, 3, 5, 4}}, {4, {5, 1, 1, 4}}, {1, {5}}}, CONV(0)},
    {"conv 1x1, stride 2", build_conv, {{4, {2, 5, 6, 3}}, {4, {2, 1, 1, 3}}}, CONV(2)},
    {"conv 1x1, padding 1", build_conv, {{4, {1, 3, 3, 2}}, {4, {2, 1, 1, 2}}}, CONV(1, 1)},
    {"conv 3x3, stride 2",
     build_conv,
     {{4, {2, 7, 6, 2}}, {4, {3, 3, 3, 2}}, {1, {3}}},
     CONV(2, 1)},
    {"conv 3x3, stride 2, uneven", build_conv, {{4, {1, 6, 8, 2}}, {4, {3, 3, 3, 2}}}, CONV(2)},
    {"conv 3x2, stride 3",
     build_conv,
     {{4, {2, 8, 7, 2}}, {4, {3, 3, 2, 2}}, {1, {3}}},
     CONV(3, 2)},
    {"conv 1x2, stride 3", build_conv, {{4, {1, 7, 8, 2}}, {4, {3, 1, 2, 2}}}, CONV(3, 1)},
    {"conv 7x7, stride 2",
     build_conv,
     {{4, {1, 9, 8, 3}}, {4, {2, 7, 7, 3}}},
     CONV(2, 3),
     .directional = true},
    {"conv 3x3, dilation 2",
     build_conv,
     {{4, {2, 7, 6, 2}}, {4, {3, 3, 3, 2}}, {1, {3}}},
     CONV(1, 2, 2)},
    {"conv 3x3, dilation 2, stride 2",
     build_conv,
     {{4, {1, 8, 9, 2}}, {4, {2, 3, 3, 2}}},
     CONV(2, 1, 2)},
    {"conv 3x2, dilation 2, stride 3",
     build_conv,
     {{4, {1, 9, 8, 2}}, {4, {2, 3, 2, 2}}},
     CONV(3, 2, 2)},
    {"conv 2 groups",
     build_conv,
     {{4, {2, 5, 4, 6}}, {4, {4, 3, 3, 3}}, {1, {4}}},
     CONV(1, 1, 1, 2)},
    {"conv 3 groups, stride 2, dilation 2",
     build_conv,
     {{4, {1, 7, 8, 6}}, {4, {3, 3, 2, 2}}, {1, {3}}},
     CONV(2, 2, 2, 3)},
    {"conv depthwise",
     build_conv,
     {{4, {2, 5, 6, 5}}, {4, {5, 3, 3, 1}}, {1, {5}}},
     CONV(1, 1, 1, 5)},
    {"conv depthwise, 2 outputs, stride 2",
     build_conv,
     {{4, {1, 5, 6, 3}}, {4, {6, 3, 3, 1}}},
     CONV(2, 1, 1, 3)},
    {"conv 1x1, 2 groups", build_conv, {{4, {2, 3, 4, 4}}, {4, {6, 1, 1, 2}}}, CONV(1, 0, 1, 2)},
    {"conv patches",
     build_conv,
     {{4, {2, 8, 8, 3}}, {4, {5, 4, 4, 3}}, {1, {5}}},
     CONV(4),
     .directional = true},
    {"conv of one pixel", build_conv, {{4, {1, 1, 1, 3}}, {4, {2, 3, 3, 3}}, {1, {2}}}, CONV(1, 1)},
    {"conv, relu",
     build_conv,
     {{4, {2, 5, 4, 3}}, {4, {4, 3, 3, 3}}, {1, {4}}},
     CONV(1, 1, .relu = true)},
    {"conv, many rows",
     build_conv,
     {{4, {3, 33, 31, 5}}, {4, {7, 3, 3, 5}}, {1, {7}}},
     CONV(1, 1),
     .directional = true},
    {"conv, many rows, stride 2",
     build_conv,
     {{4, {5, 35, 31, 3}}, {4, {9, 3, 3, 3}}},
     CONV(2, 1),
     .directional = true},
    {"conv, many channels",
     build_conv,
     {{4, {1, 3, 5, 70}}, {4, {45, 3, 3, 70}}, {1, {45}}},
     CONV(1, 1),
     .directional = true},
};
const GradTable GRADCHECK_CONV = {ROWS, sizeof ROWS / sizeof *ROWS};
