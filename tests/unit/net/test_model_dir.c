/* Configurations of model directories: the published layouts, ours, and what is refused. */
#include "arena.h"
#include "file.h"
#include "golden.h"
#include "model_dir.h"
#include "str.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    ClipConfig config;
    ModelPreprocessing preprocessing;
} Parsed;

static bool parse(Parsed *out, const char *config, const char *preprocessor, Err *err)
{
    ModelConfigTexts texts = {config, "m/config.json", preprocessor, "m/preprocessor_config.json"};
    *out = (Parsed){0};
    return model_config_parse(&out->config, &out->preprocessing, &texts, err);
}

static void assert_config(const ClipConfig *got, const ClipConfig *want)
{
    const ClipImageConfig *a = &got->image, *b = &want->image;
    const ClipTextConfig *x = &got->text, *y = &want->text;
    assert_int_equal(got->embed_dim, want->embed_dim);
    assert_int_equal(got->quick_gelu, want->quick_gelu);
    assert_string_equal(a->kind, b->kind);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(x->context, y->context);
    assert_int_equal(x->vocabulary, y->vocabulary);
    assert_true(x->width == y->width && x->depth == y->depth && x->heads == y->heads);
    assert_int_equal(clip_hidden_width(x->width, x->mlp_ratio),
                     clip_hidden_width(y->width, y->mlp_ratio));
    if (!str_equal(b->kind, CLIP_VIT)) return;
    assert_true(a->patch == b->patch && a->width == b->width && a->depth == b->depth);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(clip_hidden_width(a->width, a->mlp_ratio),
                     clip_hidden_width(b->width, b->mlp_ratio));
}

static const ClipConfig VIT_B_16 = {
    .embed_dim = 512,
    .image = {"vit", 224, 3, 16, 768, 12, 12, 4},
    .text = {.context = 77, .vocabulary = 49408, .width = 512, .depth = 12, .heads = 8}};

/* ---- published layouts ---- */

/* As in open_clip's model_configs and in its directories. */
static void test_open_clips_layout(void **state)
{
    (void)state;
    Err err = {0};
    Parsed p;
    static const char model[] =
        "{\"embed_dim\": 512, \"vision_cfg\": {\"image_size\": 224, \"layers\": 12, \"width\": 768,"
        " \"patch_size\": 16}, \"text_cfg\": {\"context_length\": 77, \"vocab_size\": 49408,"
        " \"width\": 512, \"heads\": 8, \"layers\": 12}}";
    assert_ok(parse(&p, model, NULL, &err));
    assert_config(&p.config, &VIT_B_16);
    assert_int_equal(p.preprocessing.size, 224);
    assert_true(p.preprocessing.filter == FILTER_BICUBIC);
    assert_true(p.preprocessing.resize == RESIZE_SHORTEST_CROP);
    assert_true(p.preprocessing.mean[1] == 0.4578275 && p.preprocessing.std[2] == 0.27577711);
    char nested[1024];
    snprintf(
        nested, sizeof nested,
        "{\"model_cfg\": %s, \"preprocess_cfg\": {\"mean\": [0.1, 0.2, 0.3], \"std\": [1, 2, 3],"
        " \"interpolation\": \"bilinear\", \"resize_mode\": \"squash\", \"size\": [224, 224],"
        " \"mode\": \"RGB\", \"fill_color\": 0}}",
        model);
    assert_ok(parse(&p, nested, NULL, &err));
    assert_config(&p.config, &VIT_B_16);
    assert_true(p.preprocessing.filter == FILTER_BILINEAR);
    assert_true(p.preprocessing.resize == RESIZE_SQUASH);
    assert_true(p.preprocessing.mean[2] == 0.3 && p.preprocessing.std[1] == 2);
}

/* As transformers writes it: what is a default is left out, and much else is there. */
static void test_hugging_faces_layout(void **state)
{
    (void)state;
    Err err = {0};
    Parsed p;
    static const char config[] =
        "{\"architectures\": [\"CLIPModel\"], \"initializer_factor\": 1.0, \"model_type\": "
        "\"clip\","
        " \"logit_scale_init_value\": 2.6592, \"projection_dim\": 512,"
        " \"text_config\": {\"dropout\": 0.0, \"eos_token_id\": 2, \"hidden_act\": \"quick_gelu\"},"
        " \"vision_config\": {\"patch_size\": 16, \"intermediate_size\": 3072}}";
    static const char preprocessor[] =
        "{\"crop_size\": 224, \"do_center_crop\": true, \"do_normalize\": true, \"do_resize\": "
        "true,"
        " \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.25, 0.25, 0.25], \"resample\": 2,"
        " \"size\": 224}";
    ClipConfig want = VIT_B_16;
    want.quick_gelu = true;
    assert_ok(parse(&p, config, preprocessor, &err));
    assert_config(&p.config, &want);
    assert_true(p.preprocessing.filter == FILTER_BILINEAR);
    assert_true(p.preprocessing.resize == RESIZE_SHORTEST_CROP);
    assert_true(p.preprocessing.mean[0] == 0.5 && p.preprocessing.std[0] == 0.25);
    assert_ok(parse(&p, config, NULL, &err));
    assert_true(p.preprocessing.mean[0] == 0.48145466);
    assert_ok(parse(&p, config,
                    "{\"size\": {\"height\": 224, \"width\": 224}, \"do_center_crop\": false,"
                    " \"do_normalize\": false}",
                    &err));
    assert_true(p.preprocessing.resize == RESIZE_SQUASH && p.preprocessing.mean[0] == 0);
    assert_true(p.preprocessing.std[2] == 1);
}

