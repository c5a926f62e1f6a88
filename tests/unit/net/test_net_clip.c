/* The image tower of a model directory as a network: the same features as the CLIP's, values from
 * the file or random, classifiers of class prompts, what learns and what that costs. */
#include "clip.h"
#include "file.h"
#include "mem.h"
#include "net.h"
#include "params_file.h"
#include "test.h"

#include <unistd.h>

static const char FOLDER[] = "test_net_clip.tmp", WEIGHTS[] = "test_net_clip.tmp/model.safetensors";

static const ClipConfig VIT = {
    .embed_dim = 8, .image = {"vit", 12, 3, 4, 16, 2, 2, 0}, .text = {6, 13, 8, 2, 2, 2}};
static const ClipConfig RESNET = {.embed_dim = 8,
                                  .image = {.kind = "resnet-small", .size = 16, .channels = 3},
                                  .text = {6, 13, 8, 2, 2, 2}};

enum { BATCH = 3, CLASSES = 4, DIM = 8 };

typedef struct {
    Clip *clip;
    ModelDir *dir;
    Net *net;
    Tape *tape, *other; /* the CLIP's results stay while the network is asked */
    Real *x;
} Fixture;

static int setup(void **state)
{
    Fixture *f = *state = test_calloc(1, sizeof *f);
    f->tape = tape_new(&(TapeOptions){0});
    f->other = tape_new(&(TapeOptions){0});
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    net_free(f->net);
    clip_free(f->clip);
    model_dir_close(f->dir);
    tape_free(f->tape);
    tape_free(f->other);
    free(f->x);
    test_free(f);
    (void)remove(WEIGHTS);
    (void)remove("test_net_clip.tmp/config.json");
    (void)remove("test_net_clip.tmp/saved.safetensors");
    (void)rmdir(FOLDER);
    return 0;
}

static void write_config(const ClipConfig *config)
{
    Err err = {0};
    ModelPreprocessing p = model_preprocessing_clip(config->image.size);
    assert_ok(model_dir_write_config(FOLDER, config, &p, &err));
}

/* A model directory of this kind, and images for it. */
static void make_model(Fixture *f, const ClipConfig *config)
{
    Err err = {0};
    f->clip = clip_new(config, 3);
    write_config(config);
    assert_ok(clip_save(f->clip, FOLDER, false, &err));
    assert_ok(model_dir_open(&f->dir, FOLDER, &err));
    size_t n = (size_t)BATCH * (size_t)config->image.size * (size_t)config->image.size * 3;
    f->x = mem_alloc(n, sizeof *f->x);
    for (size_t i = 0; i < n; i++) f->x[i] = (Real)sin(0.37 * (double)i);
}

static void forget_net(Fixture *f)
{
    net_free(f->net);
    f->net = NULL;
}

static NetOptions options_of(const Fixture *f)
{
    const ClipImageConfig *image = &model_dir_config(f->dir)->image;
    return (NetOptions){.name = "clip",
                        .size = image->size,
                        .channels = image->channels,
                        .n_classes = CLASSES,
                        .seed = 1,
                        .model = f->dir};
}

static Tensor *images(const Fixture *f, Tape *t, int size, int channels)
{
    return tape_input(t, f->x, 4, (int[]){BATCH, size, size, channels});
}

static const Tensor *features(Fixture *f)
{
    const NetOptions *o = net_options(f->net);
    tape_begin(f->tape, 0, 0);
    return net_features(f->net, f->tape, images(f, f->tape, o->size, o->channels));
}

static const Tensor *embeddings(Fixture *f)
{
    tape_begin(f->other, 0, 0);
    int size = clip_config(f->clip)->image.size;
    return clip_encode_images(f->clip, f->other, images(f, f->other, size, 3));
}

static const Param *param(const Fixture *f, const char *name)
{
    return params_get(net_params(f->net), params_find(net_params(f->net), name));
}

static Real *values(const Fixture *f, const char *name)
{
    return params_values(net_params(f->net)) + param(f, name)->offset;
}

/* ---- values ---- */

static void check_same_features(Fixture *f, const ClipConfig *config)
{
    Err err = {0};
    make_model(f, config);
    NetOptions o = options_of(f);
    assert_ok(net_new(&f->net, &o, &err));
    assert_int_equal(net_n_features(f->net), DIM);
    const Tensor *got = features(f), *want = embeddings(f);
    for (int i = 0; i < BATCH * DIM; i++) assert_true(got->v[i] == want->v[i]);
    assert_true(params_find(net_params(f->net), "token_embedding.weight") < 0);
}

static void test_features_are_the_embeddings_of_the_vit(void **state)
{
    check_same_features(*state, &VIT);
}

static void test_features_are_the_embeddings_of_the_resnet(void **state)
{
    check_same_features(*state, &RESNET);
}

