/* The loss against PyTorch, value and gradients, with one true text per image and with several. */
#include "golden.h"

#include "contrastive.h"

enum { N = 6, D = 5 };

typedef struct {
    SafeTensors *golden;
    Real *images, *texts;
    Real scale[1];
    Real d_images[N * D], d_texts[N * D], d_scale[1];
    unsigned char is_true[N * N];
    Real of_images[N * N], of_texts[N * N];
    Tape *t;
} Case;

static int setup(void **state)
{
    Case *c = test_calloc(1, sizeof *c);
    c->golden = golden_open("nn/contrastive.safetensors");
    c->images = golden_values(c->golden, "images", NULL);
    c->texts = golden_values(c->golden, "texts", NULL);
    c->scale[0] = 2.5;
    Real *is_true = golden_values(c->golden, "is_true", NULL);
    for (int i = 0; i < N * N; i++) c->is_true[i] = is_true[i] > 0;
    test_free(is_true);
    c->t = tape_new(&(TapeOptions){0});
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    Case *c = *state;
    tape_free(c->t);
    test_free(c->images);
    test_free(c->texts);
    safetensors_close(c->golden);
    test_free(c);
    return 0;
}

static double run(Case *c, const ContrastiveTargets *targets)
{
    memset(c->d_images, 0, sizeof c->d_images);
    memset(c->d_texts, 0, sizeof c->d_texts);
    memset(c->d_scale, 0, sizeof c->d_scale);
    tape_begin(c->t, TAPE_TRAINING | TAPE_GRADIENTS, 0);
    Tensor *images = tape_leaf(c->t, "images", c->images, c->d_images, 2, (int[]){N, D});
    Tensor *texts = tape_leaf(c->t, "texts", c->texts, c->d_texts, 2, (int[]){N, D});
    Tensor *scale = tape_leaf(c->t, "scale", c->scale, c->d_scale, 1, (int[]){1});
    Tensor *loss = contrastive_loss(c->t, images, texts, scale, targets);
    double value = (double)loss->v[0];
    tape_backward(c->t, loss);
    return value;
}

static void compare(const Case *c, const char *kind, const char *what, const Real *got, size_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", kind, what);
    Real *want = golden_values(c->golden, name, NULL);
    golden_compare(name, got, want, n, 1e-5, 1e-3);
    test_free(want);
}

static void compare_all(Case *c, const char *kind, const ContrastiveTargets *targets)
{
    Real loss = (Real)run(c, targets);
    compare(c, kind, "loss", &loss, 1);
    compare(c, kind, "images", c->d_images, N * D);
    compare(c, kind, "texts", c->d_texts, N * D);
    compare(c, kind, "log_scale", c->d_scale, 1);
}

static void test_pairs_alone_as_torch(void **state)
{
    compare_all(*state, "pair", NULL);
}

static void test_shared_targets_as_torch(void **state)
{
    Case *c = *state;
    ContrastiveTargets targets = {c->of_images, c->of_texts};
    contrastive_targets(&targets, c->is_true, N);
    compare_all(c, "shared", &targets);
}

static void test_targets_share_the_mass_of_a_row(void **state)
{
    (void)state;
    enum { M = 3 };
    /* Text 1 is true for image 0, too. */
    const unsigned char is_true[M * M] = {1, 1, 0, 0, 1, 0, 0, 0, 1};
    const Real want_images[M * M] = {0.5, 0.5, 0, 0, 1, 0, 0, 0, 1};
    const Real want_texts[M * M] = {1, 0, 0, 0.5, 0.5, 0, 0, 0, 1}; /* row j: of text j */
    Real of_images[M * M], of_texts[M * M];
    contrastive_targets(&(ContrastiveTargets){of_images, of_texts}, is_true, M);
    assert_memory_equal(of_images, want_images, sizeof want_images);
    assert_memory_equal(of_texts, want_texts, sizeof want_texts);
}

/* With nothing but the diagonal, shared targets are CLIP's loss. */
static void test_own_targets_equal_pairs_alone(void **state)
{
    Case *c = *state;
    unsigned char own[N * N] = {0};
    for (int i = 0; i < N; i++) own[i * N + i] = 1;
    ContrastiveTargets targets = {c->of_images, c->of_texts};
    contrastive_targets(&targets, own, N);
    double alone = run(c, NULL);
    Real d_images[N * D];
    memcpy(d_images, c->d_images, sizeof d_images);
    assert_close(run(c, &targets), alone, 1e-6, 0);
    for (int i = 0; i < N * D; i++) assert_close(c->d_images[i], d_images[i], 1e-4, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_alone_as_torch),
        cmocka_unit_test(test_shared_targets_as_torch),
        cmocka_unit_test(test_targets_share_the_mass_of_a_row),
        cmocka_unit_test(test_own_targets_equal_pairs_alone),
    };
    return cmocka_run_group_tests_name("pretrain-contrastive", tests, setup, teardown);
}
