/* Adapter directories: tensors and configuration by hand, and back to the same bits. */
#include "file.h"
#include "peft_case.h"
#include "peft_dir.h"
#include "safetensors.h"
#include "test.h"

#include <jansson.h>
#include <unistd.h>

enum { D = CASE_WIDTH, HIDDEN = CASE_HIDDEN, K = CASE_CLASSES };

static const char FOLDER[] = "test_peft_dir.tmp";
static const char WEIGHTS[] = "test_peft_dir.tmp/adapter_model.safetensors";
static const char CONFIG[] = "test_peft_dir.tmp/adapter_config.json";

typedef struct {
    Params *base, *other; /* the same weights; other gets what was read */
    LowRankSet set, read;
    SafeTensors *file;
    json_t *config;
} Fixture;

static int setup(void **state)
{
    *state = test_calloc(1, sizeof(Fixture));
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    params_free(f->base);
    params_free(f->other);
    low_rank_set_done(&f->set);
    low_rank_set_done(&f->read);
    safetensors_close(f->file);
    json_decref(f->config);
    test_free(f);
    (void)remove(WEIGHTS);
    (void)remove(CONFIG);
    (void)rmdir(FOLDER);
    return 0;
}

static void make(Fixture *f, PeftCaseNet net)
{
    f->base = peft_case_params(net, 1);
    f->other = peft_case_params(net, 1);
}

static void write_dir(Fixture *f, const char *layout)
{
    Err err = {0};
    PeftBase what = {"vit-mini-4", layout};
    assert_ok(peft_dir_write(FOLDER, &f->set, f->base, f->base, &what, &err));
    assert_ok(safetensors_open(&f->file, WEIGHTS, &err));
    json_error_t error;
    f->config = json_load_file(CONFIG, 0, &error);
    assert_non_null(f->config);
}

