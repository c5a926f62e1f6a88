/* Low-rank weights against PyTorch, where gradients do not flow through norms; and what they cost.
 */
#include "golden.h"

#include "low_rank.h"
#include "ops.h"
#include "rng.h"

#include <string.h>

typedef struct {
    const char *name;
    double scale;
    NnConv conv;
} Row;

static const Row ROWS[] = {
    {"lora", 0.5, {0}},
    {"lora_bias", 2, {0}},
    {"dora", 0.5, {0}},
    {"dora_bias", 1.5, {0}},
    {"conv", 0.5, {.stride = 2, .pad = 1}},
    {"conv_1x1", 1, {.pad = 0}},
    {"conv_dora", 0.7, {.pad = 1}},
};
enum { N_ROWS = sizeof ROWS / sizeof *ROWS };

enum { X, A, B, M, BIAS, N_LEAVES };
static const char *const LEAVES[] = {"x", "a", "b", "m", "bias"};

typedef struct {
    SafeTensors *file;
    Tape *tape;
    Real *gradients[N_LEAVES], *values[N_LEAVES], *w0;
    Tensor *leaves[N_LEAVES];
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    f->file = golden_open("nn/adapters.safetensors");
    f->tape = tape_new(&(TapeOptions){0});
    *state = f;
    return 0;
}

static void forget(Fixture *f)
{
    for (int i = 0; i < N_LEAVES; i++) {
        test_free(f->values[i]);
        test_free(f->gradients[i]);
        f->values[i] = f->gradients[i] = NULL;
        f->leaves[i] = NULL;
    }
    test_free(f->w0);
    f->w0 = NULL;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    forget(f);
    tape_free(f->tape);
    safetensors_close(f->file);
    test_free(f);
    return 0;
}

static const char *array_name(char out[64], const Row *row, const char *prefix, const char *what)
{
    snprintf(out, 64, "%s.%s%s", row->name, prefix, what);
    return out;
}

static Real *read_array(const Fixture *f, const Row *row, const char *what, int *rank,
                        int dims[TENSOR_MAX_RANK])
{
    char name[64];
    const SafeTensor *s = safetensors_find(f->file, array_name(name, row, "", what));
    if (s == NULL) return NULL;
    *rank = s->rank;
    for (int i = 0; i < s->rank; i++) dims[i] = (int)s->dims[i];
    return golden_values(f->file, name, NULL);
}

/* The layer of a row, with all its leaves on the tape. */
static Tensor *build(Fixture *f, const Row *row)
{
    int rank = 0, dims[TENSOR_MAX_RANK];
    for (int i = 0; i < N_LEAVES; i++) {
        f->values[i] = read_array(f, row, LEAVES[i], &rank, dims);
        if (f->values[i] == NULL) continue;
        size_t n = 1;
        for (int k = 0; k < rank; k++) n *= (size_t)dims[k];
        f->gradients[i] = test_calloc(n, sizeof(Real));
        f->leaves[i] = tape_leaf(f->tape, LEAVES[i], f->values[i], f->gradients[i], rank, dims);
    }
    f->w0 = read_array(f, row, "w0", &rank, dims);
    NnLowRank part = {.a = f->leaves[A], .b = f->leaves[B], .m = f->leaves[M], .scale = row->scale};
    Tensor *w = nn_low_rank(f->tape, tape_input(f->tape, f->w0, rank, dims), &part, 1);
    return rank == 2 ? nn_linear(f->tape, f->leaves[X], w, f->leaves[BIAS])
                     : nn_conv2d(f->tape, f->leaves[X], w, f->leaves[BIAS], row->conv);
}

/* The gradient of sum dy * y is what flows back. */
static void backward(Fixture *f, const Row *row, Tensor *y)
{
    char name[64];
    Real *dy = golden_values(f->file, array_name(name, row, "", "dy"), NULL);
    Tensor *weights = tape_input(f->tape, dy, y->rank, y->dims);
    tape_backward(f->tape, nn_sum(f->tape, nn_mul(f->tape, y, weights)));
    test_free(dy);
}

