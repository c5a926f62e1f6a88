/* CLIP: initial values, files of every kind, towers of other networks. Values of the towers:
 * test_clip_parity.c. */
#include "clip.h"
#include "file.h"
#include "golden.h"
#include "mem.h"
#include "net_case.h"
#include "net_family.h"
#include "params_file.h"
#include "positions.h"

#include <unistd.h>

static const char FOLDER[] = "test_clip.tmp", WEIGHTS[] = "test_clip.tmp/model.safetensors";

static const ClipConfig TINY = {
    .embed_dim = 8, .image = {"vit", 12, 3, 4, 16, 2, 2, 0}, .text = {6, 13, 8, 2, 2, 2}};

static int teardown(void **state)
{
    (void)state;
    (void)remove(WEIGHTS);
    (void)remove("test_clip.tmp/config.json");
    (void)rmdir(FOLDER);
    return 0;
}

static void write_config(const ClipConfig *config)
{
    Err err = {0};
    ModelPreprocessing p = model_preprocessing_clip(config->image.size);
    assert_ok(model_dir_write_config(FOLDER, config, &p, &err));
}

/* Saves clip with its configuration. */
static void write_dir(Clip *clip, bool bf16)
{
    Err err = {0};
    write_config(clip_config(clip));
    assert_ok(clip_save(clip, FOLDER, bf16, &err));
}

/* Opens the folder with this image size, or its own (0). False: err says why. */
static bool open_dir(Clip **out, int size, Err *err)
{
    ModelDir *dir;
    if (!model_dir_open(&dir, FOLDER, err)) return false;
    bool ok = (size == 0 || model_dir_set_image_size(dir, size, err)) && clip_open(out, dir, err);
    model_dir_close(dir);
    return ok;
}

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

static void assert_same_values(Clip *a, Clip *b)
{
    size_t n = params_size(clip_params(a));
    assert_int_equal(params_size(clip_params(b)), n);
    assert_memory_equal(params_values(clip_params(a)), params_values(clip_params(b)),
                        n * sizeof(Real));
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
    write_dir(clip, false);
    Clip *other = NULL;
    assert_ok(open_dir(&other, 0, &err));
    assert_same_values(clip, other);
    clip_free(other);
    free(x);
    tape_free(t);
    net_free(net);
    clip_free(clip);
}

/* ---- files ---- */

static void test_saved_in_floats_and_opened_again(void **state)
{
    (void)state;
    Err err = {0};
    Clip *clip = clip_new(&TINY, 3), *other = NULL;
    write_dir(clip, false);
    assert_ok(open_dir(&other, 0, &err));
    assert_same_values(clip, other);
    SafeTensors *f = NULL;
    assert_ok(safetensors_open(&f, WEIGHTS, &err));
    assert_int_equal(safetensors_count(f), params_count(clip_params(clip)));
    assert_int_equal(safetensors_find(f, "logit_scale")->rank, 0);
    const SafeTensor *s = safetensors_find(f, "visual.conv1.weight");
    assert_true(s->dims[0] == 16 && s->dims[1] == 3 && s->dims[2] == 4);
    safetensors_close(f);
    clip_free(other);
    clip_free(clip);
}

/* Half the size, and each value within half a unit of the eighth bit. */
static void test_saved_in_bf16(void **state)
{
    (void)state;
    Err err = {0};
    Clip *clip = clip_new(&TINY, 3), *other = NULL, *again = NULL;
    write_dir(clip, false);
    int64_t size = file_size(WEIGHTS);
    write_dir(clip, true);
    int64_t header = 30 * 1024 / 4;
    assert_true(file_size(WEIGHTS) < size / 2 + header);
    assert_ok(open_dir(&other, 0, &err));
    size_t n = params_size(clip_params(clip));
    const Real *a = params_values(clip_params(clip)), *b = params_values(clip_params(other));
    for (size_t i = 0; i < n; i++) assert_close(b[i], a[i], 1.0 / 256, 0);
    assert_ok(clip_save(other, FOLDER, true, &err));
    assert_ok(open_dir(&again, 0, &err));
    assert_same_values(other, again);
    clip_free(again);
    clip_free(other);
    clip_free(clip);
}

static void test_another_image_size_interpolates_positions(void **state)
{
    (void)state;
    Err err = {0};
    Clip *clip = clip_new(&TINY, 3), *larger = NULL;
    write_dir(clip, false);
    assert_ok(open_dir(&larger, 20, &err));
    assert_int_equal(param(larger, "visual.positional_embedding")->dims[0], 26);
    const Real *from = values_of(clip, "visual.positional_embedding");
    const Real *to = values_of(larger, "visual.positional_embedding");
    Real want[25 * 16];
    positions_resize(want, 5, from + 16, 3, 16);
    assert_memory_equal(to, from, 16 * sizeof *to);
    assert_memory_equal(to + 16, want, sizeof want);
    Tape *t = tape_new(&(TapeOptions){.seed = 1});
    Real *x = net_case_images(1, 20, 3);
    tape_begin(t, 0, 0);
    assert_int_equal(encode_images(larger, t, x, 1)->dims[1], 8);
    free(x);
    tape_free(t);
    clip_free(larger);
    clip_free(clip);
}

/* ---- files that are refused ---- */

