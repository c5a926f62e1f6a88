/* config.json of a CLIP in its three layouts, and how images are prepared. Defaults are those of
 * the programs that the layouts come from: open_clip (CLIPVisionCfg, CLIPTextCfg, PreprocessCfg)
 * and transformers (CLIPVisionConfig, CLIPTextConfig, CLIPImageProcessor). */
#include "json_part.h"
#include "model_dir.h"
#include "net.h"
#include "str.h"

#include <math.h>

/* Where values go and where messages point. */
typedef struct {
    ClipConfig *config;
    ModelPreprocessing *preprocessing;
    Err *err;
} Parse;

ModelPreprocessing model_preprocessing_clip(int size)
{
    return (ModelPreprocessing){.size = size,
                                .resize = RESIZE_SHORTEST_CROP,
                                .filter = FILTER_BICUBIC,
                                .mean = {0.48145466, 0.4578275, 0.40821073},
                                .std = {0.26862954, 0.26130258, 0.27577711}};
}

/* ---- preprocessing ---- */

static bool check_preprocessing(const Parse *p, const JsonPart *part)
{
    const ModelPreprocessing *out = p->preprocessing;
    for (int i = 0; i < 3; i++) {
        bool usable = isfinite(out->mean[i]) && isfinite(out->std[i]) && out->std[i] > 0;
        if (!usable) return json_part_error(part, "std", "expected deviations above 0", p->err);
    }
    if (out->size == p->config->image.size) return true;
    return err_set(p->err, ERR_FORMAT,
                   "%s: %simages are resized to %d pixels, the image tower takes %d", part->place,
                   part->path, out->size, p->config->image.size);
}

/* A text that is one of two: sets *second. */
static bool choose(const Parse *p, const JsonPart *part, const char *key,
                   const char *const names[2], bool *second)
{
    const char *found = names[*second];
    if (!json_part_text(part, key, &found, p->err)) return false;
    *second = str_equal(found, names[1]);
    if (*second || str_equal(found, names[0])) return true;
    return err_set(p->err, ERR_FORMAT, "%s: %s%s: \"%.40s\", expected \"%s\" or \"%s\"",
                   part->place, part->path, key, found, names[0], names[1]);
}

static bool parse_preprocess_cfg(const Parse *p, const JsonPart *part)
{
    static const char *const known[] = {"size",       "mode",          "mean",       "std",
                                        "fill_color", "interpolation", "resize_mode"};
    static const char *const modes[] = {"RGB", "L"};
    static const char *const filters[] = {"bilinear", "bicubic"};
    static const char *const resizes[] = {"squash", "shortest"};
    ModelPreprocessing *out = p->preprocessing;
    bool is_gray = p->config->image.channels == 1, is_bicubic = true, is_shortest = true;
    if (!json_part_only(part, known, sizeof known / sizeof *known, p->err) ||
        !json_part_side(part, "size", &out->size, p->err) ||
        !json_part_reals(part, "mean", out->mean, 3, p->err) ||
        !json_part_reals(part, "std", out->std, 3, p->err) ||
        !choose(p, part, "mode", modes, &is_gray) ||
        !choose(p, part, "interpolation", filters, &is_bicubic) ||
        !choose(p, part, "resize_mode", resizes, &is_shortest)) {
        return false;
    }
    if (is_gray != (p->config->image.channels == 1)) {
        return json_part_error(part, "mode", "not that of the image tower's channels", p->err);
    }
    out->filter = is_bicubic ? FILTER_BICUBIC : FILTER_BILINEAR;
    out->resize = is_shortest ? RESIZE_SHORTEST_CROP : RESIZE_SQUASH;
    return check_preprocessing(p, part);
}

