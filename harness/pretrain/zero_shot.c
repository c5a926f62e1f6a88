/* Embeddings of prompts and images, and the nearest of them. */
#include "zero_shot.h"

#include "alignment.h"
#include "clean.h"
#include "embedding.h"
#include "mem.h"
#include "prompts.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Dataset *dataset;
    CleanImages *clean;
    int *tokens;      /* [n_classes, n_templates, context] */
    float *classes;   /* [n_classes, embed_dim] */
    float *rows;      /* [n_images, embed_dim] */
    int *labels;      /* [n_images] */
    Alignment *found; /* [n_images] */
} Target;

struct ZeroShot {
    ZeroShotOptions options;
    Arena *arena;
    Target *targets;
    int n_targets, n_results;
    float *x; /* one batch */
};

static bool open_target(ZeroShot *z, Target *target, int i, Err *err)
{
    const PretrainSpec *spec = z->options.spec;
    const TextList *roots = &spec->evaluate.roots, *templates = &spec->evaluate.templates;
    const char *root = roots->n > 0 && roots->items[i][0] != '\0' ? roots->items[i] : NULL;
    DatasetOptions options = {.root = root, .pool = z->options.pool};
    if (!dataset_open(&target->dataset, spec->evaluate.datasets.items[i], &options, err))
        return err_context(err, "evaluate.datasets");
    const Dataset *d = target->dataset;
    if (d->channels != 3) {
        return err_set(err, ERR_FORMAT, "%s: images of %d channels, expected 3 (evaluate.datasets)",
                       d->name, d->channels);
    }
    size_t n = (size_t)d->n_images, k = (size_t)d->n_classes, dim = (size_t)z->options.embed_dim;
    target->clean = clean_new(d, &z->options.input, CLEAN_CACHE_DEFAULT);
    target->tokens = arena_alloc(z->arena, k * (size_t)templates->n,
                                 (size_t)z->options.context * sizeof *target->tokens);
    target->classes = arena_alloc(z->arena, k, dim * sizeof *target->classes);
    target->rows = arena_alloc(z->arena, n, dim * sizeof *target->rows);
    target->found = arena_alloc(z->arena, n, sizeof *target->found);
    target->labels = arena_alloc(z->arena, n, sizeof *target->labels);
    for (int image = 0; image < d->n_images; image++)
        target->labels[image] = d->images[image].label;
    PromptTexts prompts = {d->class_texts, d->n_classes, templates};
    return prompts_tokenize(target->tokens, z->options.tokenizer, z->options.context, &prompts,
                            err) ||
           err_context(err, "%s", d->name);
}

bool zero_shot_new(ZeroShot **out, const ZeroShotOptions *options, Err *err)
{
    ZeroShot *z = mem_alloc(1, sizeof *z);
    z->options = *options;
    z->arena = arena_new();
    size_t n = (size_t)options->spec->evaluate.batch_size, size = (size_t)options->input.size;
    z->x = arena_alloc(z->arena, n, size * size * 3 * sizeof *z->x);
    int n_targets = options->spec->evaluate.datasets.n;
    z->targets = arena_alloc(z->arena, (size_t)n_targets, sizeof *z->targets);
    for (z->n_targets = 0; z->n_targets < n_targets;) {
        Target *target = &z->targets[z->n_targets++];
        if (!open_target(z, target, z->n_targets - 1, err)) {
            zero_shot_free(z);
            return false;
        }
        z->n_results += target->dataset->n_domains;
    }
    *out = z;
    return true;
}

void zero_shot_free(ZeroShot *z)
{
    if (z == NULL) return;
    for (int i = 0; i < z->n_targets; i++) {
        clean_free(z->targets[i].clean);
        dataset_close(z->targets[i].dataset);
    }
    arena_free(z->arena);
    free(z);
}

int zero_shot_count(const ZeroShot *z)
{
    return z->n_results;
}

void zero_shot_describe(const ZeroShot *z, ZeroShotResult *results)
{
    for (int i = 0; i < z->n_targets; i++) {
        const Dataset *d = z->targets[i].dataset;
        for (int k = 0; k < d->n_domains; k++) {
            *results++ = (ZeroShotResult){.dataset = d->name,
                                          .domain = d->domains[k],
                                          .n_classes = d->n_classes,
                                          .n = d->first[k + 1] - d->first[k]};
        }
    }
}

static bool embed_images(ZeroShot *z, const Target *target, Clip *clip, Tape *t, Err *err)
{
    int n = target->dataset->n_images, most = (int)z->options.spec->evaluate.batch_size;
    int size = z->options.input.size, dim = z->options.embed_dim;
    int *images = mem_alloc((size_t)n, sizeof *images);
    for (int i = 0; i < n; i++) images[i] = i;
    bool ok = true;
    for (int begin = 0; begin < n && ok; begin += most) {
        int n_batch = n - begin < most ? n - begin : most;
        ok = clean_batch(target->clean, z->x, images + begin, n_batch, z->options.pool, err);
        if (!ok) break;
        tape_begin(t, 0, 0);
        Tensor *x = tape_input(t, z->x, 4, (int[]){n_batch, size, size, 3});
        const Tensor *e = clip_encode_images(clip, t, x);
        memcpy(target->rows + (size_t)begin * (size_t)dim, e->v,
               (size_t)n_batch * (size_t)dim * sizeof *e->v);
    }
    free(images);
    return ok;
}

static void count_correct(const Target *target, ZeroShotResult *results)
{
    const Dataset *d = target->dataset;
    for (int k = 0; k < d->n_domains; k++) {
        results[k].correct = 0;
        for (int i = d->first[k]; i < d->first[k + 1]; i++)
            results[k].correct += target->found[i].zero_shot == target->labels[i];
    }
}

static bool evaluate_target(ZeroShot *z, const Target *target, ZeroShotResult *results, Clip *clip,
                            Tape *t, Err *err)
{
    const Dataset *d = target->dataset;
    int dim = z->options.embed_dim;
    prompts_encode(target->classes, clip, t, target->tokens, d->n_classes,
                   z->options.spec->evaluate.templates.n);
    if (!embed_images(z, target, clip, t, err)) return false;
    int bad = embedding_normalise(target->rows, d->n_images, dim);
    if (bad >= 0) {
        return err_set(err, ERR_FORMAT, "%s: %s: its embedding is zero or no number", d->name,
                       d->images[bad].path);
    }
    AlignmentTask task = {.images = target->rows,
                          .labels = target->labels,
                          .n = d->n_images,
                          .classes = target->classes,
                          .n_classes = d->n_classes,
                          .dim = dim};
    alignment_compute(target->found, &task, z->options.pool);
    count_correct(target, results);
    return true;
}

bool zero_shot_evaluate(ZeroShot *z, ZeroShotResult *results, Clip *clip, Tape *t, Err *err)
{
    zero_shot_describe(z, results);
    for (int i = 0; i < z->n_targets; i++) {
        if (!evaluate_target(z, &z->targets[i], results, clip, t, err)) return false;
        results += z->targets[i].dataset->n_domains;
    }
    return true;
}