static void assert_refused(const char *message)
{
    Err err = {0};
    Clip *clip = NULL;
    assert_fails(open_dir(&clip, 0, &err), message);
    assert_null(clip);
    assert_null(strchr(err.text, '\n'));
}

static void test_weights_of_another_model(void **state)
{
    (void)state;
    ClipConfig wider = TINY, deeper = TINY;
    wider.text.vocabulary = 14;
    deeper.image.depth = 3;
    Clip *clip = clip_new(&TINY, 3);
    write_dir(clip, false);
    write_config(&wider);
    assert_refused("test_clip.tmp/model.safetensors: does not fit the network: 1 of another shape "
                   "(token_embedding.weight [13,8], expected [14,8])");
    write_config(&deeper);
    assert_refused("12 tensors missing (visual.transformer.resblocks.2.ln_1.weight, "
                   "visual.transformer.resblocks.2.ln_1.bias, ");
    deeper.image.depth = 1;
    write_config(&deeper);
    assert_refused("12 unexpected (visual.transformer.resblocks.1.");
    clip_free(clip);
}

/* A configuration of terabytes over small weights says so, and allocates nothing of the kind. */
static void test_a_configuration_that_lies(void **state)
{
    (void)state;
    ClipConfig huge = {.embed_dim = 8192,
                       .image = {"vit", 1024, 3, 16, 8192, 128, 128, 16},
                       .text = {4096, 1 << 20, 8192, 128, 128, 16}};
    Clip *clip = clip_new(&TINY, 3);
    write_dir(clip, false);
    write_config(&huge);
    assert_refused("of another shape (");
    clip_free(clip);
}

static void test_nan_and_infinity(void **state)
{
    (void)state;
    Clip *clip = clip_new(&TINY, 3);
    values_of(clip, "visual.proj")[3] = (Real)NAN;
    values_of(clip, "ln_final.bias")[7] = -(Real)INFINITY;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        write_dir(clip, bf16);
        assert_refused("2 with NaN or infinity (ln_final.bias, visual.proj)");
    }
    clip_free(clip);
}

static void write_bytes(const char *bytes, size_t n)
{
    Err err = {0};
    assert_ok(file_write_atomic(WEIGHTS, bytes, n, &err));
}

/* Cut at every length up to the header's end and here and there in the data. */
static void test_truncated_weights(void **state)
{
    (void)state;
    Err err = {0};
    Clip *clip = clip_new(&TINY, 3);
    char *bytes = NULL;
    size_t n;
    write_dir(clip, true);
    assert_ok(file_read(&bytes, &n, WEIGHTS, 1 << 20, &err));
    for (size_t length = 0; length < n; length += length < 64 ? 1 : 1013) {
        write_bytes(bytes, length);
        assert_refused("test_clip.tmp/model.safetensors: ");
    }
    memset(bytes, 0, 8);
    bytes[3] = (char)0x80; /* 2 GiB */
    write_bytes(bytes, n);
    assert_refused("header of 2147483648 bytes announced");
    free(bytes);
    clip_free(clip);
}

/* The golden files with one thing changed. */
static void test_hugging_faces_tensors_are_named_as_there(void **state)
{
    (void)state;
    Err err = {0};
    char path[1024], *config = NULL, *weights = NULL;
    size_t n;
    assert_ok(file_make_dirs(FOLDER, &err));
    golden_path(path, "clip/hugging-face/config.json");
    assert_ok(file_read(&config, NULL, path, 1 << 20, &err));
    assert_ok(file_write_atomic("test_clip.tmp/config.json", config, strlen(config), &err));
    golden_path(path, "clip/hugging-face/model.safetensors");
    assert_ok(file_read(&weights, &n, path, 1 << 20, &err));
    char *name = NULL;
    const char *key = "text_model.encoder.layers.1.self_attn.k_proj.bias";
    for (size_t i = 0; name == NULL && i + strlen(key) < n; i++) {
        if (memcmp(weights + i, key, strlen(key)) == 0) name = weights + i;
    }
    assert_non_null(name);
    name[strlen(key) - 1] = 'z';
    write_bytes(weights, n);
    assert_refused("1 tensors missing (text_model.encoder.layers.1.self_attn.k_proj.bias); 1 "
                   "unexpected (text_model.encoder.layers.1.self_attn.k_proj.biaz)");
    free(config);
    free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_values_as_open_clip),
        cmocka_unit_test(test_a_text_alone_is_as_in_company),
        cmocka_unit_test(test_short_texts_leave_later_positions_alone),
        cmocka_unit_test(test_a_plan_takes_texts_as_full),
        cmocka_unit_test_teardown(test_network_of_ours_as_image_tower, teardown),
        cmocka_unit_test_teardown(test_saved_in_floats_and_opened_again, teardown),
        cmocka_unit_test_teardown(test_saved_in_bf16, teardown),
        cmocka_unit_test_teardown(test_another_image_size_interpolates_positions, teardown),
        cmocka_unit_test_teardown(test_weights_of_another_model, teardown),
        cmocka_unit_test_teardown(test_a_configuration_that_lies, teardown),
        cmocka_unit_test_teardown(test_nan_and_infinity, teardown),
        cmocka_unit_test_teardown(test_truncated_weights, teardown),
        cmocka_unit_test_teardown(test_hugging_faces_tensors_are_named_as_there, teardown),
    };
    return cmocka_run_group_tests_name("clip", tests, NULL, NULL);
}