static void test_layers_as_pytorch(void **state)
{
    Fixture *f = *state;
    double worst = 0;
    for (int r = 0; r < N_ROWS; r++) {
        char name[64];
        tape_begin(f->tape, TAPE_TRAINING | TAPE_GRADIENTS, 0);
        Tensor *y = build(f, &ROWS[r]);
        Real *want = golden_values(f->file, array_name(name, &ROWS[r], "", "y"), NULL);
        worst = fmax(worst, golden_compare(name, y->v, want, tensor_size(y), 1e-5, 1e-3));
        test_free(want);
        backward(f, &ROWS[r], y);
        for (int i = 0; i < N_LEAVES; i++) {
            if (f->leaves[i] == NULL) continue;
            size_t n;
            want = golden_values(f->file, array_name(name, &ROWS[r], "d", LEAVES[i]), &n);
            worst = fmax(worst, golden_compare(name, f->gradients[i], want, n, 1e-5, 1e-3));
            test_free(want);
        }
        forget(f);
    }
    fprintf(stderr, "# low-rank layers against torch: largest relative error %.2g\n", worst);
}

/* Of x [rows,in] and W [out,in]: W0 + B A costs 2 r in out, the product and dx 2 rows in out each;
 * and what no matrix has a gradient for, 2 * 2 rows r (in + out). */
static void test_flops_of_a_step(void **state)
{
    Fixture *f = *state;
    enum { ROWS_X = 50, IN = 32, OUT = 48, RANK = 4 };
    tape_begin(f->tape, TAPE_GRADIENTS | TAPE_PLAN, 0);
    Real none[1] = {0};
    Tensor *x = tape_leaf(f->tape, "x", none, none, 2, (int[]){ROWS_X, IN});
    Tensor *w0 = tape_input(f->tape, none, 2, (int[]){OUT, IN});
    NnLowRank part = {.a = tape_leaf(f->tape, "a", none, none, 2, (int[]){RANK, IN}),
                      .b = tape_leaf(f->tape, "b", none, none, 2, (int[]){OUT, RANK}),
                      .scale = 1};
    (void)nn_linear(f->tape, x, nn_low_rank(f->tape, w0, &part, 1), NULL);
    TapeCost cost = tape_cost(f->tape);
    double product = 2.0 * ROWS_X * IN * OUT, factors = 4.0 * ROWS_X * RANK * (IN + OUT);
    assert_close(cost.forward_flops, product + 2.0 * RANK * IN * OUT, 1e-12, 0);
    assert_close(cost.backward_flops, product + factors, 1e-12, 0);
}

/* B = 0 and m the norms of W0: W has the bits of W0. */
static void test_no_change_at_first(void **state)
{
    Fixture *f = *state;
    enum { OUT = 37, IN = 53, RANK = 3 };
    Real *w0 = test_malloc(OUT * IN * sizeof *w0), a[RANK * IN], b[OUT * RANK] = {0}, m[OUT];
    for (int i = 0; i < OUT * IN; i++)
        w0[i] = (Real)rng_normal(rng_stream(1, "w0"), 0, (uint64_t)i);
    for (int i = 0; i < RANK * IN; i++) a[i] = (Real)rng_normal(rng_stream(1, "a"), 0, (uint64_t)i);
    low_rank_norms(m, w0, OUT, IN);
    tape_begin(f->tape, 0, 0);
    NnLowRank part = {.a = tape_input(f->tape, a, 2, (int[]){RANK, IN}),
                      .b = tape_input(f->tape, b, 2, (int[]){OUT, RANK}),
                      .m = tape_input(f->tape, m, 1, (int[]){OUT}),
                      .scale = 3};
    Tensor *w = nn_low_rank(f->tape, tape_input(f->tape, w0, 2, (int[]){OUT, IN}), &part, 1);
    assert_memory_equal(w->v, w0, OUT * IN * sizeof *w0);
    test_free(w0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_as_pytorch),
        cmocka_unit_test(test_flops_of_a_step),
        cmocka_unit_test(test_no_change_at_first),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
