/* What all networks have in common: options, plans, loading, replaced weights, freezing, learning.
 */
#include "golden.h"
#include "mem.h"
#include "net_case.h"
#include "optim.h"
#include "params_file.h"

static NetOptions options_of(const char *name, int size, int n_classes)
{
    return (NetOptions){
        .name = name, .size = size, .channels = 3, .n_classes = n_classes, .seed = 1};
}

/* ---- every network ---- */

typedef struct {
    const char *name;
    int n_features;
    size_t n_learned; /* at 1000 classes */
} Row;

enum { LARGE = 50000000 }; /* not made here: initial values alone take seconds */

static const Row ROWS[] = {
    /* convolutions, their biases, norms, classifier */
    {"mnist-cnn", 128, 9 * (3 * 64 + 64 * 128 + 2 * 128 * 128) + 448 + 896 + 129000},
    /* stem, then two convolutions and a projection per block, norms, classifier */
    {"resnet-small", 128,
     9 * 3 * 32 + (9 * 2 + 1) * 32 * 32 + (9 * 3 + 1) * 32 * 64 + (9 * 3 + 1) * 64 * 128 + 64 +
         6 * (32 + 64 + 128) + 129000},
    /* stem; per stage: in to out, three times out to out, projection; biases; norms; classifier */
    {"wrn-16-2", 128,
     9 * 3 * 16 + 10 * 16 * 32 + 10 * 32 * 64 + 10 * 64 * 128 +
         27 * (32 * 32 + 64 * 64 + 128 * 128) + 16 + 5 * (32 + 64 + 128) +
         2 * (16 + 3 * 32 + 32 + 3 * 64 + 64 + 3 * 128 + 128) + 129000},
    /* as torchvision publishes them */
    {"resnet-18", 512, 11689512},
    {"resnet-50", 2048, 25557032},
    /* class token, positions, patches, blocks, norm, classifier */
    {"vit-mini-4", 96, 96 + 17 * 96 + 49 * 96 + 6 * (12 * 96 * 96 + 13 * 96) + 2 * 96 + 97000},
    /* as timm publishes them, but for the positions: here 4 patches, there 196 */
    {"vit-tiny-16", 192, 5717416 - 192 * 192},
    {"vit-small-16", 384, 22050664 - 192 * 384},
    {"vit-base-16", 768, 86567656 - 192 * 768},
    {"clip", 0, LARGE + 1}, /* whatever its model directory says: test_net_clip.c */
};

static size_t count_learned(const Params *p)
{
    size_t n = 0;
    for (int i = 0; i < params_count(p); i++) {
        if (!(params_get(p, i)->flags & PARAM_BUFFER)) n += params_get(p, i)->size;
    }
    return n;
}

static size_t peak_of_step(NetCase *c, unsigned mode)
{
    net_case_reset_tape(c);
    (void)net_case_loss(c, mode, NULL);
    return tape_cost(c->tape).peak_bytes;
}

/* The plan's peak is the real one, and evaluation keeps no activations. */
static void check_peaks(NetCase *c)
{
    const unsigned training = TAPE_TRAINING | TAPE_GRADIENTS;
    size_t evaluating = peak_of_step(c, 0), learning = peak_of_step(c, training);
    assert_int_equal(peak_of_step(c, TAPE_PLAN), evaluating);
    assert_int_equal(peak_of_step(c, TAPE_PLAN | training), learning);
    assert_true(evaluating < learning);
}

