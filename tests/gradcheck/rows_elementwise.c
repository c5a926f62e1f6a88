/* Arithmetic and activations. */
#include "gradcheck.h"

#include "ops.h"

typedef Tensor *Function(Tape *t, Tensor *x);
typedef Tensor *Arithmetic(Tape *t, Tensor *a, Tensor *b);

/* Options of these builders: the op itself. */
typedef struct {
    Function *function;
    Arithmetic *arithmetic;
    double scale, shift;
} OpChoice;

static Tensor *build_function(Tape *t, Tensor **in, const void *options)
{
    return ((const OpChoice *)options)->function(t, in[0]);
}

static Tensor *build_arithmetic(Tape *t, Tensor **in, const void *options)
{
    return ((const OpChoice *)options)->arithmetic(t, in[0], in[1]);
}

/* The same tensor on both sides. */
static Tensor *build_with_itself(Tape *t, Tensor **in, const void *options)
{
    return ((const OpChoice *)options)->arithmetic(t, in[0], in[0]);
}

static Tensor *build_affine(Tape *t, Tensor **in, const void *options)
{
    const OpChoice *c = options;
    return nn_affine(t, in[0], c->scale, c->shift);
}

static Tensor *build_dropout(Tape *t, Tensor **in, const void *options)
{
    return nn_dropout(t, in[0], ((const OpChoice *)options)->scale);
}

/* Two masks of one step differ. */
static Tensor *build_two_dropouts(Tape *t, Tensor **in, const void *options)
{
    double p = ((const OpChoice *)options)->scale;
    return nn_mul(t, nn_dropout(t, in[0], p), nn_dropout(t, in[0], p));
}

static const OpChoice ADD = {.arithmetic = nn_add}, SUB = {.arithmetic = nn_sub},
                      MUL = {.arithmetic = nn_mul}, DIV = {.arithmetic = nn_div};
static const OpChoice EXP = {nn_exp}, LOG = {nn_log}, SQRT = {nn_sqrt}, SQUARE = {nn_square};
static const OpChoice RELU = {nn_relu}, GELU = {nn_gelu}, QUICK_GELU = {nn_quick_gelu},
                      SIGMOID = {nn_sigmoid}, TANH = {nn_tanh};
static const OpChoice AFFINE = {.scale = -2.5, .shift = 0.75}, HALF = {.scale = 0.5},
                      FIFTH = {.scale = 0.2};

static const GradRow ROWS[] = {
    {"add", build_arithmetic, {{2, {3, 5}}, {2, {3, 5}}}, &ADD},
    {"add, row", build_arithmetic, {{2, {3, 5}}, {1, {5}}}, &ADD},
    {"add, two dims", build_arithmetic, {{4, {2, 3, 4, 5}}, {2, {4, 5}}}, &ADD},
    {"add, scalar", build_arithmetic, {{2, {3, 5}}, {1, {1}}}, &ADD},
    {"add, to itself", build_with_itself, {{2, {3, 5}}}, &ADD},
    {"sub", build_arithmetic, {{2, {3, 5}}, {2, {3, 5}}}, &SUB},
    {"sub, row of one row", build_arithmetic, {{2, {1, 5}}, {1, {5}}}, &SUB},
    {"sub, scalar", build_arithmetic, {{1, {7}}, {1, {1}}}, &SUB},
    {"sub, from itself", build_with_itself, {{2, {3, 5}}}, &SUB},
    {"mul", build_arithmetic, {{2, {3, 5}}, {2, {3, 5}}}, &MUL},
    {"mul, row", build_arithmetic, {{3, {2, 3, 5}}, {1, {5}}}, &MUL},
    {"mul, scalar", build_arithmetic, {{2, {3, 5}}, {1, {1}}}, &MUL},
    {"mul, scalars", build_arithmetic, {{1, {1}}, {1, {1}}}, &MUL},
    {"mul, with itself", build_with_itself, {{2, {3, 5}}}, &MUL},
    {"mul, row of 300", build_arithmetic, {{2, {2, 300}}, {1, {300}}}, &MUL},
    {"mul, row of 600", build_arithmetic, {{2, {2, 600}}, {1, {600}}}, &MUL},
    {"div", build_arithmetic, {{2, {3, 5}}, {2, {3, 5}, 0.5, 2}}, &DIV},
    {"div, row", build_arithmetic, {{2, {4, 3}}, {1, {3}, -2, -0.5}}, &DIV},
    {"div, two dims", build_arithmetic, {{3, {2, 3, 4}}, {2, {3, 4}, 0.5, 2}}, &DIV},
    {"div, scalar", build_arithmetic, {{2, {3, 5}}, {1, {1}, 0.5, 2}}, &DIV},
    {.name = "add, large, row of 3",
     .build = build_arithmetic,
     .in = {{2, {20001, 3}}, {1, {3}}},
     .options = &ADD,
     .directional = true},
    {.name = "mul, large, scalar",
     .build = build_arithmetic,
     .in = {{2, {300, 201}}, {1, {1}}},
     .options = &MUL,
     .directional = true},
    {.name = "div, large, same shape",
     .build = build_arithmetic,
     .in = {{2, {300, 201}}, {2, {300, 201}, 1, 2}},
     .options = &DIV,
     .directional = true},
    {.name = "mul, large, two dims",
     .build = build_arithmetic,
     .in = {{3, {40, 7, 131}}, {2, {7, 131}}},
     .options = &MUL,
     .directional = true},
    {"affine", build_affine, {{2, {3, 5}}}, &AFFINE},
    {.name = "affine, large",
     .build = build_affine,
     .in = {{1, {40001}}},
     .options = &AFFINE,
     .directional = true},
    {"exp", build_function, {{2, {3, 5}, -2, 2}}, &EXP},
    {"log", build_function, {{2, {3, 5}, 0.5, 3}}, &LOG},
    {"sqrt", build_function, {{2, {3, 5}, 0.5, 3}}, &SQRT},
    {"square", build_function, {{2, {3, 5}}}, &SQUARE},
    {"relu", build_function, {{2, {7, 11}, -1, 1, .spread = true}}, &RELU},
    {"relu, all negative", build_function, {{1, {5}, -2, -1}}, &RELU},
    {"gelu", build_function, {{2, {7, 11}, -4, 4}}, &GELU},
    {"quick gelu", build_function, {{2, {7, 11}, -4, 4}}, &QUICK_GELU},
    {"sigmoid", build_function, {{2, {7, 11}, -5, 5}}, &SIGMOID},
    {"tanh", build_function, {{2, {7, 11}, -3, 3}}, &TANH},
    {"tanh, scalar", build_function, {{1, {1}}}, &TANH},
    {.name = "gelu, large",
     .build = build_function,
     .in = {{2, {301, 130}, -3, 3}},
     .options = &GELU,
     .directional = true},
    {.name = "dropout",
     .build = build_dropout,
     .in = {{2, {7, 9}}},
     .options = &HALF,
     .random = true},
    {.name = "dropout twice",
     .build = build_two_dropouts,
     .in = {{2, {7, 9}}},
     .options = &FIFTH,
     .random = true},
    {.name = "dropout, large",
     .build = build_dropout,
     .in = {{2, {300, 101}}},
     .options = &FIFTH,
     .random = true,
     .directional = true},
    {.name = "dropout, evaluation",
     .build = build_dropout,
     .in = {{2, {7, 9}}},
     .options = &HALF,
     .evaluation = true},
};
const GradTable GRADCHECK_ELEMENTWISE = {ROWS, sizeof ROWS / sizeof *ROWS};