/* "size" is {"shortest_edge": n} or n: the shorter side; {"height": n, "width": n}: both. */
static bool parse_preprocessor_size(const Parse *p, const JsonPart *part)
{
    ModelPreprocessing *out = p->preprocessing;
    bool crops = true;
    int crop = 0;
    if (!json_part_side(part, "size", &out->size, p->err) ||
        !json_part_side(part, "crop_size", &crop, p->err) ||
        !json_part_bool(part, "do_center_crop", &crops, p->err)) {
        return false;
    }
    const json_t *size = json_object_get(part->object, "size");
    bool is_square = json_object_get(size, "height") != NULL;
    out->resize = is_square ? RESIZE_SQUASH : RESIZE_SHORTEST_CROP;
    if (crops && crop != 0 && crop != out->size) {
        return err_set(p->err, ERR_FORMAT,
                       "%s: images are resized to %d pixels and cut to %d, expected the same",
                       part->place, out->size, crop);
    }
    if (crops || is_square) return true;
    return json_part_error(part, "do_center_crop", "false, expected true unless both sides are set",
                           p->err);
}

static bool parse_preprocessor(const Parse *p, const JsonPart *part)
{
    enum { PIL_BILINEAR = 2, PIL_BICUBIC = 3 };
    ModelPreprocessing *out = p->preprocessing;
    bool normalises = true;
    int filter = PIL_BICUBIC;
    if (!parse_preprocessor_size(p, part) ||
        !json_part_reals(part, "image_mean", out->mean, 3, p->err) ||
        !json_part_reals(part, "image_std", out->std, 3, p->err) ||
        !json_part_bool(part, "do_normalize", &normalises, p->err) ||
        !json_part_int(part, "resample", &filter, p->err)) {
        return false;
    }
    if (filter != PIL_BILINEAR && filter != PIL_BICUBIC) {
        return json_part_error(part, "resample", "expected 2 (bilinear) or 3 (bicubic)", p->err);
    }
    out->filter = filter == PIL_BICUBIC ? FILTER_BICUBIC : FILTER_BILINEAR;
    for (int i = 0; i < 3 && !normalises; i++) {
        out->mean[i] = 0;
        out->std[i] = 1;
    }
    return check_preprocessing(p, part);
}

/* ---- OpenCLIP's layout, and ours ---- */

/* The network of net_list with that name, for its lasting name; else the text itself, which
 * clip_config_check refuses. */
static const char *lasting_kind(const char *name)
{
    int n;
    const NetInfo *nets = net_list(&n);
    for (int i = 0; i < n; i++) {
        if (str_equal(nets[i].name, name)) return nets[i].name;
    }
    return name;
}

static bool parse_vision_cfg(const Parse *p, const JsonPart *part)
{
    static const char *const known[] = {"image_size", "patch_size", "width",       "layers",
                                        "head_width", "mlp_ratio",  "image_tower", "channels"};
    ClipImageConfig *c = &p->config->image;
    *c = (ClipImageConfig){
        .kind = CLIP_VIT, .size = 224, .channels = 3, .patch = 16, .width = 768, .depth = 12};
    int head_width = 64;
    if (!json_part_only(part, known, sizeof known / sizeof *known, p->err) ||
        !json_part_text(part, "image_tower", &c->kind, p->err) ||
        !json_part_side(part, "image_size", &c->size, p->err) ||
        !json_part_int(part, "channels", &c->channels, p->err) ||
        !json_part_int(part, "patch_size", &c->patch, p->err) ||
        !json_part_int(part, "width", &c->width, p->err) ||
        !json_part_int(part, "layers", &c->depth, p->err) ||
        !json_part_int(part, "head_width", &head_width, p->err) ||
        !json_part_real(part, "mlp_ratio", &c->mlp_ratio, p->err)) {
        return false;
    }
    if (!str_equal(c->kind, CLIP_VIT)) {
        c->kind = lasting_kind(c->kind);
        return true;
    }
    c->kind = CLIP_VIT;
    if (head_width < 1 || c->width % head_width != 0) {
        return json_part_error(part, "head_width", "expected a divisor of the width", p->err);
    }
    c->heads = c->width / head_width;
    return true;
}

