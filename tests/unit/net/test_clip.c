/* CLIP: initial values, texts of different lengths, towers of other networks. Values of the towers:
 * test_clip_parity.c; files: test_clip_files.c. */
#include "clip.h"
#include "golden.h"
#include "mem.h"
#include "net_case.h"
#include "params_file.h"

static const ClipConfig TINY = {
    .embed_dim = 8, .image = {"vit", 12, 3, 4, 16, 2, 2, 0}, .text = {6, 13, 8, 2, 2, 2}};

static const Param *param(Clip *clip, const char *name)
{
    int id = params_find(clip_params(clip), name);
    if (id < 0) fail_msg("no parameter \"%s\"", name);
    return params_get(clip_params(clip), id);
}

static Real *values_of(Clip *clip, const char *name)
{
    return params_values(clip_params(clip)) + param(clip, name)->offset;
}

/* ---- initial values ---- */

static double deviation(Clip *clip, const char *name)
{
    const Param *q = param(clip, name);
    const Real *v = values_of(clip, name);
    double sum = 0;
    for (size_t i = 0; i < q->size; i++) sum += (double)v[i] * (double)v[i];
    return sqrt(sum / (double)q->size);
}

static void assert_deviation(Clip *clip, const char *name, double want)
{
    double got = deviation(clip, name);
    if (!test_is_close(got, want, 0.04, 0)) fail_msg("%s: %g, expected %g", name, got, want);
}

/* Uniform numbers in [-b,b) have the deviation b / sqrt(3). */
static void test_initial_values_as_open_clip(void **state)
{
    (void)state;
    ClipConfig config = {
        .embed_dim = 96, .image = {"vit", 32, 3, 4, 128, 3, 4, 4}, .text = {40, 600, 80, 5, 4, 4}};
    Clip *clip = clip_new(&config, 1);
    assert_deviation(clip, "token_embedding.weight", 0.02);
    assert_deviation(clip, "positional_embedding", 0.01);
    assert_deviation(clip, "text_projection", 1 / sqrt(80));
    assert_deviation(clip, "transformer.resblocks.4.attn.in_proj_weight", 1 / sqrt(80));
    assert_deviation(clip, "transformer.resblocks.0.attn.out_proj.weight",
                     1 / sqrt(80) / sqrt(2 * 5));
    assert_deviation(clip, "transformer.resblocks.0.mlp.c_fc.weight", 1 / sqrt(2 * 80));
    assert_deviation(clip, "transformer.resblocks.3.mlp.c_proj.weight", 1 / sqrt(80) / sqrt(10));
    assert_deviation(clip, "visual.positional_embedding", 1 / sqrt(128));
    assert_deviation(clip, "visual.proj", 1 / sqrt(128));
    assert_deviation(clip, "visual.conv1.weight", 1 / sqrt(48) / sqrt(3));
    assert_deviation(clip, "visual.transformer.resblocks.2.attn.in_proj_weight",
                     sqrt(6.0 / (4 * 128)) / sqrt(3));
    assert_deviation(clip, "visual.transformer.resblocks.2.attn.out_proj.weight",
                     1 / sqrt(128) / sqrt(3));
    assert_deviation(clip, "visual.transformer.resblocks.0.mlp.c_fc.weight",
                     1 / sqrt(128) / sqrt(3));
    assert_deviation(clip, "visual.transformer.resblocks.0.mlp.c_proj.weight",
                     1 / sqrt(512) / sqrt(3));
    assert_true(deviation(clip, "visual.transformer.resblocks.0.attn.in_proj_bias") == 0);
    assert_true(deviation(clip, "transformer.resblocks.0.attn.out_proj.bias") == 0);
    assert_close(deviation(clip, "transformer.resblocks.0.mlp.c_fc.bias"), 1 / sqrt(80) / sqrt(3),
                 0.15, 0);
    assert_true(deviation(clip, "visual.ln_pre.weight") == 1);
    assert_close(values_of(clip, "logit_scale")[0], 2.6592600, 1e-6, 0);
    clip_free(clip);
}

/* ---- towers ---- */

static Tensor *encode_images(Clip *clip, Tape *t, const Real *x, int n)
{
    const ClipImageConfig *c = &clip_config(clip)->image;
    return clip_encode_images(clip, t,
                              tape_input(t, x, 4, (int[]){n, c->size, c->size, c->channels}));
}

