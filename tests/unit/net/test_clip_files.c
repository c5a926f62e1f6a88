/* CLIP from and to model directories: what is saved is opened again, and what is refused. */
#include "clip.h"
#include "file.h"
#include "golden.h"
#include "mem.h"
#include "net_case.h"
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

static void test_network_of_ours_as_image_tower_saved(void **state)
{
    (void)state;
    Err err = {0};
    ClipConfig config = TINY;
    config.image = (ClipImageConfig){.kind = "resnet-small", .size = 32, .channels = 3};
    Clip *clip = clip_new(&config, 4), *other = NULL;
    write_dir(clip, false);
    assert_ok(open_dir(&other, 0, &err));
    assert_same_values(clip, other);
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
    Tensor *images = tape_input(t, x, 4, (int[]){1, 20, 20, 3});
    assert_int_equal(clip_encode_images(larger, t, images)->dims[1], 8);
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

static void test_saving_where_nothing_can_be_made(void **state)
{
    (void)state;
    Err err = {0};
    Clip *clip = clip_new(&TINY, 3);
    ModelPreprocessing p = model_preprocessing_clip(TINY.image.size);
    assert_fails(clip_save(clip, "/dev/null/model", true, &err), "/dev/null");
    assert_fails(model_dir_write_config("/dev/null/model", &TINY, &p, &err), "/dev/null");
    clip_free(clip);
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
        cmocka_unit_test_teardown(test_saved_in_floats_and_opened_again, teardown),
        cmocka_unit_test_teardown(test_network_of_ours_as_image_tower_saved, teardown),
        cmocka_unit_test_teardown(test_saved_in_bf16, teardown),
        cmocka_unit_test_teardown(test_another_image_size_interpolates_positions, teardown),
        cmocka_unit_test_teardown(test_weights_of_another_model, teardown),
        cmocka_unit_test_teardown(test_a_configuration_that_lies, teardown),
        cmocka_unit_test_teardown(test_nan_and_infinity, teardown),
        cmocka_unit_test(test_saving_where_nothing_can_be_made),
        cmocka_unit_test_teardown(test_truncated_weights, teardown),
        cmocka_unit_test_teardown(test_hugging_faces_tensors_are_named_as_there, teardown),
    };
    return cmocka_run_group_tests_name("clip-files", tests, NULL, NULL);
}