static void test_a_network_of_ours_as_image_tower(void **state)
{
    (void)state;
    Err err = {0};
    Parsed p;
    assert_ok(parse(&p,
                    "{\"embed_dim\": 64, \"quick_gelu\": true,"
                    " \"vision_cfg\": {\"image_tower\": \"resnet-small\", \"image_size\": 32},"
                    " \"text_cfg\": {\"vocab_size\": 600, \"context_length\": 24, \"width\": 64,"
                    " \"heads\": 4, \"layers\": 2, \"mlp_ratio\": 2.5}}",
                    NULL, &err));
    ClipConfig want = {.embed_dim = 64,
                       .quick_gelu = true,
                       .image = {.kind = "resnet-small", .size = 32, .channels = 3},
                       .text = {24, 600, 64, 2, 4, 2.5}};
    assert_config(&p.config, &want);
    assert_int_equal(clip_hidden_width(64, 2.5), 160);
}

/* open_clip's ViT-bigG-14 gives a rounded quotient. */
static void test_hidden_widths(void **state)
{
    (void)state;
    assert_int_equal(clip_hidden_width(1664, 4.9231), 8192);
    assert_int_equal(clip_hidden_width(1408, 4.3637), 6144);
    assert_int_equal(clip_hidden_width(768, 0), 3072);
    assert_int_equal(clip_hidden_width(3, 10.0 / 3), 10);
}

static void test_what_is_written_is_read_again(void **state)
{
    (void)state;
    Err err = {0};
    ClipConfig configs[] = {
        {.embed_dim = 96,
         .quick_gelu = true,
         .image = {"vit", 36, 1, 6, 48, 3, 4, 2.5},
         .text = {24, 3000, 64, 2, 4, 3}},
        {.embed_dim = 32,
         .image = {.kind = "resnet-small", .size = 32, .channels = 3},
         .text = {.context = 9, .vocabulary = 20, .width = 8, .depth = 1, .heads = 2}}};
    for (int i = 0; i < 2; i++) {
        ModelPreprocessing want = model_preprocessing_clip(configs[i].image.size);
        want.resize = i == 0 ? RESIZE_SQUASH : RESIZE_SHORTEST_CROP;
        want.filter = i == 0 ? FILTER_BILINEAR : FILTER_BICUBIC;
        assert_ok(model_dir_write_config("test_model_dir.tmp", &configs[i], &want, &err));
        char *text = NULL;
        Parsed p;
        assert_ok(file_read(&text, NULL, "test_model_dir.tmp/config.json", 1 << 20, &err));
        assert_ok(parse(&p, text, NULL, &err));
        assert_config(&p.config, &configs[i]);
        assert_memory_equal(p.preprocessing.mean, want.mean, sizeof want.mean);
        assert_memory_equal(p.preprocessing.std, want.std, sizeof want.std);
        assert_true(p.preprocessing.resize == want.resize);
        assert_true(p.preprocessing.filter == want.filter);
        free(text);
    }
    (void)remove("test_model_dir.tmp/config.json");
    (void)rmdir("test_model_dir.tmp");
}

/* ---- what is refused ---- */

typedef struct {
    const char *config, *preprocessor, *message;
} Refused;

#define VISION                                                                                     \
    "\"vision_cfg\": {\"image_size\": 32, \"patch_size\": 4, \"width\": 64, \"layers\": 2}"
#define TEXT "\"text_cfg\": {\"width\": 64, \"heads\": 2, \"layers\": 1}"
#define HF   "{\"vision_config\": {}, \"text_config\": {}}"

