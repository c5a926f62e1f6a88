/* Convolution, pooling and normalisation against PyTorch: outputs, gradients, running statistics.
 */
#include "golden.h"
#include "ops.h"

enum { MAX_INPUTS = 4, MAX_NAME = 64 };

static const double TOLERANCE = 1e-5; /* of the largest value of an array */

typedef struct Case Case;
typedef Tensor *Build(Tape *t, Tensor **in, const Case *c);

struct Case {
    const char *name; /* of the golden arrays */
    Build *build;
    NnConv conv;
    int kernel, stride, pad, groups;
    double eps;
    bool frozen, evaluation;
    NnAfter after; /* residual: set when there is a fourth input */
};

typedef struct {
    SafeTensors *golden;
    Tape *tape;
    ThreadPool *threads;
    Real *in[MAX_INPUTS], *gradient[MAX_INPUTS], *dy;
    size_t sizes[MAX_INPUTS];
    Real *mean, *var; /* running statistics; NULL: the case has none */
} Fixture;

static Fixture fixture; /* freed by teardown also when an assertion leaves a test */

/* ---- builders ---- */

static Tensor *build_conv(Tape *t, Tensor **in, const Case *c)
{
    return nn_conv2d(t, in[0], in[1], in[2], c->conv);
}

static Tensor *build_max(Tape *t, Tensor **in, const Case *c)
{
    return nn_max_pool(t, in[0], c->kernel, c->stride, c->pad);
}

static Tensor *build_avg(Tape *t, Tensor **in, const Case *c)
{
    return nn_avg_pool(t, in[0], c->kernel, c->stride, c->pad);
}

static Tensor *build_global(Tape *t, Tensor **in, const Case *c)
{
    (void)c;
    return nn_global_avg_pool(t, in[0]);
}

static Tensor *build_batch_norm(Tape *t, Tensor **in, const Case *c)
{
    return nn_batch_norm(t, in[0],
                         &(NnBatchNorm){.gamma = in[1],
                                        .beta = in[2],
                                        .running_mean = fixture.mean,
                                        .running_var = fixture.var,
                                        .momentum = 0.1,
                                        .eps = 1e-5,
                                        .frozen = c->frozen,
                                        .after = {in[3], c->after.relu}});
}

static Tensor *build_group_norm(Tape *t, Tensor **in, const Case *c)
{
    return nn_group_norm(t, in[0], in[1], in[2], c->groups, 1e-5);
}

static Tensor *build_layer_norm(Tape *t, Tensor **in, const Case *c)
{
    return nn_layer_norm(t, in[0], in[1], in[2], c->eps);
}

static Tensor *build_l2(Tape *t, Tensor **in, const Case *c)
{
    return nn_l2_normalise(t, in[0], c->eps);
}

static const Case CONV[] = {
    {.name = "plain", .build = build_conv, .conv = {.pad = 1}},
    {.name = "no_bias", .build = build_conv},
    {.name = "stride2", .build = build_conv, .conv = {.stride = 2, .pad = 1}},
    {.name = "stride3", .build = build_conv, .conv = {.stride = 3, .pad = 1}},
    {.name = "down", .build = build_conv, .conv = {.stride = 2}},
    {.name = "pointwise", .build = build_conv},
    {.name = "dilated", .build = build_conv, .conv = {.pad = 2, .dilation = 2}},
    {.name = "grouped", .build = build_conv, .conv = {.pad = 1, .groups = 3}},
    {.name = "depthwise", .build = build_conv, .conv = {.pad = 1, .groups = 5}},
    {.name = "all",
     .build = build_conv,
     .conv = {.stride = 2, .pad = 2, .dilation = 2, .groups = 2}},
    {.name = "relu", .build = build_conv, .conv = {.pad = 1, .relu = true}},
    {.name = "stem", .build = build_conv, .conv = {.stride = 2, .pad = 3}},
};

static const Case POOL[] = {
    {.name = "max_ties", .build = build_max, .kernel = 3, .stride = 2, .pad = 1},
    {.name = "max_2", .build = build_max, .kernel = 2, .stride = 2},
    {.name = "max_overlap", .build = build_max, .kernel = 3, .stride = 1, .pad = 1},
    {.name = "avg_2", .build = build_avg, .kernel = 2, .stride = 2},
    {.name = "avg_pad", .build = build_avg, .kernel = 3, .stride = 2, .pad = 1},
    {.name = "global", .build = build_global},
};

static const Case NORM[] = {
    {.name = "train", .build = build_batch_norm},
    {.name = "train_shifted", .build = build_batch_norm},
    {.name = "train_relu", .build = build_batch_norm, .after = {.relu = true}},
    {.name = "train_residual_relu", .build = build_batch_norm, .after = {.relu = true}},
    {.name = "train_features", .build = build_batch_norm},
    {.name = "eval", .build = build_batch_norm, .evaluation = true},
    {.name = "frozen_relu", .build = build_batch_norm, .frozen = true, .after = {.relu = true}},
    {.name = "group_8", .build = build_group_norm, .groups = 8},
    {.name = "group_1", .build = build_group_norm, .groups = 1},
    {.name = "group_3", .build = build_group_norm, .groups = 3},
    {.name = "layer", .build = build_layer_norm, .eps = 1e-6},
    {.name = "l2", .build = build_l2, .eps = 0.05},
};