static void test_every_network_at_its_smallest_size(void **state)
{
    (void)state;
    int n;
    const NetInfo *infos = net_list(&n);
    assert_int_equal(n, sizeof ROWS / sizeof *ROWS);
    for (int i = 0; i < n; i++) {
        assert_string_equal(infos[i].name, ROWS[i].name);
        if (ROWS[i].n_learned > LARGE) continue;
        NetOptions o = options_of(infos[i].name, infos[i].smallest, 1000);
        NetCase *c = net_case_new(&o, 2);
        assert_int_equal(net_n_features(c->net), ROWS[i].n_features);
        assert_int_equal(count_learned(net_params(c->net)), ROWS[i].n_learned);
        assert_int_equal(params_trainable_size(net_params(c->net)), ROWS[i].n_learned);
        check_peaks(c);
        Tensor *z = net_case_logits(c, 0);
        assert_true(z->rank == 2 && z->dims[0] == 2 && z->dims[1] == 1000);
        for (int k = 0; k < 2000; k++) assert_true(isfinite(z->v[k]));
        net_case_free(c);
    }
}

static void test_options_that_no_network_takes(void **state)
{
    (void)state;
    Err err = {0};
    Net *net = NULL;
    NetOptions o = options_of("resnet-5O", 64, 3);
    assert_fails(net_new(&net, &o, &err), "did you mean \"resnet-50\"?");
    o.name = "transformer-xxl";
    assert_fails(net_new(&net, &o, &err), "network \"transformer-xxl\": unknown");
    o = options_of("wrn-16-2", 224, 3);
    assert_fails(net_new(&net, &o, &err), "images of 224 pixels, expected 32 to 64");
    o = options_of("vit-tiny-16", 100, 3);
    assert_fails(net_new(&net, &o, &err), "images of 100 pixels, expected a multiple of 16");
    o = options_of("wrn-16-2", 32, 3);
    o.channels = 4;
    assert_fails(net_new(&net, &o, &err), "images of 4 channels, expected 1 to 3");
    assert_null(net);
}

/* resnet-small at 16 pixels, one image, ten classes; multiply and add are two. */
static void test_plan_counts_flops_by_hand(void **state)
{
    (void)state;
    NetOptions o = options_of("resnet-small", 16, 10);
    NetCase *c = net_case_new(&o, 1);
    (void)net_case_logits(c, TAPE_PLAN | TAPE_TRAINING | TAPE_GRADIENTS);
    double stem = 2.0 * 256 * 32 * 27;
    double stage1 = 2.0 * 64 * 32 * (288 + 288 + 32);
    double stage2 = 2.0 * 16 * 64 * (288 + 576 + 32);
    double stage3 = 2.0 * 4 * 128 * (576 + 1152 + 64);
    double head = 2.0 * 128 * 10;
    double products = stem + stage1 + stage2 + stage3 + head;
    double normed = 256 * 32 + 3.0 * 64 * 32 + 3.0 * 16 * 64 + 3.0 * 4 * 128, pooled = 4 * 128;
    double rest = 8 * normed + pooled; /* ops count 8 per normalised element, 1 per pooled one */
    TapeCost cost = tape_cost(c->tape);
    assert_close(cost.forward_flops, products + rest, 1e-12, 0);
    /* Backward: each product twice, but no gradient of the images; the rest once. */
    assert_close(cost.backward_flops, 2 * products - stem + rest, 1e-12, 0);
    net_case_free(c);
}

/* ---- loading ---- */

static void test_load_with_another_classifier_and_channels(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions published = options_of("resnet-small", 32, 9), ours = published;
    ours.n_classes = 4;
    ours.channels = 2;
    ours.seed = 5;
    NetCase *from = net_case_new(&published, 1);
    Net *to;
    assert_ok(net_new(&to, &ours, &err));
    Params *p = net_params(to), *q = net_params(from->net);
    assert_ok(params_save(q, "test_net.tmp", &err));
    int fc = params_find(p, "fc.weight"), conv = params_find(p, "layer3.0.conv2.weight");
    Real head = params_values(p)[params_get(p, fc)->offset];
    assert_ok(net_load(to, "test_net.tmp", &err));
    assert_true(params_values(p)[params_get(p, fc)->offset] == head);
    const Param *a = params_get(p, conv), *b = params_get(q, conv);
    assert_memory_equal(params_values(p) + a->offset, params_values(q) + b->offset,
                        a->size * sizeof(Real));
    const Real *stem = params_values(p), *published_stem = params_values(q);
    assert_true(stem[0] == published_stem[0] && stem[1] == published_stem[1]);
    assert_true(stem[2] == published_stem[3]); /* next pixel: channel 2 is left out */
    net_free(to);
    net_case_free(from);
    (void)remove("test_net.tmp");
}

