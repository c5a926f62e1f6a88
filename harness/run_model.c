/* Model directories as runs see them. */
#include "run_model.h"

#include "file.h"
#include "file_digest.h"
#include "score_model.h"
#include "str.h"

#include <math.h>

/* ---- the spec ---- */

static void fill_numbers(NumberList *list, const double values[3], Arena *arena)
{
    if (list->n != 0) return;
    *list = (NumberList){arena_alloc(arena, 3, sizeof *list->items), 3};
    for (int i = 0; i < 3; i++) list->items[i] = values[i];
}

static void fill_spec(RunSpec *spec, const ModelPreprocessing *p, Arena *arena)
{
    DataSpec *data = &spec->data;
    if (data->image_size == 0) data->image_size = p->size;
    if (data->fit == SPEC_FIT_AUTO)
        data->fit = p->resize == RESIZE_SHORTEST_CROP ? SPEC_FIT_CROP : SPEC_FIT_SQUASH;
    if (data->filter == SPEC_FILTER_AUTO)
        data->filter = p->filter == FILTER_BICUBIC ? SPEC_FILTER_BICUBIC : SPEC_FILTER_BILINEAR;
    fill_numbers(&spec->net.mean, p->mean, arena);
    fill_numbers(&spec->net.std, p->std, arena);
}

bool run_model_open(ModelDir **out, RunSpec *spec, Arena *arena, Err *err)
{
    *out = NULL;
    if (!str_equal(spec->net.name, RUN_NET_CLIP)) return true;
    if (spec->net.model[0] == '\0') {
        return err_set(err, ERR_FORMAT,
                       "net.model: found nothing, expected a model directory (net.name is clip)");
    }
    if (!model_dir_open(out, spec->net.model, err)) return err_context(err, "net.model");
    fill_spec(spec, model_dir_preprocessing(*out), arena);
    return true;
}

InputSpec run_model_input(const RunSpec *spec, int channels)
{
    InputSpec input = input_spec_plain((int)spec->data.image_size);
    input.fit = spec->data.fit == SPEC_FIT_CROP ? FIT_CROP : FIT_SQUASH;
    input.filter = spec->data.filter == SPEC_FILTER_BICUBIC ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR;
    for (int i = 0; channels == 3 && i < 3; i++) {
        input.mean[i] = (float)spec->net.mean.items[i];
        input.std[i] = (float)spec->net.std.items[i];
    }
    return input;
}

/* ---- what it is ---- */

MUST_USE static bool add_file(Sha256 *sha, const char *folder, const char *name, Err *err)
{
    char digest[SHA256_HEX_SIZE];
    Arena *arena = arena_new();
    const char *path = file_join(arena, folder, name);
    bool exists = file_exists(path), ok = !exists || file_digest(digest, path, err);
    if (ok && exists) {
        sha256_add_str(sha, name);
        sha256_add_str(sha, digest);
    }
    arena_free(arena);
    return ok;
}

bool run_model_digest(char out[SHA256_HEX_SIZE], const ModelDir *dir, Err *err)
{
    static const char *const files[] = {"config.json", "open_clip_config.json",
                                        "preprocessor_config.json", "vocab.json", "merges.txt"};
    char weights[SHA256_HEX_SIZE];
    if (!file_digest(weights, model_dir_weights_path(dir), err)) return false;
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, weights);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof files / sizeof files[0]; i++)
        ok = add_file(sha, model_dir_path(dir), files[i], err);
    sha256_done_hex(sha, out);
    return ok;
}

/* ---- classes ---- */

static ScoreTemplates templates_of(const RunSpec *spec, Arena *arena)
{
    const TextList *given = &spec->net.template_texts;
    int n = given->n > 0 ? given->n : 1;
    const char **items = arena_alloc(arena, (size_t)n, sizeof *items);
    items[0] = SCORE_TEMPLATE;
    for (int i = 0; i < given->n; i++) items[i] = given->items[i];
    return (ScoreTemplates){items, n};
}

static double logit_scale(const ScoreModel *m)
{
    tape_begin(m->tape, 0, 0);
    return exp((double)clip_logit_scale(m->clip, m->tape)->v[0]);
}

MUST_USE static bool ask_model(RunClasses *out, ScoreModel *m, const Dataset *dataset,
                               const ScoreTemplates *templates, Arena *arena, Err *err)
{
    ScoreClasses classes;
    Str joined = {0};
    if (!score_model_classes(m, &classes, dataset, templates, arena, err)) return false;
    score_templates_join(templates, &joined);
    *out = (RunClasses){
        .rows = classes.rows,
        .prompts = classes.prompts,
        .template_text = arena_strdup(arena, str_text(&joined)),
        .architecture = arena_strdup(arena, str_text(&m->architecture)),
        .logit_scale = logit_scale(m),
        .n = dataset->n_classes,
        .dim = clip_config(m->clip)->embed_dim,
    };
    str_done(&joined);
    return true;
}

bool run_model_classes(RunClasses *out, const RunSpec *spec, const Dataset *dataset,
                       ThreadPool *threads, Arena *arena, Err *err)
{
    ScoreModel model;
    ScoreTemplates templates = templates_of(spec, arena);
    ScoreModelOptions options = {.folder = spec->net.model, .threads = threads};
    if (!score_model_open(&model, &options, err)) return false;
    bool ok = ask_model(out, &model, dataset, &templates, arena, err);
    score_model_close(&model);
    return ok;
}

float *run_model_classifier(const RunClasses *classes, Arena *arena)
{
    size_t n = (size_t)classes->n * (size_t)classes->dim;
    float *weight = arena_alloc(arena, n, sizeof *weight);
    for (size_t i = 0; i < n; i++) weight[i] = (float)(classes->logit_scale * classes->rows[i]);
    return weight;
}
