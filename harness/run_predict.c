#include "run_predict.h"

#include "file.h"
#include "grid.h"
#include "low_rank_set.h"
#include "mem.h"
#include "peft_dir.h"
#include "run_names.h"
#include "run_weights.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_IMAGE_BYTES = IMAGE_MAX_FILE_BYTES, MOST_FOLDERS = 32 };

/* ---- weights ---- */

static void fill_head(Params *params, Real value)
{
    for (int id = 0; id < params_count(params); id++) {
        const Param *p = params_get(params, id);
        for (size_t i = 0; (p->flags & PARAM_HEAD) && i < p->size; i++)
            params_values(params)[p->offset + i] = value;
    }
}

static bool has_head(Params *params)
{
    for (int id = 0; id < params_count(params); id++) {
        const Param *p = params_get(params, id);
        if ((p->flags & PARAM_HEAD) && isnan(params_values(params)[p->offset])) return false;
    }
    return true;
}

/* A classifier that is not read stays NaN. */
MUST_USE static bool check_head(const FinishedRun *f, const char *place, Err *err)
{
    if (has_head(learner_params(f->setup.learner))) return true;
    return err_set(err, ERR_FORMAT, "%s: found no classifier of %d classes, expected one", place,
                   f->setup.dataset->n_classes);
}

MUST_USE static bool load_adapter(FinishedRun *f, const char *folder, Err *err)
{
    Params *params = learner_params(f->setup.learner);
    LowRankSet set = {0};
    fill_head(params, (Real)NAN);
    if (!peft_dir_read(&set, params, folder, run_base_name(f->setup.spec, f->setup.model), err))
        return false;
    low_rank_set_merge(&set, params);
    low_rank_set_done(&set);
    return check_head(f, folder, err);
}

MUST_USE static bool load_weights(FinishedRun *f, const char *path, Err *err)
{
    fill_head(learner_params(f->setup.learner), (Real)NAN);
    return net_load(learner_net(f->setup.learner), path, err) && check_head(f, path, err);
}

bool run_predict_prepare(FinishedRun *f, const RunPredictWeights *w, Err *err)
{
    if (!finished_run_learner(f, true, err)) return false;
    if (w->adapter != NULL) return load_adapter(f, w->adapter, err);
    if (w->weights != NULL) return load_weights(f, w->weights, err);
    return finished_run_load(f, finished_run_stem(f, w->raw), err);
}

/* ---- rows ---- */

static void write_head(FILE *out)
{
    fprintf(out, "path,class,confidence\n");
}

static void write_row(FILE *out, const Dataset *dataset, const char *path, const Prediction *p)
{
    csv_field(out, path);
    fputc(',', out);
    csv_field(out, dataset->classes[p->predicted]);
    fprintf(out, ",%.6f\n", (double)p->confidence);
}

bool run_predict_domain(FinishedRun *f, FILE *out, const char *domain, Err *err)
{
    const RunSetup *s = &f->setup;
    const Dataset *d = s->dataset;
    int found = dataset_find_domain(d, domain);
    if (found < 0) return run_unknown_name(err, "--domain", domain, d->domains, d->n_domains);
    int first = d->first[found], n = d->first[found + 1] - first;
    int *images = arena_alloc(f->arena, (size_t)n, sizeof *images);
    Prediction *predictions = arena_alloc(f->arena, (size_t)n, sizeof *predictions);
    for (int i = 0; i < n; i++) images[i] = first + i;
    Evaluator *e = evaluator_new(&(EvaluatorOptions){.dataset = d,
                                                     .input = s->input,
                                                     .batch_size = (int)s->spec->eval.batch_size,
                                                     .threads = s->pool});
    bool ok = evaluator_predict(e, s->learner, predictions, images, n, err);
    evaluator_free(e);
    if (ok) write_head(out);
    for (int i = 0; ok && i < n; i++) write_row(out, d, d->images[first + i].path, &predictions[i]);
    return ok;
}

/* ---- folders ---- */

typedef struct {
    const char **paths;
    int n, capacity;
    Arena *arena;
} Paths;

