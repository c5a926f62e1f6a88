/* Normalisations. */
#include "gradcheck.h"
#include "ops.h"

enum { MAX_CHANNELS = 8 };

typedef struct {
    bool frozen, relu;
    int groups;
    double eps;
} NormOptions;

/* in: x, gamma, beta, residual or NULL. Running statistics are made afresh, as every run moves
 * them. */
static Tensor *build_batch_norm(Tape *t, Tensor **in, const void *options)
{
    const NormOptions *o = options;
    Real mean[MAX_CHANNELS], var[MAX_CHANNELS];
    for (int c = 0; c < MAX_CHANNELS; c++) {
        mean[c] = (Real)0.1 * c - (Real)0.2;
        var[c] = (Real)0.5 + (Real)0.25 * c;
    }
    NnBatchNorm bn = {.gamma = in[1],
                      .beta = in[2],
                      .running_mean = mean,
                      .running_var = var,
                      .momentum = 0.1,
                      .eps = 1e-5,
                      .frozen = o->frozen,
                      .after = {in[3], o->relu}};
    return nn_batch_norm(t, in[0], &bn);
}

static Tensor *build_group_norm(Tape *t, Tensor **in, const void *options)
{
    return nn_group_norm(t, in[0], in[1], in[2], ((const NormOptions *)options)->groups, 1e-5);
}

static Tensor *build_layer_norm(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_layer_norm(t, in[0], in[1], in[2], 1e-5);
}

static Tensor *build_l2(Tape *t, Tensor **in, const void *options)
{
    return nn_l2_normalise(t, in[0], ((const NormOptions *)options)->eps);
}

#define NORM(...)                                                                                  \
    .options = &(const NormOptions)                                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const GradRow ROWS[] = {
    {"batch norm", build_batch_norm, {{4, {3, 3, 5, 4}}, {1, {4}}, {1, {4}}}, NORM(0)},
    {"batch norm, mean far from 0",
     build_batch_norm,
     {{4, {2, 3, 3, 2}, 9, 11}, {1, {2}}, {1, {2}}},
     NORM(0)},
    {"batch norm of features", build_batch_norm, {{2, {7, 5}}, {1, {5}}, {1, {5}}}, NORM(0)},
    {"batch norm, relu",
     build_batch_norm,
     {{4, {2, 3, 4, 3}}, {1, {3}}, {1, {3}}},
     NORM(.relu = true)},
    {"batch norm, residual",
     build_batch_norm,
     {{4, {2, 3, 3, 3}}, {1, {3}}, {1, {3}}, {4, {2, 3, 3, 3}}},
     NORM(0)},
    {"batch norm, residual, relu",
     build_batch_norm,
     {{4, {3, 2, 3, 5}}, {1, {5}}, {1, {5}}, {4, {3, 2, 3, 5}}},
     NORM(.relu = true)},
    {"batch norm, frozen",
     build_batch_norm,
     {{4, {2, 3, 3, 4}}, {1, {4}}, {1, {4}}, {4, {2, 3, 3, 4}}},
     NORM(.frozen = true, .relu = true)},
    {"batch norm, evaluation",
     build_batch_norm,
     {{4, {2, 3, 3, 4}}, {1, {4}}, {1, {4}}},
     NORM(0),
     .evaluation = true},
    {"batch norm, many rows",
     build_batch_norm,
     {{4, {5, 41, 43, 7}}, {1, {7}}, {1, {7}}, {4, {5, 41, 43, 7}}},
     NORM(0),
     .directional = true},
    {"group norm", build_group_norm, {{4, {3, 3, 5, 6}}, {1, {6}}, {1, {6}}}, NORM(.groups = 3)},
    {"group norm, batch 1",
     build_group_norm,
     {{4, {1, 5, 3, 4}, 4, 6}, {1, {4}}, {1, {4}}},
     NORM(.groups = 2)},
    {"group norm, 1 group",
     build_group_norm,
     {{4, {2, 3, 3, 5}}, {1, {5}}, {1, {5}}},
     NORM(.groups = 1)},
    {"group norm, a group each",
     build_group_norm,
     {{4, {2, 3, 3, 5}}, {1, {5}}, {1, {5}}},
     NORM(.groups = 5)},
    {"group norm, many pixels",
     build_group_norm,
     {{4, {3, 21, 23, 6}}, {1, {6}}, {1, {6}}},
     NORM(.groups = 2),
     .directional = true},
    {"layer norm", build_layer_norm, {{2, {5, 7}}, {1, {7}}, {1, {7}}}},
    {"layer norm of tokens", build_layer_norm, {{3, {2, 3, 17}}, {1, {17}}, {1, {17}}}},
    {"layer norm, one row", build_layer_norm, {{1, {9}}, {1, {9}}, {1, {9}}}},
    {"layer norm, many rows",
     build_layer_norm,
     {{2, {3001, 19}}, {1, {19}}, {1, {19}}},
     .directional = true},
    {"l2 normalise", build_l2, {{2, {5, 7}}}, NORM(.eps = 1e-12)},
    {"l2 normalise, below eps", build_l2, {{3, {2, 3, 5}}}, NORM(.eps = 10)},
};
const GradTable GRADCHECK_NORM = {ROWS, sizeof ROWS / sizeof *ROWS};