static const float *tensor(const Fixture *f, const char *name, int rank, const int64_t *dims)
{
    char full[200];
    snprintf(full, sizeof full, "base_model.model.%s", name);
    const SafeTensor *s = safetensors_find(f->file, full);
    if (s == NULL) fail_msg("no tensor %s", full);
    assert_string_equal(s->dtype, "F32");
    assert_int_equal(s->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(s->dims[i], dims[i]);
    return s->data;
}

static void assert_same_values(const float *got, const Real *want, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_true(got[i] >= want[i] && got[i] <= want[i]);
}

static void assert_json(const Fixture *f, const char *key, const char *expected)
{
    char *text = json_dumps(json_object_get(f->config, key), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

/* The merged weights of what was read are those of what was written, bit for bit. */
static void check_round_trip(Fixture *f)
{
    Err err = {0};
    memset(params_values(f->other) + params_get(f->other, params_count(f->other) - 2)->offset, 0,
           sizeof(Real) * K * D); /* the classifier comes back too */
    assert_ok(peft_dir_read(&f->read, f->other, FOLDER, "vit-mini-4", &err));
    low_rank_set_merge(&f->set, f->base);
    low_rank_set_merge(&f->read, f->other);
    assert_memory_equal(params_values(f->base), params_values(f->other),
                        params_size(f->base) * sizeof(Real));
}

/* ---- what is written ---- */

/* Queries and values of rank 2 in one matrix: A stands one over the other, B is block-diagonal,
 * alpha is twice the one. */
static void test_parts_of_a_fused_matrix(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    LowRankChange q = {.row = 0, .n_rows = D, .rank = 2, .alpha = 6};
    LowRankChange v = {.row = 2 * D, .n_rows = D, .rank = 2, .alpha = 6};
    peft_case_add(&f->set, f->base, "blocks.0.attn.qkv.weight", q, false);
    peft_case_add(&f->set, f->base, "blocks.0.attn.qkv.weight", v, false);
    write_dir(f, "timm");
    assert_int_equal(safetensors_count(f->file), 4);
    assert_string_equal(safetensors_metadata(f->file, "format"), "pt");
    const LowRankChange *cq = &f->set.items[0], *cv = &f->set.items[1];
    const float *a = tensor(f, "blocks.0.attn.qkv.lora_A.weight", 2, (int64_t[]){4, D});
    const float *b = tensor(f, "blocks.0.attn.qkv.lora_B.weight", 2, (int64_t[]){3 * D, 4});
    assert_same_values(a, cq->a, 2 * D);
    assert_same_values(a + 2 * D, cv->a, 2 * D);
    for (int o = 0; o < 3 * D; o++) {
        for (int k = 0; k < 4; k++) {
            Real want = 0;
            if (o < D && k < 2) want = cq->b[o * 2 + k];
            if (o >= 2 * D && k >= 2) want = cv->b[(o - 2 * D) * 2 + k - 2];
            assert_close(b[o * 4 + k], want, 0, 0);
        }
    }
    (void)tensor(f, "head.weight", 2, (int64_t[]){K, D});
    (void)tensor(f, "head.bias", 1, (int64_t[]){K});
    assert_json(f, "r", "4");
    assert_json(f, "lora_alpha", "12");
    assert_json(f, "target_modules", "[\"blocks.0.attn.qkv\"]");
    assert_json(f, "modules_to_save", "[\"head\"]");
    check_round_trip(f);
}

static void test_config_has_all_keys(void **state)
{
    static const char *const keys[][2] = {
        {"alpha_pattern", "{\"blocks.0.mlp.fc2\":3}"},
        {"auto_mapping", "null"},
        {"base_model_name_or_path", "\"vit-mini-4\""},
        {"bias", "\"none\""},
        {"fan_in_fan_out", "false"},
        {"inference_mode", "true"},
        {"init_lora_weights", "true"},
        {"layers_pattern", "null"},
        {"layers_to_transform", "null"},
        {"lora_alpha", "2"},
        {"lora_dropout", "0.0"},
        {"modules_to_save", "[\"head\"]"},
        {"peft_type", "\"LORA\""},
        {"r", "2"},
        {"rank_pattern", "{\"blocks.0.mlp.fc2\":1}"},
        {"revision", "null"},
        {"target_modules", "[\"blocks.0.mlp.fc1\",\"blocks.0.mlp.fc2\"]"},
        {"task_type", "null"},
        {"use_dora", "false"},
        {"use_rslora", "false"},
    };
    Fixture *f = *state;
    make(f, CASE_VIT);
    LowRankChange fc1 = {.rank = 2, .alpha = 2}, fc2 = {.rank = 1, .alpha = 3};
    peft_case_add(&f->set, f->base, "blocks.0.mlp.fc1.weight", fc1, false);
    peft_case_add(&f->set, f->base, "blocks.0.mlp.fc2.weight", fc2, false);
    write_dir(f, NULL);
    assert_int_equal(json_object_size(f->config), sizeof keys / sizeof *keys);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_json(f, keys[i][0], keys[i][1]);
    check_round_trip(f);
}

static void test_separate_queries_keys_values(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    for (int i = 0; i < 3; i++) {
        LowRankChange part = {.row = i * D, .n_rows = D, .rank = 2, .alpha = 4};
        peft_case_add(&f->set, f->base, "blocks.1.attn.qkv.weight", part, false);
    }
    write_dir(f, "huggingface-vit");
    static const char *const names[] = {"query", "key", "value"};
    for (int i = 0; i < 3; i++) {
        char name[100];
        snprintf(name, sizeof name, "vit.encoder.layer.1.attention.attention.%s.lora_A.weight",
                 names[i]);
        assert_same_values(tensor(f, name, 2, (int64_t[]){2, D}), f->set.items[i].a, 2 * D);
        memcpy(strstr(name, "lora_A"), "lora_B", 6);
        assert_same_values(tensor(f, name, 2, (int64_t[]){D, 2}), f->set.items[i].b, 2 * D);
    }
    (void)tensor(f, "classifier.weight", 2, (int64_t[]){K, D});
    assert_json(f, "r", "2");
    assert_json(f, "lora_alpha", "4");
    check_round_trip(f);
}

/* Three parts in in_proj make rank 6; out_proj gets it too, with the same scale, and zeros. */
static void test_multihead_attention_has_one_rank(void **state)
{
    Fixture *f = *state;
    make(f, CASE_CLIP);
    for (int i = 0; i < 3; i++) {
        LowRankChange part = {.row = i * D, .n_rows = D, .rank = 2, .alpha = 3};
        peft_case_add(&f->set, f->base, "visual.transformer.resblocks.0.attn.in_proj_weight", part,
                      false);
    }
    LowRankChange out = {.rank = 2, .alpha = 3};
    peft_case_add(&f->set, f->base, "visual.transformer.resblocks.0.attn.out_proj.weight", out,
                  false);
    peft_case_add(&f->set, f->base, "visual.transformer.resblocks.1.attn.out_proj.weight", out,
                  false);
    write_dir(f, NULL);
    static const char OUT[] = "visual.transformer.resblocks.0.attn.base_layer.out_proj";
    char name[120];
    (void)tensor(f, "visual.transformer.resblocks.0.attn.lora_A.weight", 2, (int64_t[]){6, D});
    (void)tensor(f, "visual.transformer.resblocks.0.attn.lora_B.weight", 2, (int64_t[]){3 * D, 6});
    snprintf(name, sizeof name, "%s.lora_A.weight", OUT);
    const float *a = tensor(f, name, 2, (int64_t[]){6, D});
    assert_same_values(a, f->set.items[3].a, 2 * D);
    for (int i = 2 * D; i < 6 * D; i++) assert_close(a[i], 0, 0, 0);
    /* not adapted here, but PEFT wants it */
    const float *b =
        tensor(f, "visual.transformer.resblocks.1.attn.lora_B.weight", 2, (int64_t[]){3 * D, 2});
    for (int i = 0; i < 3 * D * 2; i++) assert_close(b[i], 0, 0, 0);
    assert_json(f, "r", "6");
    assert_json(f, "lora_alpha", "9");
    assert_json(f, "rank_pattern", "{\"visual.transformer.resblocks.1.attn\":2}");
    assert_json(f, "alpha_pattern", "{\"visual.transformer.resblocks.1.attn\":3}");
    assert_json(
        f, "target_modules",
        "[\"visual.transformer.resblocks.0.attn\",\"visual.transformer.resblocks.1.attn\"]");
    check_round_trip(f);
}

static void test_convolutions(void **state)
{
    Fixture *f = *state;
    make(f, CASE_RESNET);
    LowRankChange shape = {.rank = 2, .alpha = 2};
    peft_case_add(&f->set, f->base, "layer1.0.conv2.weight", shape, true);
    peft_case_add(&f->set, f->base, "layer1.0.downsample.0.weight", shape, true);
    write_dir(f, NULL);
    const LowRankChange *c = &f->set.items[0];
    const float *a = tensor(f, "layer1.0.conv2.lora_A.weight", 4, (int64_t[]){2, D, 3, 3});
    for (int r = 0; r < 2; r++) { /* ours [r,kh,kw,in] */
        for (int in = 0; in < D; in++) {
            for (int at = 0; at < 9; at++)
                assert_close(a[(r * D + in) * 9 + at], c->a[(r * 9 + at) * D + in], 0, 0);
        }
    }
    const float *b = tensor(f, "layer1.0.conv2.lora_B.weight", 4, (int64_t[]){HIDDEN, 2, 1, 1});
    assert_same_values(b, c->b, HIDDEN * 2);
    const float *m =
        tensor(f, "layer1.0.conv2.lora_magnitude_vector", 4, (int64_t[]){1, HIDDEN, 1, 1});
    assert_same_values(m, c->magnitude, HIDDEN);
    (void)tensor(f, "layer1.0.downsample.0.lora_A.weight", 4, (int64_t[]){2, D, 1, 1});
    (void)tensor(f, "fc.weight", 2, (int64_t[]){K, D});
    assert_json(f, "use_dora", "true");
    check_round_trip(f);
}

/* DoRA on the values only: queries and keys keep their lengths. */
static void test_magnitudes_of_a_fused_matrix(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    LowRankChange v = {.row = 2 * D, .n_rows = D, .rank = 1, .alpha = 1};
    peft_case_add(&f->set, f->base, "blocks.0.attn.qkv.weight", v, true);
    write_dir(f, "timm");
    const float *m = tensor(f, "blocks.0.attn.qkv.lora_magnitude_vector", 1, (int64_t[]){3 * D});
    const Real *w = peft_case_values(f->base, "blocks.0.attn.qkv.weight");
    for (int o = 0; o < 2 * D; o++) {
        double sum = 0;
        for (int i = 0; i < D; i++) sum += (double)w[o * D + i] * (double)w[o * D + i];
        assert_close(m[o], sqrt(sum), 1e-6, 0);
    }
    assert_same_values(m + 2 * D, f->set.items[0].magnitude, D);
    Err err = {0};
    assert_ok(peft_dir_read(&f->read, f->other, FOLDER, "vit-mini-4", &err));
    low_rank_set_merge(&f->set, f->base);
    low_rank_set_merge(&f->read, f->other);
    for (size_t i = 0; i < params_size(f->base); i++)
        assert_close(params_values(f->other)[i], params_values(f->base)[i], 1e-6, 1e-6);
}

/* PiSSA's way back to the base: rank 2r, alpha twice, B of the initial factors negated. */
static void test_two_changes_of_a_weight(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    LowRankChange shape = {.rank = 2, .alpha = 2};
    peft_case_add(&f->set, f->base, "blocks.0.mlp.fc1.weight", shape, false);
    peft_case_add(&f->set, f->base, "blocks.0.mlp.fc1.weight", shape, false);
    write_dir(f, "timm");
    const float *a = tensor(f, "blocks.0.mlp.fc1.lora_A.weight", 2, (int64_t[]){4, D});
    assert_same_values(a, f->set.items[0].a, 2 * D);
    assert_same_values(a + 2 * D, f->set.items[1].a, 2 * D);
    assert_json(f, "r", "4");
    assert_json(f, "lora_alpha", "4");
    check_round_trip(f);
}

static void test_rank_stabilised(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    f->set.is_rank_stabilised = true;
    for (int i = 0; i < 3; i++) {
        LowRankChange part = {.row = i * D, .n_rows = D, .rank = 3, .alpha = 4};
        peft_case_add(&f->set, f->base, "blocks.0.attn.qkv.weight", part, false);
    }
    write_dir(f, "timm");
    assert_json(f, "use_rslora", "true");
    assert_json(f, "r", "9");
    assert_close(json_number_value(json_object_get(f->config, "lora_alpha")), 4 * sqrt(3), 1e-15,
                 0);
    Err err = {0};
    assert_ok(peft_dir_read(&f->read, f->other, FOLDER, "vit-mini-4", &err));
    assert_close(low_rank_scale(&f->read, &f->read.items[0]), 4 / sqrt(3), 1e-15, 0);
}

/* DoRA of a torch.nn.MultiheadAttention: PEFT refuses it, so do we; the other layout has it. */
static void test_magnitudes_of_multihead_attention(void **state)
{
    Fixture *f = *state;
    make(f, CASE_CLIP);
    LowRankChange shape = {.rank = 1, .alpha = 1};
    peft_case_add(&f->set, f->base, "visual.transformer.resblocks.0.attn.out_proj.weight", shape,
                  true);
    Err err = {0};
    PeftBase what = {"mini-clip", "open_clip"};
    assert_fails(peft_dir_write(FOLDER, &f->set, f->base, f->base, &what, &err),
                 "PEFT has no DoRA for its attention (visual.transformer.resblocks.0.attn)");
    write_dir(f, "huggingface-clip");
    (void)tensor(f, "vision_model.encoder.layers.0.self_attn.out_proj.lora_magnitude_vector", 1,
                 (int64_t[]){D});
    check_round_trip(f);
}

/* ---- merging ---- */

static void test_merged_by_hand(void **state)
{
    Fixture *f = *state;
    make(f, CASE_VIT);
    LowRankChange v = {.row = 2 * D, .n_rows = D, .rank = 2, .alpha = 5};
    peft_case_add(&f->set, f->base, "blocks.0.attn.qkv.weight", v, true);
    const LowRankChange *c = &f->set.items[0];
    low_rank_set_merge(&f->set, f->base);
    const Real *got = peft_case_values(f->base, "blocks.0.attn.qkv.weight");
    const Real *w0 = peft_case_values(f->other, "blocks.0.attn.qkv.weight");
    assert_memory_equal(got, w0, 2 * D * D * sizeof(Real));
    for (int o = 0; o < D; o++) {
        double row[D], sum = 0;
        for (int i = 0; i < D; i++) {
            double change = (double)c->b[2 * o] * (double)c->a[i] +
                            (double)c->b[2 * o + 1] * (double)c->a[D + i];
            row[i] = (double)w0[(2 * D + o) * D + i] + 2.5 * change;
            sum += row[i] * row[i];
        }
        for (int i = 0; i < D; i++)
            assert_close(got[(2 * D + o) * D + i], (double)c->magnitude[o] / sqrt(sum) * row[i],
                         1e-6, 1e-7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_of_a_fused_matrix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config_has_all_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_separate_queries_keys_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multihead_attention_has_one_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(test_convolutions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_magnitudes_of_a_fused_matrix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_changes_of_a_weight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rank_stabilised, setup, teardown),
        cmocka_unit_test_setup_teardown(test_magnitudes_of_multihead_attention, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merged_by_hand, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
