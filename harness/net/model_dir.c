/* Model directories: which files there are, what they say, writing a configuration. */
#include "model_dir.h"

#include "arena.h"
#include "file.h"
#include "json_text.h"
#include "mapped_file.h"
#include "mem.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 1 << 20 };

struct ModelDir {
    Arena *arena;
    const char *path, *name, *weights;
    const char *config_path;
    ClipConfig config;
    ModelPreprocessing preprocessing;
};

/* ---- finding ---- */

/* The first of two names that exists in the folder. */
static const char *find_file(const ModelDir *dir, const char *name, const char *other, Err *err)
{
    const char *const names[] = {name, other};
    for (int i = 0; i < 2; i++) {
        const char *path = file_join(dir->arena, dir->path, names[i]);
        if (file_exists(path)) return path;
    }
    err_set(err, ERR_NOT_FOUND, "%s: found neither %s nor %s, expected a model directory",
            dir->path, name, other);
    return NULL;
}

/* "models/vit/" is called "vit". */
static const char *folder_name(Arena *a, const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return file_base_name(arena_strndup(a, path, n));
}

static bool read_config(ModelDir *dir, Err *err)
{
    ModelConfigTexts texts = {0};
    char *config = NULL, *preprocessor = NULL;
    texts.preprocessor_place = file_join(dir->arena, dir->path, "preprocessor_config.json");
    texts.config_place = dir->config_path;
    bool ok = file_read(&config, NULL, texts.config_place, MAX_CONFIG_BYTES, err);
    if (ok && file_exists(texts.preprocessor_place)) {
        ok = file_read(&preprocessor, NULL, texts.preprocessor_place, MAX_CONFIG_BYTES, err);
    }
    texts.config = config;
    texts.preprocessor = preprocessor;
    ok = ok && model_config_parse(&dir->config, &dir->preprocessing, &texts, err);
    free(config);
    free(preprocessor);
    return ok;
}

bool model_dir_open(ModelDir **out, const char *path, Err *err)
{
    if (!file_is_dir(path)) {
        return err_set(err, ERR_NOT_FOUND, "%s: no such folder, expected a model directory", path);
    }
    ModelDir *dir = mem_alloc(1, sizeof *dir);
    dir->arena = arena_new();
    dir->path = arena_strdup(dir->arena, path);
    dir->name = folder_name(dir->arena, path);
    dir->config_path = find_file(dir, "config.json", "open_clip_config.json", err);
    bool ok = dir->config_path != NULL && read_config(dir, err);
    if (ok) {
        dir->weights = find_file(dir, "model.safetensors", "open_clip_model.safetensors", err);
        ok = dir->weights != NULL;
    }
    if (ok) {
        *out = dir;
    } else {
        model_dir_close(dir);
    }
    return ok;
}

void model_dir_close(ModelDir *dir)
{
    if (dir == NULL) return;
    arena_free(dir->arena);
    free(dir);
}

bool model_dir_set_image_size(ModelDir *dir, int size, Err *err)
{
    ClipConfig config = dir->config;
    config.image.size = size;
    if (!clip_config_check(&config, dir->path, err)) return false;
    dir->config = config;
    dir->preprocessing.size = size;
    return true;
}

/* ---- access ---- */

const char *model_dir_path(const ModelDir *dir)
{
    return dir->path;
}

const char *model_dir_name(const ModelDir *dir)
{
    return dir->name;
}

const char *model_dir_weights_path(const ModelDir *dir)
{
    return dir->weights;
}

const ClipConfig *model_dir_config(const ModelDir *dir)
{
    return &dir->config;
}

const ModelPreprocessing *model_dir_preprocessing(const ModelDir *dir)
{
    return &dir->preprocessing;
}

bool model_dir_digest(const ModelDir *dir, char out[SHA256_HEX_SIZE], Err *err)
{
    MappedFile file;
    if (!mapped_file_open(&file, dir->weights, err)) return false;
    Sha256 *s = sha256_new();
    sha256_add(s, file.bytes, file.n);
    sha256_done_hex(s, out);
    mapped_file_close(&file);
    return true;
}

/* ---- writing ---- */

static void add_number(Str *out, const char *key, double value)
{
    str_addf(out, "%s\"%s\": ", str_ends_with(str_text(out), "{") ? "" : ", ", key);
    json_add_number(out, value);
}

static void add_triple(Str *out, const char *key, const double values[3])
{
    str_addf(out, ", \"%s\": [", key);
    for (int i = 0; i < 3; i++) {
        if (i > 0) str_add(out, ", ");
        json_add_number(out, values[i]);
    }
    str_add(out, "]");
}

static void add_image_tower(Str *out, const ClipImageConfig *c)
{
    str_add(out, "    \"vision_cfg\": {");
    add_number(out, "image_size", c->size);
    if (c->channels != 3) add_number(out, "channels", c->channels);
    if (str_equal(c->kind, CLIP_VIT)) {
        add_number(out, "layers", c->depth);
        add_number(out, "width", c->width);
        add_number(out, "patch_size", c->patch);
        int head_width = c->width / c->heads;
        add_number(out, "head_width", head_width);
        if (c->mlp_ratio > 0) add_number(out, "mlp_ratio", c->mlp_ratio);
    } else {
        str_add(out, ", \"image_tower\": ");
        json_add_text(out, c->kind);
    }
    str_add(out, "},\n");
}

static void add_text_tower(Str *out, const ClipTextConfig *c)
{
    str_add(out, "    \"text_cfg\": {");
    add_number(out, "context_length", c->context);
    add_number(out, "vocab_size", c->vocabulary);
    add_number(out, "width", c->width);
    add_number(out, "heads", c->heads);
    add_number(out, "layers", c->depth);
    if (c->mlp_ratio > 0) add_number(out, "mlp_ratio", c->mlp_ratio);
    str_add(out, "}\n");
}

static void add_preprocessing(Str *out, const ModelPreprocessing *p)
{
    str_add(out, "  \"preprocess_cfg\": {");
    add_number(out, "size", p->size);
    str_addf(out, ", \"interpolation\": \"%s\", \"resize_mode\": \"%s\"",
             p->filter == FILTER_BICUBIC ? "bicubic" : "bilinear",
             p->resize == RESIZE_SHORTEST_CROP ? "shortest" : "squash");
    add_triple(out, "mean", p->mean);
    add_triple(out, "std", p->std);
    str_add(out, "}\n");
}

bool model_dir_write_config(const char *folder, const ClipConfig *config,
                            const ModelPreprocessing *preprocessing, Err *err)
{
    if (!file_make_dirs(folder, err)) return false;
    Str out = {0};
    str_addf(&out, "{\n  \"model_cfg\": {\n    \"embed_dim\": %d,\n", config->embed_dim);
    if (config->quick_gelu) str_add(&out, "    \"quick_gelu\": true,\n");
    add_image_tower(&out, &config->image);
    add_text_tower(&out, &config->text);
    str_add(&out, "  },\n");
    add_preprocessing(&out, preprocessing);
    str_add(&out, "}\n");
    Arena *a = arena_new();
    bool ok = file_write_atomic(file_join(a, folder, "config.json"), out.text, out.n, err);
    arena_free(a);
    str_done(&out);
    return ok;
}