static const Refused REFUSED[] = {
    {"", NULL, "m/config.json:1: "},
    {"[]", NULL, "m/config.json: not a JSON object"},
    {"{\"a\": 1, \"a\": 2}", NULL, "duplicate"},
    {"{}", NULL, "m/config.json: vision_cfg: missing, expected an object"},
    {"{\"embed_dim\": 8, " VISION "}", NULL, "text_cfg: missing, expected an object"},
    {"{" VISION ", " TEXT "}", NULL, "m/config.json: embed_dim 0, expected 1 to 8192"},
    {"{\"embed_dim\": \"8\", " VISION ", " TEXT "}", NULL, "embed_dim: expected a whole number"},
    {"{\"embed_dim\": 8.5, " VISION ", " TEXT "}", NULL, "embed_dim: expected a whole number"},
    {"{\"embed_dim\": 99999999999, " VISION ", " TEXT "}", NULL, "expected a whole number"},
    {"{\"embed_dim\": 8, \"custom_text\": true, " VISION ", " TEXT "}", NULL,
     "m/config.json: custom_text: found a setting that is not known"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"timm_model_name\": \"x\"}, " TEXT "}", NULL,
     "vision_cfg.timm_model_name: found a setting that is not known"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"layers\": [3, 4, 6, 3]}, " TEXT "}", NULL,
     "vision_cfg.layers: expected a whole number"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"image_tower\": \"resnet-smal\"}, " TEXT "}", NULL,
     "m/config.json: network \"resnet-smal\": unknown (did you mean \"resnet-small\"?)"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"image_tower\": \"resnet-small\"}, " TEXT "}", NULL,
     "network \"resnet-small\": images of 224 pixels, expected 16 to 96"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"width\": 100}, " TEXT "}", NULL,
     "vision_cfg.head_width: expected a divisor of the width"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"head_width\": 0}, " TEXT "}", NULL, "head_width"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"patch_size\": 15}, " TEXT "}", NULL,
     "images of 224 pixels in patches of 15, expected a multiple"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"patch_size\": 1}, " TEXT "}", NULL,
     "at most 4096 patch"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": 5000}, " TEXT "}", NULL,
     "image size 5000, expected 1 to 1024"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": [32, 48]}, " TEXT "}", NULL,
     "vision_cfg.image_size: expected one number of pixels"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"layers\": 1000000}, " TEXT "}", NULL,
     "image layers 1000000, expected 1 to 128"},
    {"{\"embed_dim\": 8, \"vision_cfg\": {\"mlp_ratio\": 1e9}, " TEXT "}", NULL,
     "image mlp_ratio 1e+09, expected up to 16"},
    {"{\"embed_dim\": 8, " VISION ", \"text_cfg\": {\"heads\": 7}}", NULL,
     "text width 512 in 7 heads, expected a multiple"},
    {"{\"embed_dim\": 8, " VISION ", \"text_cfg\": {\"hf_model_name\": \"x\"}}", NULL,
     "text_cfg.hf_model_name: found a setting that is not known"},
    {"{\"embed_dim\": 8, " VISION ", \"text_cfg\": {\"context_length\": 1}}", NULL,
     "context length 1, expected 2 to 4096"},
    {"{\"embed_dim\": 8, " VISION ", \"text_cfg\": {\"vocab_size\": -1}}", NULL,
     "vocabulary size -1, expected 2 to 1048576"},
    {"{\"model_cfg\": {\"embed_dim\": 8, " VISION ", " TEXT
     "}, \"preprocess_cfg\": {\"std\": [1, 0, "
     "1]}}",
     NULL, "m/config.json: preprocess_cfg.std: expected deviations above 0"},
    {"{\"model_cfg\": {\"embed_dim\": 8, " VISION ", " TEXT
     "}, \"preprocess_cfg\": {\"mean\": [1]}}",
     NULL, "preprocess_cfg.mean: expected 3 numbers"},
    {"{\"model_cfg\": {\"embed_dim\": 8, " VISION ", " TEXT
     "}, \"preprocess_cfg\": {\"size\": 64}}",
     NULL, "preprocess_cfg.images are resized to 64 pixels, the image tower takes 32"},
    {"{\"model_cfg\": {\"embed_dim\": 8, " VISION ", " TEXT
     "}, \"preprocess_cfg\": {\"resize_mode\": "
     "\"longest\"}}",
     NULL, "preprocess_cfg.resize_mode: \"longest\", expected \"squash\" or \"shortest\""},
    {"{\"model_cfg\": {\"embed_dim\": 8, " VISION ", " TEXT
     "}, \"preprocess_cfg\": {\"mode\": \"L\"}}",
     NULL, "preprocess_cfg.mode: not that of the image tower's channels"},
    {"{\"model_type\": \"siglip\", \"vision_config\": {}, \"text_config\": {}}", NULL,
     "model_type: expected \"clip\""},
    {"{\"vision_config\": {}}", NULL, "text_config: missing, expected an object"},
    {"{\"vision_config\": {\"hidden_act\": \"relu\"}, \"text_config\": {}}", NULL,
     "vision_config.hidden_act: \"relu\", expected \"gelu\" or \"quick_gelu\""},
    {"{\"vision_config\": {\"hidden_act\": \"gelu\"}, \"text_config\": {}}", NULL,
     "text_config.hidden_act: expected the image tower's"},
    {"{\"vision_config\": {\"layer_norm_eps\": 1e-6}, \"text_config\": {}}", NULL,
     "vision_config.layer_norm_eps: expected 1e-05"},
    {"{\"vision_config\": {\"hidden_size\": 0}, \"text_config\": {}}", NULL,
     "expected sizes above"},
    {HF, "{", "m/preprocessor_config.json:1: "},
    {HF, "{\"size\": 256, \"crop_size\": 224}",
     "m/preprocessor_config.json: images are resized to 256 pixels and cut to 224"},
    {HF, "{\"size\": 256, \"crop_size\": 256}",
     "are resized to 256 pixels, the image tower takes 2"},
    {HF, "{\"resample\": 1}", "resample: expected 2 (bilinear) or 3 (bicubic)"},
    {HF, "{\"do_center_crop\": false}", "do_center_crop: false, expected true unless both sides"},
    {HF, "{\"size\": {\"height\": 1, \"width\": 2}}", "size: expected one number of pixels"},
};

