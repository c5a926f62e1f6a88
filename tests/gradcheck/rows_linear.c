/* Products. */
#include "gradcheck.h"

#include "ops.h"

static Tensor *build_linear(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_linear(t, in[0], in[1], in[2]);
}

/* options: NULL, or anything for "b is transposed". */
static Tensor *build_matmul(Tape *t, Tensor **in, const void *options)
{
    return nn_matmul(t, in[0], in[1], options != NULL);
}

/* x x^T: the same tensor twice. */
static Tensor *build_gram(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_matmul(t, in[0], in[0], true);
}

static Tensor *build_square_product(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_matmul(t, in[0], in[0], false);
}

static const char TRANSPOSED[] = "transposed";

static const GradRow ROWS[] = {
    {"linear", build_linear, {{2, {4, 5}}, {2, {3, 5}}, {1, {3}}}},
    {"linear, batch 1", build_linear, {{2, {1, 7}}, {2, {3, 7}}, {1, {3}}}},
    {"linear, one feature, one output", build_linear, {{2, {5, 1}}, {2, {1, 1}}, {1, {1}}}},
    {"linear without bias", build_linear, {{2, {3, 6}}, {2, {5, 6}}}},
    {"linear of a vector", build_linear, {{1, {6}}, {2, {5, 6}}, {1, {5}}}},
    {"linear of tokens", build_linear, {{3, {2, 3, 5}}, {2, {7, 5}}, {1, {7}}}},
    {"linear of images", build_linear, {{4, {2, 3, 2, 3}}, {2, {4, 3}}, {1, {4}}}},
    {"linear, many outputs", build_linear, {{2, {2, 3}}, {2, {131, 3}}, {1, {131}}}},
    {.name = "linear, large",
     .build = build_linear,
     .in = {{2, {333, 130}}, {2, {65, 130}}, {1, {65}}},
     .directional = true},
    {.name = "linear, many rows",
     .build = build_linear,
     .in = {{2, {20011, 3}}, {2, {2, 3}}, {1, {2}}},
     .directional = true},
    {"matmul", build_matmul, {{2, {3, 4}}, {2, {4, 5}}}},
    {"matmul, transposed", build_matmul, {{2, {3, 4}}, {2, {5, 4}}}, TRANSPOSED},
    {"matmul, batch", build_matmul, {{3, {2, 3, 4}}, {3, {2, 4, 5}}}},
    {"matmul, batch transposed", build_matmul, {{4, {2, 3, 1, 4}}, {4, {2, 3, 5, 4}}}, TRANSPOSED},
    {"matmul, row times column", build_matmul, {{2, {1, 7}}, {2, {7, 1}}}},
    {"matmul, column times row", build_matmul, {{2, {5, 1}}, {2, {1, 3}}}},
    {"matmul, x x^T", build_gram, {{2, {4, 3}}}},
    {"matmul, x x", build_square_product, {{3, {2, 3, 3}}}},
    {.name = "matmul, large",
     .build = build_matmul,
     .in = {{3, {3, 70, 90}}, {3, {3, 90, 50}}},
     .directional = true},
};
const GradTable GRADCHECK_LINEAR = {ROWS, sizeof ROWS / sizeof *ROWS};
