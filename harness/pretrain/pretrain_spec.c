/* Every key of a pretraining: name, type, default, range, help. Defaults are those of CLIP and
 * OpenCLIP where they carry over to models this small. */
#include "pretrain_spec.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

#define AT(k, t, field) .key = (k), .type = FIELD_##t, .offset = offsetof(PretrainSpec, field)
#define MAX_SEED        9007199254740992.0 /* 2^53: whole numbers beyond it do not survive JSON */

static const char *const bad_images[] = {"refuse", "skip", NULL};
static const char *const too_long[] = {"truncate", "refuse", NULL};
static const char *const positives[] = {"phrase", "label", "pair", NULL};
static const char *const weights[] = {"bf16", "f32", NULL};

enum { PLACE = FIELD_NOT_IDENTITY, MAX_CONFIG_BYTES = 1 << 20 };

static const SchemaRow rows[] = {
    {AT("name", TEXT, name), .flags = PLACE,
     .help = "what messages call it; not given: the file's name"},
    {AT("pairs", TEXT_LIST, pairs), .flags = FIELD_REQUIRED | PLACE,
     .help = "CSV files: path,caption, or path,label,keywords,subgroup,group; images lie beside "
             "their file; ${cache} is the cache folder"},
    {AT("bad_images", CHOICE, bad_images), .choices = bad_images,
     .help = "images that are missing or cannot be read: refuse the pairs, or skip and count them"},
    {AT("tokenizer", TEXT, tokenizer), .flags = FIELD_REQUIRED | PLACE,
     .help = "folder with merges.txt and vocab.json"},
    {AT("output", TEXT, output), .flags = PLACE, .default_text = "pretrain-out",
     .help = "folder of the model directory that is made, its log and its checkpoint"},
    {AT("seed", INT, seed), .default_text = "0", .low = 0, .high = MAX_SEED,
     .help = "of initial values, batches, captions, augmentation"},

    {AT("model.config", TEXT, model.config), .flags = PLACE,
     .help = "config.json of a model directory, in place of the other keys of model"},
    {AT("model.image_tower", TEXT, model.image_tower), .default_text = "vit",
     .help = "vit, or a network of `dgbench list nets`: its features and a projection"},
    {AT("model.embed_dim", INT, model.embed_dim), .default_text = "128", .low = 1, .high = 4096,
     .help = "numbers in an embedding"},
    {AT("model.image_size", INT, model.image_size), .default_text = "32", .low = 8, .high = 1024,
     .help = "pixels, square"},
    {AT("model.patch", INT, model.patch), .default_text = "4", .low = 1, .high = 1024,
     .help = "vit: pixels of a patch's side"},
    {AT("model.width", INT, model.width), .default_text = "128", .low = 1, .high = 8192,
     .help = "vit: features of a token"},
    {AT("model.depth", INT, model.depth), .default_text = "6", .low = 1, .high = 64,
     .help = "vit: blocks"},
    {AT("model.heads", INT, model.heads), .default_text = "4", .low = 1, .high = 128,
     .help = "vit: attention heads"},
    {AT("model.context", INT, model.context), .default_text = "24", .low = 3, .high = 512,
     .help = "tokens of a caption, start and end included"},
    {AT("model.text_width", INT, model.text_width), .default_text = "128", .low = 1, .high = 8192,
     .help = "features of a text's token"},
    {AT("model.text_depth", INT, model.text_depth), .default_text = "2", .low = 1, .high = 64,
     .help = "blocks of the text tower"},
    {AT("model.text_heads", INT, model.text_heads), .default_text = "4", .low = 1, .high = 128,
     .help = "its attention heads"},
    {AT("model.mlp_ratio", FLOAT, model.mlp_ratio), .default_text = "4", .low = 0.25, .high = 16,
     .help = "hidden layers of both towers are so many times as wide"},
    {AT("model.quick_gelu", BOOL, model.quick_gelu),
     .help = "x * sigmoid(1.702 x) in place of the exact GELU"},
    {AT("model.mean", NUMBER_LIST, model.mean), .default_text = "0.5,0.5,0.5", .low = 0, .high = 1,
     .help = "subtracted from RGB in [0,1]"},
    {AT("model.std", NUMBER_LIST, model.std), .default_text = "0.5,0.5,0.5", .low = 0.001,
     .high = 10, .help = "then divided by"},

    {AT("captions.label", FLOAT, captions.label), .default_text = "0.4", .low = 0, .high = 1e6,
     .help = "weight of the label among the words that a caption is made of; what an image lacks "
             "is not drawn"},
    {AT("captions.keyword", FLOAT, captions.keyword), .default_text = "0.2", .low = 0, .high = 1e6,
     .help = "weight of its keywords (one of them)"},
    {AT("captions.subgroup", FLOAT, captions.subgroup), .default_text = "0.25", .low = 0,
     .high = 1e6, .help = "weight of its subgroup's words"},
    {AT("captions.group", FLOAT, captions.group), .default_text = "0.15", .low = 0, .high = 1e6,
     .help = "weight of its group's words"},
    {AT("captions.templates", TEXT_LIST, captions.templates), .default_text = "{},a picture of {}",
     .help = "one is drawn for each of these, {} is the words; a caption given in the CSV stays as "
             "it is"},
    {AT("captions.too_long", CHOICE, captions.too_long), .choices = too_long,
     .help = "captions of more tokens than model.context: cut them as OpenCLIP does, or refuse the "
             "pairs"},

    {AT("augment.crop", FLOAT, augment.crop), .default_text = "0.6", .low = 0, .high = 1,
     .help = "smallest part of the area that a random resized crop keeps; 0: no crop"},
    {AT("augment.flip", FLOAT, augment.flip), .default_text = "0", .low = 0, .high = 1,
     .help = "probability of a mirror image; 0, since names like \"left arrow\" tell sides apart"},
    {AT("augment.jitter", FLOAT, augment.jitter), .default_text = "0.2", .low = 0, .high = 0.5,
     .help = "strength of the colour jitter; 0: none"},
    {AT("augment.grey", FLOAT, augment.grey), .default_text = "0.2", .low = 0, .high = 1,
     .help = "probability of a grey image"},

    {AT("train.steps", INT, train.steps), .default_text = "3000", .low = 1, .high = 1e9,
     .help = "optimiser steps"},
    {AT("train.batch_size", INT, train.batch_size), .default_text = "256", .low = 2, .high = 65536,
     .help = "pairs per step"},
    {AT("train.warm_up", INT, train.warm_up), .default_text = "100", .low = 0, .high = 1e9,
     .help = "first steps, in which the learning rate rises linearly"},
    {AT("train.lr", FLOAT, train.lr), .default_text = "0.001", .low = 0, .high = 10,
     .help = "learning rate (AdamW)"},
    {AT("train.lr_final", FLOAT, train.lr_final), .default_text = "0", .low = 0, .high = 1,
     .help = "fraction of it at the end of its half cosine"},
    {AT("train.weight_decay", FLOAT, train.weight_decay), .default_text = "0.1", .low = 0,
     .high = 10, .help = "of matrices; biases, norms and the temperature are not decayed"},
    {AT("train.beta1", FLOAT, train.beta1), .default_text = "0.9", .low = 0, .high = 0.9999,
     .help = "AdamW"},
    {AT("train.beta2", FLOAT, train.beta2), .default_text = "0.98", .low = 0, .high = 0.99999,
     .help = "AdamW; CLIP's for ViTs"},
    {AT("train.eps", FLOAT, train.eps), .default_text = "1e-06", .low = 1e-12, .high = 1,
     .help = "AdamW; CLIP's for ViTs"},
    {AT("train.positives", CHOICE, train.positives), .choices = positives,
     .help = "texts of a batch that are true for an image and share its target: made of one of its "
             "phrases, of the same label, or only its own (CLIP)"},
    {AT("train.log_freq", INT, train.log_freq), .flags = PLACE, .default_text = "50", .low = 1,
     .high = 1e9, .help = "steps per line of the log"},
    {AT("train.checkpoint_freq", INT, train.checkpoint_freq), .flags = PLACE, .default_text = "500",
     .low = 1, .high = 1e9, .help = "steps between checkpoints; each evaluates zero-shot"},
    {AT("train.threads", INT, train.threads), .flags = PLACE, .default_text = "0", .low = 0,
     .high = 1024, .help = "0: all cores"},
    {AT("train.workers", INT, train.workers), .flags = PLACE, .default_text = "0", .low = 0,
     .high = 1024, .help = "threads that prepare the next batches; 0: as many as threads"},
    {AT("train.weights", CHOICE, train.weights), .choices = weights,
     .help = "type of the numbers in model.safetensors"},

    {AT("evaluate.datasets", TEXT_LIST, evaluate.datasets), .flags = PLACE,
     .help = "zero-shot accuracy on these, domain by domain: names, descriptors or folders"},
    {AT("evaluate.roots", TEXT_LIST, evaluate.roots), .flags = PLACE,
     .help = "their folders, in the same order; \"\": where the descriptor says"},
    {AT("evaluate.templates", TEXT_LIST, evaluate.templates), .flags = PLACE,
     .default_text = "a picture of {}",
     .help = "prompts, {} is the class; of several the embeddings are averaged"},
    {AT("evaluate.batch_size", INT, evaluate.batch_size), .flags = PLACE, .default_text = "256",
     .low = 1, .high = 65536, .help = "images per forward pass"},
};

