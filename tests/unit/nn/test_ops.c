/* Every op without images against PyTorch; and what NaN, overflow and wrong calls do. */
#include "aborts.h"
#include "ops.h"
#include "parity.h"
#include "vector_math.h"

/* ---- parity: builders ---- */

typedef Tensor *Function(Tape *t, Tensor *x);
typedef Tensor *Arithmetic(Tape *t, Tensor *a, Tensor *b);

typedef struct {
    Function *function;
    Arithmetic *arithmetic;
    int heads;
    bool causal;
} Choice;

static Tensor *build_linear(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_linear(t, p->in[0], p->in[1], p->in[2]);
}

/* options: not NULL for "b is transposed" */
static Tensor *build_matmul(Tape *t, const ParityInputs *p, const void *options)
{
    return nn_matmul(t, p->in[0], p->in[1], options != NULL);
}

static Tensor *build_function(Tape *t, const ParityInputs *p, const void *options)
{
    return ((const Choice *)options)->function(t, p->in[0]);
}

static Tensor *build_arithmetic(Tape *t, const ParityInputs *p, const void *options)
{
    return ((const Choice *)options)->arithmetic(t, p->in[0], p->in[1]);
}

static Tensor *build_affine(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_affine(t, p->in[0], -2.5, 0.75);
}

static Tensor *build_attention(Tape *t, const ParityInputs *p, const void *options)
{
    const Choice *c = options;
    return nn_attention(t, p->in[0], p->in[1], p->in[2], c->heads, c->causal);
}

static Tensor *build_permute(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_permute(t, p->in[0], (int[]){0, 3, 1, 2});
}

static Tensor *build_concat(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_concat(t, p->in, 2, 1);
}

static Tensor *build_slice(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_slice(t, p->in[0], 2, 2, 5);
}

static const int IDS[] = {3, 0, 3, 3, 1, 2, 0};

static Tensor *build_embedding(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_embedding(t, p->in[0], IDS, 7);
}

static Tensor *build_gather(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_gather_rows(t, p->in[0], IDS, 7);
}

static Tensor *build_sum_axis(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_sum_axis(t, p->in[0], 1);
}

static Tensor *build_mean_axis(Tape *t, const ParityInputs *p, const void *options)
{
    (void)options;
    return nn_mean_axis(t, p->in[0], 2);
}

static const int LABELS[] = {2, 0, 1, 2, 2};
static const Real WEIGHTS[] = {0.5f, 2, 1.25f};

static Tensor *build_loss(Tape *t, const ParityInputs *p, const void *options)
{
    return nn_cross_entropy(t, p->in[0], LABELS, options);
}

#define FUNCTION(f)                                                                                \
    .build = build_function, .options = &(const Choice)                                            \
    {                                                                                              \
        .function = (f)                                                                            \
    }
#define ARITHMETIC(f)                                                                              \
    .build = build_arithmetic, .options = &(const Choice)                                          \
    {                                                                                              \
        .arithmetic = (f)                                                                          \
    }
#define LOSS(...)                                                                                  \
    .build = build_loss, .options = &(const NnCrossEntropy)                                        \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const ParityCase CASES[] = {
    {.name = "linear", .build = build_linear},
    {.name = "linear_tokens", .build = build_linear},
    {.name = "matmul", .build = build_matmul},
    {.name = "matmul_transposed", .build = build_matmul, .options = "transposed"},
    {.name = "relu", FUNCTION(nn_relu)},
    {.name = "gelu", FUNCTION(nn_gelu)},
    {.name = "quick_gelu", FUNCTION(nn_quick_gelu)},
    {.name = "sigmoid", FUNCTION(nn_sigmoid)},
    {.name = "tanh", FUNCTION(nn_tanh)},
    {.name = "exp", FUNCTION(nn_exp)},
    {.name = "log", FUNCTION(nn_log)},
    {.name = "sqrt", FUNCTION(nn_sqrt)},
    {.name = "square", FUNCTION(nn_square)},
    {.name = "affine", .build = build_affine},
    {.name = "add", ARITHMETIC(nn_add)},
    {.name = "sub", ARITHMETIC(nn_sub)},
    {.name = "mul", ARITHMETIC(nn_mul)},
    {.name = "div", ARITHMETIC(nn_div)},
    {.name = "div_row", ARITHMETIC(nn_div)},
    {.name = "softmax", FUNCTION(nn_softmax)},
    {.name = "log_softmax", FUNCTION(nn_log_softmax)},
    {.name = "attention", .build = build_attention, .options = &(const Choice){.heads = 2}},
    {.name = "attention_causal",
     .build = build_attention,
     .options = &(const Choice){.heads = 3, .causal = true}},
    {.name = "permute", .build = build_permute},
    {.name = "concat", .build = build_concat},
    {.name = "slice", .build = build_slice},
    {.name = "embedding", .build = build_embedding},
    {.name = "gather_rows", .build = build_gather},
    {.name = "sum", FUNCTION(nn_sum)},
    {.name = "mean", FUNCTION(nn_mean)},
    {.name = "sum_axis", .build = build_sum_axis},
    {.name = "mean_axis", .build = build_mean_axis},
    {.name = "loss", .build = build_loss},
    {.name = "loss_extreme", .build = build_loss},
    {.name = "loss_smooth", LOSS(.label_smoothing = 0.1)},
    {.name = "loss_weights", LOSS(.class_weights = WEIGHTS)},
    {.name = "loss_both", LOSS(.label_smoothing = 0.3, .class_weights = WEIGHTS)},
    {.name = "loss_each", LOSS(.per_sample = true)},
    {.name = "loss_each_both",
     LOSS(.label_smoothing = 0.2, .class_weights = WEIGHTS, .per_sample = true)},
};

