/* Opening a model directory for scoring; encoding images and prompts with it. */
#include "score_model.h"

#include "prompts.h"

#include <math.h>
#include <string.h>

enum { BATCH_IMAGES = 64 };

const char SCORE_TEMPLATE[] = "a photo of a {}";
const char SCORE_TEMPLATE_IPOOP[] = "A photo of {name}.";
static const char JOINT[] = " | ";
static const char NAME_HOLE[] = "{name}", TEXT_HOLE[] = "{}";

/* ---- the model ---- */

static InputSpec input_of(const ModelPreprocessing *p)
{
    InputSpec spec = {.size = p->size,
                      .fit = p->resize == RESIZE_SHORTEST_CROP ? FIT_CROP : FIT_SQUASH,
                      .filter = p->filter == FILTER_BICUBIC ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR};
    for (int c = 0; c < 3; c++) {
        spec.mean[c] = (float)p->mean[c];
        spec.std[c] = (float)p->std[c];
    }
    return spec;
}

MUST_USE static bool choose_input(ScoreModel *m, const ScoreModelOptions *options, Err *err)
{
    InputSpec *spec = &m->encoder.input;
    *spec = options->ipoop ? input_spec_imagenet(model_dir_preprocessing(m->dir)->size)
                           : input_of(model_dir_preprocessing(m->dir));
    for (int i = 0; i < options->n_preprocess; i++) {
        if (!input_spec_change(spec, options->preprocess[i], "--preprocess", err)) return false;
    }
    input_spec_describe(spec, &m->preprocessing);
    return true;
}

/* All that decides what the weights compute. */
static void describe(const ClipConfig *c, Str *out)
{
    const ClipImageConfig *image = &c->image;
    str_addf(out, "clip %s %d", image->kind, image->size);
    if (str_equal(image->kind, CLIP_VIT)) {
        str_addf(out, "/%d, %d x %d, %d heads, mlp %g", image->patch, image->depth, image->width,
                 image->heads, image->mlp_ratio);
    }
    const ClipTextConfig *text = &c->text;
    str_addf(out, "; text %d, %d x %d, %d heads, mlp %g; embedding %d, %s", text->context,
             text->depth, text->width, text->heads, text->mlp_ratio, c->embed_dim,
             c->quick_gelu ? "quick gelu" : "gelu");
}

static void encode_images(void *context, float *out, const float *x, int n)
{
    ScoreModel *m = context;
    const ClipImageConfig *image = &clip_config(m->clip)->image;
    tape_begin(m->tape, 0, 0);
    Tensor *batch =
        tape_input(m->tape, x, 4, (int[]){n, image->size, image->size, image->channels});
    const Tensor *e = clip_encode_images(m->clip, m->tape, batch);
    memcpy(out, e->v, (size_t)n * (size_t)m->encoder.dim * sizeof *out);
}

MUST_USE static bool open_parts(ScoreModel *m, const ScoreModelOptions *options, Err *err)
{
    if (!model_dir_open(&m->dir, options->folder, err) || !choose_input(m, options, err) ||
        !tokenizer_open(&m->tokenizer, m->dir, err) || !clip_open(&m->clip, m->dir, err))
        return false;
    return model_dir_digest(m->dir, m->weights, err);
}

bool score_model_open(ScoreModel *out, const ScoreModelOptions *options, Err *err)
{
    *out = (ScoreModel){0};
    if (!open_parts(out, options, err)) {
        score_model_close(out);
        return false;
    }
    describe(clip_config(out->clip), &out->architecture);
    str_addf(&out->key, "%s %s", out->weights, str_text(&out->architecture));
    out->tape = tape_new(&(TapeOptions){.threads = options->threads});
    out->encoder.dim = clip_config(out->clip)->embed_dim;
    out->encoder.batch_size = BATCH_IMAGES;
    out->encoder.channels = clip_config(out->clip)->image.channels;
    out->encoder.key = str_text(&out->key);
    out->encoder.context = out;
    out->encoder.encode = encode_images;
    return true;
}