static void add_path(Paths *paths, const char *path)
{
    mem_reserve(paths->paths, paths->capacity, paths->n + 1);
    paths->paths[paths->n++] = path;
}

MUST_USE static bool find_images(Paths *paths, const char *folder, int depth, Err *err)
{
    char **names;
    int n;
    if (depth > MOST_FOLDERS)
        return err_set(err, ERR_FORMAT, "%s: more than %d folders in each other", folder,
                       MOST_FOLDERS);
    if (!file_list(&names, &n, folder, paths->arena, err)) return false;
    for (int i = 0; i < n; i++) {
        const char *path = file_join(paths->arena, folder, names[i]);
        if (file_is_dir(path)) {
            if (!find_images(paths, path, depth + 1, err)) return false;
        } else if (image_has_known_name(names[i])) {
            add_path(paths, path);
        }
    }
    return true;
}

typedef struct {
    FinishedRun *run;
    AugmentScratch scratch;
    uint8_t *pixels;   /* of one image */
    float *x, *logits; /* of a batch */
} Reader;

MUST_USE static bool read_image(Reader *b, const char *path, float *x, Err *err)
{
    char *bytes;
    size_t n_bytes;
    const InputSpec *input = &b->run->setup.input;
    if (!file_read(&bytes, &n_bytes, path, MAX_IMAGE_BYTES, err)) return false;
    bool ok = image_decode(&b->scratch.decoded, NULL, bytes, n_bytes, path, err);
    free(bytes);
    if (!ok) return false;
    ImageView view = image_view(&b->scratch.decoded);
    augment_clean_pixels(b->pixels, &view, input, &b->scratch);
    augment_normalise(x, b->pixels, input->size * input->size, view.channels, input);
    return true;
}

MUST_USE static bool predict_paths(Reader *b, FILE *out, const char *const *paths, int n, Err *err)
{
    const RunSetup *s = &b->run->setup;
    size_t pixels = (size_t)s->input.size * (size_t)s->input.size * 3;
    int k = s->dataset->n_classes;
    for (int i = 0; i < n; i++) {
        if (!read_image(b, paths[i], b->x + (size_t)i * pixels, err)) return false;
    }
    learner_predict(s->learner, b->x, n, b->logits);
    for (int i = 0; i < n; i++) {
        Prediction p = prediction_of(b->logits + (size_t)i * (size_t)k, k, 0);
        write_row(out, s->dataset, paths[i], &p);
    }
    return true;
}

MUST_USE static bool predict_all(FinishedRun *f, FILE *out, const Paths *paths, Err *err)
{
    int most = (int)f->setup.spec->eval.batch_size;
    size_t pixels = (size_t)f->setup.input.size * (size_t)f->setup.input.size * 3;
    size_t k = (size_t)f->setup.dataset->n_classes;
    Reader b = {.run = f,
                .pixels = mem_alloc(pixels, 1),
                .x = mem_alloc((size_t)most * pixels, sizeof *b.x),
                .logits = mem_alloc((size_t)most * k, sizeof *b.logits)};
    bool ok = true;
    write_head(out);
    for (int i = 0; ok && i < paths->n; i += most) {
        int n = paths->n - i < most ? paths->n - i : most;
        ok = predict_paths(&b, out, paths->paths + i, n, err);
    }
    augment_scratch_done(&b.scratch);
    free(b.pixels);
    free(b.x);
    free(b.logits);
    return ok;
}

bool run_predict_folder(FinishedRun *f, FILE *out, const char *folder, Err *err)
{
    Paths paths = {.arena = f->arena};
    if (f->setup.dataset->channels != 3) {
        return err_set(err, ERR_FORMAT,
                       "--images: the run's network sees images of %d channels, expected 3: "
                       "--domain takes images of its dataset",
                       f->setup.dataset->channels);
    }
    if (!file_is_dir(folder))
        return err_set(err, ERR_NOT_FOUND, "%s: no such folder, expected images", folder);
    bool ok = find_images(&paths, folder, 0, err);
    if (ok && paths.n == 0) ok = err_set(err, ERR_NOT_FOUND, "%s: found no images", folder);
    ok = ok && predict_all(f, out, &paths, err);
    free(paths.paths);
    return ok;
}