static void test_ops_as_torch(void **state)
{
    (void)state;
    parity_run("nn/ops.safetensors", CASES, sizeof CASES / sizeof *CASES);
}

/* ---- values that are not finite ---- */

static Tape *tape;

static int setup(void **state)
{
    (void)state;
    tape = tape_new(&(TapeOptions){.seed = 3});
    tape_begin(tape, TAPE_TRAINING | TAPE_GRADIENTS, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tape_free(tape);
    tape = NULL;
    return 0;
}

static void test_nan_passes_through_every_function(void **state)
{
    (void)state;
    static Function *const FUNCTIONS[] = {nn_relu,    nn_gelu, nn_quick_gelu, nn_sigmoid, nn_tanh,
                                          nn_exp,     nn_log,  nn_sqrt,       nn_square,  nn_sum,
                                          nn_softmax, nn_mean, nn_log_softmax};
    enum { N = 37 };
    Real values[N] = {[20] = NAN};
    Tensor *x = tape_input(tape, values, 1, (int[]){N});
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++) {
        Tensor *y = FUNCTIONS[i](tape, x);
        assert_true(isnan(y->v[tensor_size(y) == N ? 20 : 0]));
    }
}

static void test_vector_math_is_close_to_libm(void **state)
{
    (void)state;
    enum { N = 20001 };
    static Real x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = (Real)(-86.9 + 175.5 * i / (N - 1));
    vector_exp(y, x, N);
    for (int i = 0; i < N; i++) assert_close(y[i], exp((double)x[i]), 3e-7, 1e-44);
    for (int i = 0; i < N; i++) x[i] = (Real)(-6 + 12.0 * i / (N - 1));
    vector_erf(y, x, N);
    for (int i = 0; i < N; i++) assert_close(y[i], erf((double)x[i]), 4e-7, 1e-30);
    Real special[] = {(Real)-INFINITY, (Real)INFINITY, NAN, 1000, -1000, 0, 88.72f};
    vector_exp(special, special, 7);
    assert_true(special[0] == 0 && isinf(special[1]) && isnan(special[2]) && isinf(special[3]));
    assert_true(special[4] == 0 && special[5] == 1 && isfinite(special[6]));
    for (int i = 0; i < 50; i++) x[i] = (Real)(i == 33 ? -1 : i - 100);
    for (size_t n = 1; n <= 50; n++) assert_true(vector_max(x, n) == (n > 33 ? -1 : x[n - 1]));
}

/* ---- dropout ---- */

static void test_dropout_keeps_the_mean_and_depends_on_the_step_only(void **state)
{
    (void)state;
    enum { N = 40000 };
    static Real ones[N], first[N];
    for (int i = 0; i < N; i++) ones[i] = 1;
    for (uint64_t step = 0; step < 3; step++) {
        tape_begin(tape, TAPE_TRAINING, step % 2);
        Tensor *x = tape_input(tape, ones, 1, (int[]){N});
        Tensor *y = nn_dropout(tape, x, 0.25);
        double sum = 0;
        for (int i = 0; i < N; i++) sum += (double)y->v[i];
        assert_close(sum / N, 1, 0, 0.02); /* 7 standard deviations */
        for (int i = 0; i < N; i++) assert_true(y->v[i] == 0 || y->v[i] == (Real)(1 / 0.75));
        if (step == 0) memcpy(first, y->v, sizeof first);
        assert_true((memcmp(first, y->v, sizeof first) == 0) == (step % 2 == 0));
    }
    tape_begin(tape, 0, 0);
    Tensor *x = tape_input(tape, ones, 1, (int[]){N});
    assert_ptr_equal(nn_dropout(tape, x, 0.25), x);
}

/* ---- wrong calls abort ---- */

static void bad_linear(Tensor *x)
{
    nn_linear(tape, x, nn_permute(tape, x, (int[]){1, 0}), NULL);
}

static void bad_matmul(Tensor *x)
{
    nn_matmul(tape, x, x, false);
}

static void bad_add(Tensor *x)
{
    nn_add(tape, nn_sum_axis(tape, x, 0), x);
}

static void bad_label(Tensor *x)
{
    nn_cross_entropy(tape, x, (int[]){0, 3}, NULL);
}

static void bad_id(Tensor *x)
{
    nn_embedding(tape, x, (int[]){0, -1}, 2);
}

static void bad_order(Tensor *x)
{
    nn_permute(tape, x, (int[]){1, 1});
}

static void bad_slice(Tensor *x)
{
    nn_slice(tape, x, 1, 2, 4);
}

static void bad_concat(Tensor *x)
{
    nn_concat(tape, (Tensor *[]){x, nn_permute(tape, x, (int[]){1, 0})}, 2, 0);
}

static void bad_reshape(Tensor *x)
{
    nn_reshape(tape, x, 1, (int[]){7});
}

static void test_wrong_calls_abort(void **state)
{
    (void)state;
    static void (*const BAD[])(Tensor *) = {bad_linear, bad_matmul, bad_add,    bad_label,  bad_id,
                                            bad_order,  bad_slice,  bad_concat, bad_reshape};
    static const Real values[6] = {0};
    Tensor *x = tape_input(tape, values, 2, (int[]){2, 3});
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_aborts(BAD[i](x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_ops_as_torch, parity_teardown),
        cmocka_unit_test_setup_teardown(test_nan_passes_through_every_function, setup, teardown),
        cmocka_unit_test(test_vector_math_is_close_to_libm),
        cmocka_unit_test_setup_teardown(test_dropout_keeps_the_mean_and_depends_on_the_step_only,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_calls_abort, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