const Schema *pretrain_schema(void)
{
    static const Schema schema = {rows, sizeof rows / sizeof rows[0]};
    return &schema;
}

/* ---- reading ---- */

static bool check_templates(const TextList *templates, const char *key, const char *place, Err *err)
{
    for (int i = 0; i < templates->n; i++) {
        const char *hole = strstr(templates->items[i], "{}");
        if (hole != NULL && strstr(hole + 2, "{}") == NULL) continue;
        return err_set(err, ERR_FORMAT, "%s: %s: found \"%s\", expected a text with one {}", place,
                       key, templates->items[i]);
    }
    if (templates->n > 0) return true;
    return err_set(err, ERR_FORMAT, "%s: %s: found none, expected at least one", place, key);
}

static bool check_lists(const PretrainSpec *s, const char *place, Err *err)
{
    if (s->model.mean.n != 3 || s->model.std.n != 3) {
        return err_set(err, ERR_FORMAT,
                       "%s: model.mean, model.std: found %d and %d numbers, expected 3 each", place,
                       s->model.mean.n, s->model.std.n);
    }
    int n_roots = s->evaluate.roots.n;
    if (n_roots > 0 && n_roots != s->evaluate.datasets.n) {
        return err_set(err, ERR_FORMAT,
                       "%s: evaluate.roots: found %d, expected one for each of the %d datasets",
                       place, n_roots, s->evaluate.datasets.n);
    }
    return check_templates(&s->captions.templates, "captions.templates", place, err) &&
           check_templates(&s->evaluate.templates, "evaluate.templates", place, err);
}