static void test_configurations_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        Err err = {0};
        Parsed p;
        const Refused *r = &REFUSED[i];
        if (parse(&p, r->config, r->preprocessor, &err)) fail_msg("accepted: %s", r->config);
        if (strstr(err.text, r->message) == NULL) {
            fail_msg("%s: \"%s\" does not contain \"%s\"", r->config, err.text, r->message);
        }
        assert_int_equal(p.config.embed_dim, 0);
    }
}

/* ---- folders ---- */

static void test_golden_directory(void **state)
{
    (void)state;
    Err err = {0};
    char path[1024], digest[SHA256_HEX_SIZE];
    ModelDir *dir = NULL;
    assert_ok(model_dir_open(&dir, golden_path(path, "clip/open-clip/"), &err));
    assert_string_equal(model_dir_name(dir), "open-clip");
    assert_true(str_ends_with(model_dir_weights_path(dir), "open_clip_model.safetensors"));
    assert_int_equal(model_dir_preprocessing(dir)->size, 12);
    assert_true(model_dir_preprocessing(dir)->filter == FILTER_BILINEAR);
    assert_ok(model_dir_digest(dir, digest, &err));
    uint8_t sha[SHA256_BYTES];
    char *weights = NULL, want[SHA256_HEX_SIZE];
    size_t n_bytes;
    assert_ok(file_read(&weights, &n_bytes, model_dir_weights_path(dir), 1 << 20, &err));
    digest_sha256(sha, weights, n_bytes);
    digest_hex(want, sha, sizeof sha);
    assert_string_equal(digest, want);
    free(weights);
    assert_fails(model_dir_set_image_size(dir, 30, &err), "images of 30 pixels in patches of 4");
    assert_ok(model_dir_set_image_size(dir, 20, &err));
    assert_int_equal(model_dir_config(dir)->image.size, 20);
    assert_int_equal(model_dir_preprocessing(dir)->size, 20);
    model_dir_close(dir);
}

static void test_folders_that_are_no_model(void **state)
{
    (void)state;
    Err err = {0};
    ModelDir *dir = NULL;
    assert_fails(model_dir_open(&dir, "no_such_folder", &err),
                 "no_such_folder: no such folder, expected a model directory");
    assert_int_equal(mkdir("test_model_dir.tmp", 0777), 0);
    assert_fails(model_dir_open(&dir, "test_model_dir.tmp", &err),
                 "test_model_dir.tmp: found neither config.json nor open_clip_config.json");
    ModelPreprocessing p = model_preprocessing_clip(224);
    assert_ok(model_dir_write_config("test_model_dir.tmp", &VIT_B_16, &p, &err));
    assert_fails(model_dir_open(&dir, "test_model_dir.tmp", &err),
                 "test_model_dir.tmp: found neither model.safetensors nor open_clip_model.saf");
    assert_null(dir);
    (void)remove("test_model_dir.tmp/config.json");
    (void)rmdir("test_model_dir.tmp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_clips_layout),
        cmocka_unit_test(test_hugging_faces_layout),
        cmocka_unit_test(test_a_network_of_ours_as_image_tower),
        cmocka_unit_test(test_hidden_widths),
        cmocka_unit_test(test_what_is_written_is_read_again),
        cmocka_unit_test(test_configurations_that_are_refused),
        cmocka_unit_test(test_golden_directory),
        cmocka_unit_test(test_folders_that_are_no_model),
    };
    return cmocka_run_group_tests_name("model-dir", tests, NULL, NULL);
}