/* What follows the end of a text does not matter, nor which texts come along with it. */
static void test_a_text_alone_is_as_in_company(void **state)
{
    (void)state;
    Clip *clip = clip_new(&TINY, 3);
    Tape *t = tape_new(&(TapeOptions){.seed = 1});
    const int tokens[] = {3, 12, 0, 0,  0, 0, /* end: 12 */
                          1, 5,  7, 12, 0, 0, /**/
                          2, 4,  6, 8,  9, 12};
    Real together[3 * 8];
    tape_begin(t, 0, 0);
    memcpy(together, clip_encode_texts(clip, t, tokens, 3)->v, sizeof together);
    for (int i = 0; i < 3; i++) {
        int other[6];
        memcpy(other, tokens + (size_t)i * 6, sizeof other);
        for (int k = 0; k < 6; k++) other[k] = other[k] == 0 ? 11 : other[k];
        tape_begin(t, 0, 1);
        Tensor *alone = clip_encode_texts(clip, t, other, 1);
        golden_compare("alone", alone->v, together + (size_t)i * 8, 8, 1e-5, 1e-3);
    }
    tape_free(t);
    clip_free(clip);
}

/* Gradients when all texts of a batch are shorter than the context: positions and tokens that do
 * not occur get none. */
static void test_short_texts_leave_later_positions_alone(void **state)
{
    (void)state;
    Clip *clip = clip_new(&TINY, 3);
    Tape *t = tape_new(&(TapeOptions){.seed = 1});
    const int tokens[] = {3, 12, 0, 0, 0, 0, 3, 5, 12, 0, 0, 0};
    tape_begin(t, TAPE_TRAINING | TAPE_GRADIENTS, 0);
    tape_backward(t, nn_sum(t, nn_square(t, clip_encode_texts(clip, t, tokens, 2))));
    const Real *positions =
        params_gradients(clip_params(clip)) + param(clip, "positional_embedding")->offset;
    const Real *table =
        params_gradients(clip_params(clip)) + param(clip, "token_embedding.weight")->offset;
    for (int i = 0; i < 6; i++) assert_true((positions[(size_t)i * 8] != 0) == (i < 3));
    for (int i = 0; i < 13; i++) {
        assert_true((table[(size_t)i * 8] != 0) == (i == 3 || i == 5 || i == 12));
    }
    tape_free(t);
    clip_free(clip);
}

static void test_a_plan_takes_texts_as_full(void **state)
{
    (void)state;
    Clip *clip = clip_new(&TINY, 3);
    Tape *t = tape_new(&(TapeOptions){.seed = 1});
    tape_begin(t, TAPE_PLAN, 0);
    (void)clip_encode_texts(clip, t, NULL, 4);
    double planned = tape_cost(t).forward_flops;
    int tokens[4 * 6] = {0};
    for (int i = 0; i < 4; i++) tokens[i * 6 + 5] = 12;
    tape_begin(t, 0, 0);
    (void)clip_encode_texts(clip, t, tokens, 4);
    assert_true(planned > 0 && tape_cost(t).forward_flops == planned);
    tape_free(t);
    clip_free(clip);
}

/* The image tower of another kind is that network's features times the projection. */
static void test_network_of_ours_as_image_tower(void **state)
{
    (void)state;
    Err err = {0};
    ClipConfig config = TINY;
    config.image = (ClipImageConfig){.kind = "resnet-small", .size = 32, .channels = 3};
    Clip *clip = clip_new(&config, 4);
    NetOptions options = {.name = "resnet-small", .size = 32, .channels = 3, .n_classes = 2};
    Net *net = NULL;
    assert_ok(net_new(&net, &options, &err));
    assert_ok(params_save(clip_params(clip), "test_clip.weights.tmp", &err));
    SafeTensors *f = NULL;
    assert_ok(safetensors_open(&f, "test_clip.weights.tmp", &err));
    ParamsLoad load = {.prefix = "visual.", .allow_missing_head = true, .allow_unexpected = true};
    assert_ok(params_load(net_params(net), f, &load, &err));
    safetensors_close(f);
    (void)remove("test_clip.weights.tmp");
    Tape *t = tape_new(&(TapeOptions){.seed = 1});
    Real *x = net_case_images(2, 32, 3), got[16];
    tape_begin(t, 0, 0);
    memcpy(got, encode_images(clip, t, x, 2)->v, sizeof got);
    tape_begin(t, 0, 0);
    Tensor *features = net_features(net, t, tape_input(t, x, 4, (int[]){2, 32, 32, 3}));
    assert_int_equal(features->dims[1], param(clip, "visual.proj")->dims[0]);
    Tensor *proj = tape_input(t, values_of(clip, "visual.proj"), 2, (int[]){128, 8});
    golden_compare("embeddings", got, nn_matmul(t, features, proj, false)->v, 16, 1e-6, 1e-3);
    free(x);
    tape_free(t);
    net_free(net);
    clip_free(clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_values_as_open_clip),
        cmocka_unit_test(test_a_text_alone_is_as_in_company),
        cmocka_unit_test(test_short_texts_leave_later_positions_alone),
        cmocka_unit_test(test_a_plan_takes_texts_as_full),
        cmocka_unit_test(test_network_of_ours_as_image_tower),
    };
    return cmocka_run_group_tests_name("clip", tests, NULL, NULL);
}