static bool parse_text_cfg(const Parse *p, const JsonPart *part)
{
    static const char *const known[] = {"context_length", "vocab_size", "width",
                                        "heads",          "layers",     "mlp_ratio"};
    ClipTextConfig *c = &p->config->text;
    *c =
        (ClipTextConfig){.context = 77, .vocabulary = 49408, .width = 512, .heads = 8, .depth = 12};
    return json_part_only(part, known, sizeof known / sizeof *known, p->err) &&
           json_part_int(part, "context_length", &c->context, p->err) &&
           json_part_int(part, "vocab_size", &c->vocabulary, p->err) &&
           json_part_int(part, "width", &c->width, p->err) &&
           json_part_int(part, "heads", &c->heads, p->err) &&
           json_part_int(part, "layers", &c->depth, p->err) &&
           json_part_real(part, "mlp_ratio", &c->mlp_ratio, p->err);
}

static bool parse_open_clip(const Parse *p, const JsonPart *root)
{
    static const char *const known[] = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"};
    JsonPart model = *root, part;
    bool is_nested = json_object_get(root->object, "model_cfg") != NULL;
    if (is_nested && !json_part_object(root, "model_cfg", "model_cfg.", &model, p->err)) {
        return false;
    }
    if (!json_part_only(&model, known, sizeof known / sizeof *known, p->err) ||
        !json_part_int(&model, "embed_dim", &p->config->embed_dim, p->err) ||
        !json_part_bool(&model, "quick_gelu", &p->config->quick_gelu, p->err) ||
        !json_part_object(&model, "vision_cfg", "vision_cfg.", &part, p->err) ||
        !parse_vision_cfg(p, &part) ||
        !json_part_object(&model, "text_cfg", "text_cfg.", &part, p->err) ||
        !parse_text_cfg(p, &part)) {
        return false;
    }
    if (!clip_config_check(p->config, root->place, p->err)) return false;
    *p->preprocessing = model_preprocessing_clip(p->config->image.size);
    if (!is_nested || json_object_get(root->object, "preprocess_cfg") == NULL) return true;
    return json_part_object(root, "preprocess_cfg", "preprocess_cfg.", &part, p->err) &&
           parse_preprocess_cfg(p, &part);
}

/* ---- Hugging Face's layout ---- */

/* What both towers have. */
typedef struct {
    int width, hidden, depth, heads;
    bool quick_gelu;
} Blocks;

static bool parse_blocks(const Parse *p, const JsonPart *part, Blocks *b)
{
    static const char *const activations[] = {"gelu", "quick_gelu"};
    double eps = 1e-5;
    b->quick_gelu = true;
    if (!json_part_int(part, "hidden_size", &b->width, p->err) ||
        !json_part_int(part, "intermediate_size", &b->hidden, p->err) ||
        !json_part_int(part, "num_hidden_layers", &b->depth, p->err) ||
        !json_part_int(part, "num_attention_heads", &b->heads, p->err) ||
        !json_part_real(part, "layer_norm_eps", &eps, p->err) ||
        !choose(p, part, "hidden_act", activations, &b->quick_gelu)) {
        return false;
    }
    if (b->width < 1 || b->hidden < 1) {
        return json_part_error(part, "hidden_size", "expected sizes above 0", p->err);
    }
    if (fabs(eps - 1e-5) < 1e-12) return true;
    return json_part_error(part, "layer_norm_eps", "expected 1e-05", p->err);
}