static void test_from_scratch_takes_no_value_of_the_file(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &VIT);
    NetOptions o = options_of(f);
    o.from_scratch = true;
    assert_ok(net_new(&f->net, &o, &err));
    size_t n = params_size(net_params(f->net));
    Real *first = mem_alloc(n, sizeof *first);
    memcpy(first, params_values(net_params(f->net)), n * sizeof *first);
    int id = params_find(clip_params(f->clip), "visual.conv1.weight");
    const Param *file = params_get(clip_params(f->clip), id);
    const Real *theirs = params_values(clip_params(f->clip)) + file->offset;
    const Real *ours = values(f, "visual.conv1.weight");
    for (size_t i = 0; i < file->size; i++) assert_true(theirs[i] != ours[i]);
    forget_net(f);
    (void)remove(WEIGHTS); /* nor reads it */
    assert_ok(net_new(&f->net, &o, &err));
    assert_memory_equal(first, params_values(net_params(f->net)), n * sizeof *first);
    free(first);
}

/* The classifier of a loaded tower is drawn as that of a random one. */
static void test_random_classifier_follows_the_seed(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &VIT);
    NetOptions o = options_of(f);
    Real heads[2][CLASSES * DIM];
    for (int scratch = 0; scratch < 2; scratch++) {
        o.from_scratch = scratch;
        assert_ok(net_new(&f->net, &o, &err));
        memcpy(heads[scratch], values(f, "head.weight"), sizeof heads[0]);
        forget_net(f);
    }
    assert_memory_equal(heads[0], heads[1], sizeof heads[0]);
    assert_true(heads[0][0] != 0);
}

static void test_other_sizes_and_channels(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &VIT);
    NetOptions o = options_of(f);
    o.size = 8;
    o.channels = 1;
    assert_ok(net_new(&f->net, &o, &err));
    assert_int_equal(param(f, "visual.positional_embedding")->dims[0], 1 + 2 * 2);
    assert_int_equal(param(f, "visual.conv1.weight")->dims[3], 1);
    for (int i = 0; i < BATCH * DIM; i++) assert_true(isfinite(features(f)->v[i]));
    forget_net(f);
    o.size = 10;
    assert_fails(net_new(&f->net, &o, &err),
                 "test_net_clip.tmp: images of 10 pixels in patches of 4, expected a multiple");
}

static void test_trained_weights_are_loaded_again(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &RESNET);
    NetOptions o = options_of(f);
    o.from_scratch = true;
    assert_ok(net_new(&f->net, &o, &err));
    assert_ok(params_save(net_params(f->net), "test_net_clip.tmp/saved.safetensors", &err));
    Real kept[BATCH * DIM];
    memcpy(kept, features(f)->v, sizeof kept);
    forget_net(f);
    o.from_scratch = false;
    assert_ok(net_new(&f->net, &o, &err));
    assert_memory_not_equal(features(f)->v, kept, sizeof kept);
    assert_ok(net_load(f->net, "test_net_clip.tmp/saved.safetensors", &err));
    assert_memory_equal(features(f)->v, kept, sizeof kept);
}

/* ---- classifiers ---- */

/* Of image i and the axis of prompt k, 2 k. */
static double cosine(const Tensor *e, int i, int k)
{
    double square = 0;
    for (int j = 0; j < DIM; j++) square += (double)e->v[i * DIM + j] * (double)e->v[i * DIM + j];
    return (double)e->v[i * DIM + 2 * k] / sqrt(square);
}

/* Cosines times 10, bias 0: the same for features of any length. */
static void test_classifier_of_prompts(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    float rows[CLASSES * DIM] = {0};
    for (int k = 0; k < CLASSES; k++) rows[k * DIM + 2 * k] = 10;
    make_model(f, &VIT);
    NetOptions o = options_of(f);
    o.classifier = rows;
    o.normalise = true;
    assert_ok(net_new(&f->net, &o, &err));
    const Tensor *e = embeddings(f);
    tape_begin(f->tape, 0, 0);
    const Tensor *z =
        net_classify(f->net, f->tape, net_features(f->net, f->tape, images(f, f->tape, 12, 3)));
    for (int i = 0; i < BATCH; i++)
        for (int k = 0; k < CLASSES; k++)
            assert_close(z->v[i * CLASSES + k], 10 * cosine(e, i, k), 1e-5, 1e-6);
    for (int k = 0; k < CLASSES; k++) assert_true(values(f, "head.bias")[k] == 0);
}

/* ---- what learns ---- */

static TapeCost cost_of_step(Fixture *f)
{
    static const int y[BATCH] = {0, 1, 2};
    int size = net_options(f->net)->size;
    tape_begin(f->tape, TAPE_TRAINING | TAPE_GRADIENTS, 0);
    Tensor *z =
        net_classify(f->net, f->tape, net_features(f->net, f->tape, images(f, f->tape, size, 3)));
    tape_backward(f->tape, nn_cross_entropy(f->tape, z, y, NULL));
    return tape_cost(f->tape);
}

static size_t peak_of_steps(Fixture *f, NetTrainable which)
{
    Err err = {0};
    assert_ok(net_set_trainable(f->net, which, &err));
    tape_free(f->tape);
    f->tape = tape_new(&(TapeOptions){0});
    return cost_of_step(f).peak_bytes;
}