static bool check_numbers(const PretrainSpec *s, const char *place, Err *err)
{
    if (s->train.warm_up >= s->train.steps) {
        return err_set(err, ERR_FORMAT,
                       "%s: train.warm_up: found %lld, expected fewer than the %lld steps", place,
                       (long long)s->train.warm_up, (long long)s->train.steps);
    }
    if (s->captions.label + s->captions.keyword + s->captions.subgroup + s->captions.group > 0)
        return true;
    return err_set(err, ERR_FORMAT,
                   "%s: captions: all weights are 0, expected one of label, keyword, subgroup, "
                   "group above 0",
                   place);
}

bool pretrain_spec_read(PretrainSpec *out, const char *path, const char *const *sets, int n_sets,
                        Arena *arena, Err *err)
{
    const Schema *schema = pretrain_schema();
    PretrainSpec spec;
    YamlNode *root;
    schema_defaults(schema, &spec, arena);
    if (!yaml_parse_file(&root, path, arena, err) ||
        !schema_read(schema, &spec, root, path, arena, err)) {
        return false;
    }
    for (int i = 0; i < n_sets; i++) {
        if (!schema_set(schema, &spec, sets[i], arena, err)) return false;
    }
    if (!schema_complete(schema, &spec, path, err) || !check_lists(&spec, path, err) ||
        !check_numbers(&spec, path, err)) {
        return false;
    }
    if (spec.name[0] == '\0') spec.name = arena_strdup(arena, file_base_name(path));
    *out = spec;
    return true;
}

/* ---- writing ---- */

void pretrain_spec_yaml(const PretrainSpec *spec, Str *out)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].offset == offsetof(PretrainSpec, output)) continue;
        str_addf(out, "%s: ", rows[i].key);
        schema_value_text(&rows[i], spec, out);
        str_add(out, "\n");
    }
}

/* ---- the model ---- */

static void model_from_keys(ClipConfig *config, ModelPreprocessing *preprocessing,
                            const PretrainModel *m)
{
    *config = (ClipConfig){
        .embed_dim = (int)m->embed_dim,
        .quick_gelu = m->quick_gelu,
        .image = {.kind = m->image_tower, .size = (int)m->image_size, .channels = 3},
        .text = {.context = (int)m->context,
                 .width = (int)m->text_width,
                 .depth = (int)m->text_depth,
                 .heads = (int)m->text_heads,
                 .mlp_ratio = m->mlp_ratio},
    };
    if (str_equal(m->image_tower, CLIP_VIT)) {
        config->image.patch = (int)m->patch;
        config->image.width = (int)m->width;
        config->image.depth = (int)m->depth;
        config->image.heads = (int)m->heads;
        config->image.mlp_ratio = m->mlp_ratio;
    }
    *preprocessing = (ModelPreprocessing){
        .size = (int)m->image_size, .resize = RESIZE_SQUASH, .filter = FILTER_BILINEAR};
    for (int i = 0; i < 3; i++) {
        preprocessing->mean[i] = m->mean.items[i];
        preprocessing->std[i] = m->std.items[i];
    }
}

bool pretrain_spec_model(ClipConfig *config, ModelPreprocessing *preprocessing,
                         const PretrainSpec *spec, int vocabulary, Err *err)
{
    const char *path = spec->model.config;
    if (path[0] == '\0') {
        model_from_keys(config, preprocessing, &spec->model);
        config->text.vocabulary = vocabulary;
        return clip_config_check(config, "model", err);
    }
    char *text;
    if (!file_read(&text, NULL, path, MAX_CONFIG_BYTES, err)) return false;
    bool ok = model_config_parse(config, preprocessing,
                                 &(ModelConfigTexts){.config = text, .config_place = path}, err);
    free(text);
    if (!ok) return false;
    if (config->text.vocabulary == vocabulary) return true;
    return err_set(err, ERR_FORMAT, "%s: vocabulary of %d, expected the tokenizer's %d", path,
                   config->text.vocabulary, vocabulary);
}