void score_model_close(ScoreModel *m)
{
    tape_free(m->tape);
    clip_free(m->clip);
    tokenizer_free(m->tokenizer);
    model_dir_close(m->dir);
    str_done(&m->architecture);
    str_done(&m->preprocessing);
    str_done(&m->key);
    *m = (ScoreModel){0};
}

/* ---- prompts ---- */

bool score_templates_check(const ScoreTemplates *templates, Err *err)
{
    for (int i = 0; i < templates->n; i++) {
        const char *text = templates->items[i];
        if (strstr(text, TEXT_HOLE) != NULL || strstr(text, NAME_HOLE) != NULL) continue;
        return err_set(err, ERR_USAGE,
                       "--template: found \"%s\", expected {} (or {name}) where the class stands",
                       text);
    }
    return true;
}

void score_templates_join(const ScoreTemplates *templates, Str *out)
{
    for (int i = 0; i < templates->n; i++)
        str_addf(out, "%s%s", i > 0 ? JOINT : "", templates->items[i]);
}

static void fill_template(Str *out, const char *text, const Dataset *dataset, int k)
{
    const char *hole = strstr(text, NAME_HOLE);
    if (hole == NULL) {
        prompt_fill(out, text, dataset->class_texts[k]);
        return;
    }
    str_add_n(out, text, (size_t)(hole - text));
    str_add(out, dataset->classes[k]);
    str_add(out, hole + strlen(NAME_HOLE));
}

/* The prompts of one class after the other. */
typedef struct {
    const ScoreModel *model;
    const Dataset *dataset;
    const ScoreTemplates *templates;
    int *tokens; /* [templates->n, context] */
    Str prompt, joined;
} Prompts;

MUST_USE static bool tokenize_class(Prompts *p, int k, Err *err)
{
    int context = clip_config(p->model->clip)->text.context;
    str_clear(&p->joined);
    for (int i = 0; i < p->templates->n; i++) {
        str_clear(&p->prompt);
        fill_template(&p->prompt, p->templates->items[i], p->dataset, k);
        const char *prompt = str_text(&p->prompt);
        str_addf(&p->joined, "%s%s", i > 0 ? JOINT : "", prompt);
        if (!tokenizer_encode(p->model->tokenizer, prompt, context,
                              p->tokens + (size_t)i * (size_t)context, err))
            return err_context(err, "class \"%s\"", p->dataset->classes[k]);
    }
    return true;
}

/* Rows are of length 1, unless the model's numbers are not finite. */
MUST_USE static bool check_rows(const float *rows, const Dataset *dataset, int dim, Err *err)
{
    for (int k = 0; k < dataset->n_classes; k++) {
        const float *row = rows + (size_t)k * (size_t)dim;
        double sum = 0;
        for (int j = 0; j < dim; j++) sum += (double)row[j] * (double)row[j];
        if (fabs(sum - 1) < 1e-3) continue;
        return err_set(err, ERR_FORMAT,
                       "the model answers the prompt of class \"%s\" with numbers that are zero or"
                       " not finite",
                       dataset->classes[k]);
    }
    return true;
}

bool score_model_classes(ScoreModel *m, ScoreClasses *out, const Dataset *dataset,
                         const ScoreTemplates *templates, Arena *arena, Err *err)
{
    size_t dim = (size_t)clip_config(m->clip)->embed_dim, n = (size_t)dataset->n_classes;
    size_t context = (size_t)clip_config(m->clip)->text.context;
    Prompts p = {.model = m, .dataset = dataset, .templates = templates};
    p.tokens = arena_alloc(arena, (size_t)templates->n * context, sizeof *p.tokens);
    out->rows = arena_alloc(arena, n * dim, sizeof *out->rows);
    out->prompts = arena_alloc(arena, n, sizeof *out->prompts);
    bool ok = true;
    for (int k = 0; ok && k < dataset->n_classes; k++) {
        ok = tokenize_class(&p, k, err);
        if (!ok) break;
        out->prompts[k] = arena_strdup(arena, str_text(&p.joined));
        prompts_encode(out->rows + (size_t)k * dim, m->clip, m->tape, p.tokens, 1, templates->n);
    }
    str_done(&p.prompt);
    str_done(&p.joined);
    return ok && check_rows(out->rows, dataset, (int)dim, err);
}