static void test_load_of_another_network_changes_nothing(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions small = options_of("resnet-small", 32, 4), digits = options_of("mnist-cnn", 32, 4);
    Net *a, *b;
    assert_ok(net_new(&a, &small, &err));
    assert_ok(net_new(&b, &digits, &err));
    assert_ok(params_save(net_params(a), "test_net.tmp", &err));
    Real first = params_values(net_params(b))[0];
    assert_fails(net_load(b, "test_net.tmp", &err), "test_net.tmp: does not fit the network");
    assert_true(params_values(net_params(b))[0] == first);
    net_free(a);
    net_free(b);
    (void)remove("test_net.tmp");
}

/* ---- replaced weights ---- */

typedef struct {
    Params *params; /* B [out,r], A [r,rest] */
    double scale;
} LowRank;

/* W0 + scale * B A, with W0 as the matrix [out, kh * kw * in]. */
static Tensor *low_rank_make(void *self, Params *params, Tape *t, int id)
{
    const LowRank *l = self;
    Tensor *w0 = params_tensor(params, t, id);
    Tensor *b = params_tensor(l->params, t, 0), *a = params_tensor(l->params, t, 1);
    Tensor *update = nn_affine(t, nn_matmul(t, b, a, false), l->scale, 0);
    return nn_add(t, w0, nn_reshape(t, update, w0->rank, w0->dims));
}

static LowRank make_low_rank(const Param *q, int rank)
{
    LowRank l = {.params = params_new(), .scale = 2};
    int rest = (int)(q->size / (size_t)q->dims[0]);
    params_add(l.params, &(ParamSpec){"B", 2, {q->dims[0], rank}, INIT_ZEROS, 0, 0});
    params_add(l.params, &(ParamSpec){"A", 2, {rank, rest}, INIT_LINEAR_WEIGHT, 0, 0});
    params_seal(l.params, 7);
    return l;
}

static double norm_of_gradient(Params *p, int id)
{
    const Param *q = params_get(p, id);
    double sum = 0;
    for (size_t i = q->offset; i < q->offset + q->size; i++) {
        sum += (double)params_gradients(p)[i] * (double)params_gradients(p)[i];
    }
    return sqrt(sum);
}

static void test_replaced_weight(void **state)
{
    (void)state;
    NetOptions o = options_of("resnet-small", 32, 4);
    NetCase *c = net_case_new(&o, 3);
    Params *p = net_params(c->net);
    int id = params_find(p, "layer2.0.conv1.weight");
    Real plain[12];
    memcpy(plain, net_case_logits(c, 0)->v, sizeof plain);
    LowRank l = make_low_rank(params_get(p, id), 3);
    weights_replace(net_weights(c->net), id, low_rank_make, &l);
    params_freeze(p, id, true);
    assert_memory_equal(net_case_logits(c, 0)->v, plain, sizeof plain); /* B = 0 */

    (void)net_case_step(c, NULL);
    assert_true(norm_of_gradient(l.params, 0) > 1e-3);
    assert_true(norm_of_gradient(l.params, 1) == 0); /* B = 0 */
    assert_true(norm_of_gradient(p, id) == 0);       /* frozen */
    for (size_t i = 0; i < params_get(l.params, 0)->size; i++) params_values(l.params)[i] = 0.1F;
    params_zero_gradients(l.params);
    (void)net_case_step(c, NULL);
    assert_true(norm_of_gradient(l.params, 1) > 1e-3);
    assert_true(memcmp(net_case_logits(c, 0)->v, plain, sizeof plain) != 0);

    weights_replace(net_weights(c->net), id, NULL, NULL);
    net_case_fill(p); /* the steps have moved the running statistics */
    assert_memory_equal(net_case_logits(c, 0)->v, plain, sizeof plain);
    params_free(l.params);
    net_case_free(c);
}