static void test_activations_of_frozen_towers_are_not_kept(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    ClipConfig deep = VIT;
    deep.image.size = 32;
    deep.image.depth = 12;
    make_model(f, &deep);
    NetOptions o = options_of(f);
    assert_ok(net_new(&f->net, &o, &err));
    size_t learning = peak_of_steps(f, NET_TRAIN_ALL), frozen = peak_of_steps(f, NET_TRAIN_HEAD);
    tape_free(f->tape);
    f->tape = tape_new(&(TapeOptions){0});
    (void)features(f);
    size_t evaluating = tape_cost(f->tape).peak_bytes;
    enum { LOSS_BYTES = 4096 };
    if (frozen > evaluating + LOSS_BYTES || 2 * frozen > learning)
        fail_msg("%zu bytes, evaluating %zu, learning %zu", frozen, evaluating, learning);
}

static void test_frozen_towers_are_not_differentiated(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &VIT);
    NetOptions o = options_of(f);
    assert_ok(net_new(&f->net, &o, &err));
    double all = cost_of_step(f).backward_flops;
    assert_ok(net_set_trainable(f->net, NET_TRAIN_ATTENTION, &err));
    assert_false(param(f, "visual.transformer.resblocks.0.attn.in_proj_weight")->frozen);
    assert_true(param(f, "visual.transformer.resblocks.0.mlp.c_fc.weight")->frozen);
    double attention = cost_of_step(f).backward_flops;
    assert_ok(net_set_trainable(f->net, NET_TRAIN_HEAD, &err));
    assert_int_equal(params_trainable_size(net_params(f->net)), CLASSES * DIM + CLASSES);
    params_zero_gradients(net_params(f->net)); /* of the step with all of it */
    double head = cost_of_step(f).backward_flops;
    assert_true(head < attention && attention < all);
    assert_true(head <= 2 * BATCH * CLASSES * DIM + 64 * BATCH * CLASSES); /* weight, softmax */
    const Real *gradients = params_gradients(net_params(f->net));
    size_t n_touched = 0;
    for (size_t i = 0; i < params_size(net_params(f->net)); i++) n_touched += gradients[i] != 0;
    assert_int_equal(n_touched, CLASSES * DIM + CLASSES);
    assert_ok(net_set_trainable(f->net, NET_TRAIN_NONE, &err));
    assert_int_equal(params_trainable_size(net_params(f->net)), 0);
    assert_true(cost_of_step(f).backward_flops == 0);
}

static void test_towers_with_and_without_statistics(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    make_model(f, &RESNET);
    NetOptions o = options_of(f);
    assert_ok(net_new(&f->net, &o, &err));
    assert_true(net_batch_norm_moves(f->net));
    size_t n = params_size(net_params(f->net));
    Real *before = mem_alloc(n, sizeof *before);
    memcpy(before, params_values(net_params(f->net)), n * sizeof *before);
    net_freeze_batch_norm(f->net, true);
    (void)cost_of_step(f);
    assert_memory_equal(before, params_values(net_params(f->net)), n * sizeof *before);
    net_freeze_batch_norm(f->net, false);
    (void)cost_of_step(f);
    assert_memory_not_equal(before, params_values(net_params(f->net)), n * sizeof *before);
    free(before);
    assert_fails(net_set_trainable(f->net, NET_TRAIN_ATTENTION, &err), "network \"clip\" has none");
}

/* ---- what is refused ---- */

/* The directory says this of the same file. */
static void configure(Fixture *f, ClipConfig *config, int depth)
{
    Err err = {0};
    model_dir_close(f->dir);
    f->dir = NULL;
    config->image.depth = depth;
    write_config(config);
    assert_ok(model_dir_open(&f->dir, FOLDER, &err));
}

static void test_refusals(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    ClipConfig other = VIT;
    NetOptions o = {.name = "clip", .size = 12, .channels = 3, .n_classes = 2};
    assert_fails(net_new(&f->net, &o, &err),
                 "network \"clip\": found no net.model, expected a model directory");
    make_model(f, &VIT);
    configure(f, &other, 1); /* the file has a block more */
    o = options_of(f);
    assert_fails(net_new(&f->net, &o, &err), "unexpected (visual.transformer.resblocks.1");
    configure(f, &other, 3);
    o = options_of(f);
    assert_fails(net_new(&f->net, &o, &err), "tensors missing (visual.transformer.resblocks.2");
    assert_null(f->net);
    other.image.kind = "clip"; /* a tower is no tower of a tower */
    assert_fails(clip_config_check(&other, "place", &err), "place: network \"clip\"");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_features_are_the_embeddings_of_the_vit),
        TEST(test_features_are_the_embeddings_of_the_resnet),
        TEST(test_from_scratch_takes_no_value_of_the_file),
        TEST(test_random_classifier_follows_the_seed),
        TEST(test_other_sizes_and_channels),
        TEST(test_trained_weights_are_loaded_again),
        TEST(test_classifier_of_prompts),
        TEST(test_activations_of_frozen_towers_are_not_kept),
        TEST(test_frozen_towers_are_not_differentiated),
        TEST(test_towers_with_and_without_statistics),
        TEST(test_refusals),
    };
    return cmocka_run_group_tests_name("net-clip-tower", tests, NULL, NULL);
}