static bool parse_vision_config(const Parse *p, const JsonPart *part)
{
    ClipImageConfig *c = &p->config->image;
    *c = (ClipImageConfig){.kind = CLIP_VIT, .size = 224, .channels = 3, .patch = 32};
    Blocks b = {.width = 768, .hidden = 3072, .depth = 12, .heads = 12};
    if (!json_part_side(part, "image_size", &c->size, p->err) ||
        !json_part_int(part, "num_channels", &c->channels, p->err) ||
        !json_part_side(part, "patch_size", &c->patch, p->err) || !parse_blocks(p, part, &b)) {
        return false;
    }
    c->width = b.width;
    c->depth = b.depth;
    c->heads = b.heads;
    c->mlp_ratio = (double)b.hidden / b.width;
    p->config->quick_gelu = b.quick_gelu;
    return true;
}

static bool parse_text_config(const Parse *p, const JsonPart *part)
{
    ClipTextConfig *c = &p->config->text;
    *c = (ClipTextConfig){.context = 77, .vocabulary = 49408};
    Blocks b = {.width = 512, .hidden = 2048, .depth = 12, .heads = 8};
    if (!json_part_int(part, "max_position_embeddings", &c->context, p->err) ||
        !json_part_int(part, "vocab_size", &c->vocabulary, p->err) || !parse_blocks(p, part, &b)) {
        return false;
    }
    c->width = b.width;
    c->depth = b.depth;
    c->heads = b.heads;
    c->mlp_ratio = (double)b.hidden / b.width;
    if (b.quick_gelu == p->config->quick_gelu) return true;
    return json_part_error(part, "hidden_act", "expected the image tower's", p->err);
}

static bool parse_hugging_face(const Parse *p, const JsonPart *root, const JsonPart *preprocessor)
{
    const char *type = "clip";
    JsonPart part;
    p->config->embed_dim = 512;
    if (!json_part_text(root, "model_type", &type, p->err)) return false;
    if (!str_equal(type, "clip")) {
        return json_part_error(root, "model_type", "expected \"clip\"", p->err);
    }
    if (!json_part_int(root, "projection_dim", &p->config->embed_dim, p->err) ||
        !json_part_object(root, "vision_config", "vision_config.", &part, p->err) ||
        !parse_vision_config(p, &part) ||
        !json_part_object(root, "text_config", "text_config.", &part, p->err) ||
        !parse_text_config(p, &part) || !clip_config_check(p->config, root->place, p->err)) {
        return false;
    }
    *p->preprocessing = model_preprocessing_clip(p->config->image.size);
    return preprocessor->object == NULL || parse_preprocessor(p, preprocessor);
}

/* ---- all of them ---- */

static json_t *parse_text(const char *text, const char *place, Err *err)
{
    json_error_t what;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &what);
    if (root == NULL) {
        err_set(err, ERR_FORMAT, "%s:%d: %s", place, what.line, what.text);
    } else if (!json_is_object(root)) {
        err_set(err, ERR_FORMAT, "%s: not a JSON object", place);
        json_decref(root);
        root = NULL;
    }
    return root;
}

bool model_config_parse(ClipConfig *config, ModelPreprocessing *preprocessing,
                        const ModelConfigTexts *texts, Err *err)
{
    ClipConfig found = {0};
    ModelPreprocessing prepared = {0};
    Parse p = {.config = &found, .preprocessing = &prepared, .err = err};
    JsonPart root = {parse_text(texts->config, texts->config_place, err), texts->config_place, ""};
    if (root.object == NULL) return false;
    JsonPart preprocessor = {NULL, texts->preprocessor_place, ""};
    bool ok = true;
    if (texts->preprocessor != NULL) {
        preprocessor.object = parse_text(texts->preprocessor, texts->preprocessor_place, err);
        ok = preprocessor.object != NULL;
    }
    bool is_hugging_face = json_object_get(root.object, "vision_config") != NULL;
    ok = ok && (is_hugging_face ? parse_hugging_face(&p, &root, &preprocessor)
                                : parse_open_clip(&p, &root));
    json_decref(root.object);
    json_decref(preprocessor.object);
    if (!ok) return false;
    *config = found;
    *preprocessing = prepared;
    return true;
}