/* ---- one case ---- */

static const SafeTensor *find(const Case *c, const char *part, char name[MAX_NAME])
{
    snprintf(name, MAX_NAME, "%s.%s", c->name, part);
    return safetensors_find(fixture.golden, name);
}

static Real *load(const Case *c, const char *part, size_t *n)
{
    char name[MAX_NAME];
    return find(c, part, name) != NULL ? golden_values(fixture.golden, name, n) : NULL;
}

static void compare(const Case *c, const char *part, const Real *got)
{
    char name[MAX_NAME];
    size_t n;
    assert_non_null(find(c, part, name));
    Real *want = golden_values(fixture.golden, name, &n);
    golden_compare(name, got, want, n, TOLERANCE);
    test_free(want);
}

static Tensor *leaf(const Case *c, int i)
{
    Fixture *f = &fixture;
    char part[8], name[MAX_NAME];
    snprintf(part, sizeof part, "in%d", i);
    const SafeTensor *s = find(c, part, name);
    if (s == NULL) return NULL;
    f->in[i] = golden_values(f->golden, name, &f->sizes[i]);
    f->gradient[i] = test_calloc(f->sizes[i], sizeof *f->gradient[i]);
    int dims[TENSOR_MAX_RANK];
    for (int d = 0; d < s->rank; d++) dims[d] = (int)s->dims[d];
    return tape_leaf(f->tape, "param", f->in[i], f->gradient[i], s->rank, dims);
}

static void release_case(void)
{
    Fixture *f = &fixture;
    for (int i = 0; i < MAX_INPUTS; i++) {
        if (f->in[i] != NULL) test_free(f->in[i]);
        if (f->gradient[i] != NULL) test_free(f->gradient[i]);
        f->in[i] = f->gradient[i] = NULL;
    }
    if (f->dy != NULL) test_free(f->dy);
    if (f->mean != NULL) test_free(f->mean);
    if (f->var != NULL) test_free(f->var);
    f->dy = f->mean = f->var = NULL;
}

static void run_case(const Case *c)
{
    Fixture *f = &fixture;
    tape_begin(f->tape, (c->evaluation ? 0 : TAPE_TRAINING) | TAPE_GRADIENTS, 0);
    Tensor *in[MAX_INPUTS];
    for (int i = 0; i < MAX_INPUTS; i++) in[i] = leaf(c, i);
    f->mean = load(c, "mean", NULL);
    f->var = load(c, "var", NULL);
    Tensor *y = c->build(f->tape, in, c);
    compare(c, "y", y->v);
    size_t n;
    f->dy = load(c, "dy", &n);
    assert_int_equal(n, tensor_size(y));
    Tensor *row = tape_view(f->tape, "view", y, 2, (int[]){1, (int)n});
    Tensor *dy = tape_input(f->tape, f->dy, 2, (int[]){(int)n, 1});
    tape_backward(f->tape, nn_matmul(f->tape, row, dy, false));
    for (int i = 0; i < MAX_INPUTS; i++) {
        char part[8];
        snprintf(part, sizeof part, "d%d", i);
        if (in[i] != NULL) compare(c, part, f->gradient[i]);
    }
    if (f->mean != NULL) compare(c, "mean_after", f->mean);
    if (f->var != NULL) compare(c, "var_after", f->var);
    release_case();
}

static void run_all(const char *file, const Case *cases, size_t n)
{
    Fixture *f = &fixture;
    f->golden = golden_open(file);
    for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
        f->threads = thread_pool_new(n_threads);
        f->tape = tape_new(&(TapeOptions){.threads = f->threads});
        for (size_t i = 0; i < n; i++) run_case(&cases[i]);
        tape_free(f->tape);
        thread_pool_free(f->threads);
        f->tape = NULL;
        f->threads = NULL;
    }
}

static int teardown(void **state)
{
    (void)state;
    release_case();
    tape_free(fixture.tape);
    thread_pool_free(fixture.threads);
    safetensors_close(fixture.golden);
    fixture = (Fixture){0};
    return 0;
}

static void test_convolution_as_torch(void **state)
{
    (void)state;
    run_all("nn/conv.safetensors", CONV, sizeof CONV / sizeof *CONV);
}

static void test_pooling_as_torch(void **state)
{
    (void)state;
    run_all("nn/pool.safetensors", POOL, sizeof POOL / sizeof *POOL);
}

static void test_normalisation_as_torch(void **state)
{
    (void)state;
    run_all("nn/norm.safetensors", NORM, sizeof NORM / sizeof *NORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_convolution_as_torch, teardown),
        cmocka_unit_test_teardown(test_pooling_as_torch, teardown),
        cmocka_unit_test_teardown(test_normalisation_as_torch, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