/* ---- freezing, dropout ---- */

static void test_frozen_batch_norm_keeps_statistics(void **state)
{
    (void)state;
    NetOptions o = options_of("resnet-small", 32, 4);
    NetCase *c = net_case_new(&o, 3);
    Params *p = net_params(c->net);
    Real eval[12];
    memcpy(eval, net_case_logits(c, 0)->v, sizeof eval);
    net_freeze_batch_norm(c->net, true);
    const Param *mean = params_get(p, params_find(p, "bn1.running_mean"));
    Real before = params_values(p)[mean->offset];
    Real logits[12];
    (void)net_case_step(c, logits);
    for (int i = 0; i < 12; i++) assert_close(logits[i], eval[i], 1e-5, 1e-6);
    assert_true(params_values(p)[mean->offset] == before);
    assert_true(norm_of_gradient(p, params_find(p, "bn1.weight")) > 0);
    net_freeze_batch_norm(c->net, false);
    (void)net_case_step(c, NULL);
    assert_true(params_values(p)[mean->offset] != before);
    net_case_free(c);
}

static void test_dropout_only_in_training(void **state)
{
    (void)state;
    NetOptions o = options_of("mnist-cnn", 16, 4);
    NetCase *plain = net_case_new(&o, 2);
    o.dropout = 0.5;
    NetCase *dropping = net_case_new(&o, 2);
    Real logits[8];
    memcpy(logits, net_case_logits(plain, 0)->v, sizeof logits);
    assert_memory_equal(net_case_logits(dropping, 0)->v, logits, sizeof logits);
    memcpy(logits, net_case_logits(plain, TAPE_TRAINING)->v, sizeof logits);
    assert_true(memcmp(net_case_logits(dropping, TAPE_TRAINING)->v, logits, sizeof logits) != 0);
    net_case_free(plain);
    net_case_free(dropping);
}

/* ---- learning ---- */

/* One batch of noise, learned by heart. */
static double loss_after_fitting(const char *name, int size, int steps)
{
    Err err = {0};
    NetOptions o = options_of(name, size, 4);
    NetCase *c = net_case_new(&o, 6);
    Net *fresh; /* with the initial values that training really starts from */
    assert_ok(net_new(&fresh, &o, &err));
    net_free(c->net);
    c->net = fresh;
    OptimOptions adam = {.kind = OPTIM_ADAM, .lr = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    Optimizer *optimizer = optim_new(&adam, net_params(c->net));
    double loss = 0;
    for (int i = 0; i < steps; i++) {
        loss = net_case_step(c, NULL);
        optim_step(optimizer, net_params(c->net), NULL);
    }
    fprintf(stderr, "# %s: loss %.2g after %d steps\n", name, loss, steps);
    optim_free(optimizer);
    net_case_free(c);
    return loss;
}

static void test_small_networks_fit_one_batch(void **state)
{
    (void)state;
    assert_true(loss_after_fitting("mnist-cnn", 16, 40) < 0.02);
    assert_true(loss_after_fitting("resnet-small", 16, 20) < 0.02);
    assert_true(loss_after_fitting("wrn-16-2", 32, 15) < 0.02);
    assert_true(loss_after_fitting("vit-mini-4", 16, 40) < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_network_at_its_smallest_size),
        cmocka_unit_test(test_options_that_no_network_takes),
        cmocka_unit_test(test_plan_counts_flops_by_hand),
        cmocka_unit_test(test_load_with_another_classifier_and_channels),
        cmocka_unit_test(test_load_of_another_network_changes_nothing),
        cmocka_unit_test(test_replaced_weight),
        cmocka_unit_test(test_frozen_batch_norm_keeps_statistics),
        cmocka_unit_test(test_dropout_only_in_training),
        cmocka_unit_test(test_small_networks_fit_one_batch),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
