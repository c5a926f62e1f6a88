/* Embeddings of the trained weights, and their cosines with the class prompts. */
#include "run_alignment.h"

#include "alignment.h"
#include "embedding.h"
#include "log.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>

enum { SHORT_KEY = 16 }; /* digits of the key in names */

typedef struct {
    const RunSetup *setup;
    int *images; /* [n] */
    int n;
    StoreAlignment *out; /* [n] */
} Task;

static void add_images(Task *t, const int *images, int n)
{
    for (int i = 0; i < n; i++) t->images[t->n++] = images[i];
}

static void choose_images(Task *t)
{
    const RunSetup *s = t->setup;
    for (int d = 0; d < s->dataset->n_domains; d++) {
        const DomainSplit *split = &s->splits[d];
        if (s->held_out[d]) add_images(t, split->in, split->n_in);
        add_images(t, split->out, split->n_out);
        add_images(t, split->uda, split->n_uda);
    }
}

static void align(const Task *t, const float *rows)
{
    const RunSetup *s = t->setup;
    int *labels = mem_alloc((size_t)t->n, sizeof *labels);
    Alignment *aligned = mem_alloc((size_t)t->n, sizeof *aligned);
    for (int i = 0; i < t->n; i++) labels[i] = s->dataset->images[t->images[i]].label;
    alignment_compute(aligned,
                      &(AlignmentTask){.images = rows,
                                       .labels = labels,
                                       .n = t->n,
                                       .classes = s->classes.rows,
                                       .n_classes = s->classes.n,
                                       .dim = s->classes.dim},
                      s->pool);
    for (int i = 0; i < t->n; i++) {
        t->out[i] = (StoreAlignment){.image = t->images[i],
                                     .score = (double)aligned[i].score,
                                     .zero_shot_score = (double)aligned[i].zero_shot_score,
                                     .zero_shot = aligned[i].zero_shot,
                                     .rank = aligned[i].rank,
                                     .similarity = NAN};
    }
    free(labels);
    free(aligned);
}

/* *usable false: an embedding has no direction, which no network that has learned anything gives.
 */
MUST_USE static bool score(bool *usable, Task *t, Err *err)
{
    const RunSetup *s = t->setup;
    float *rows = mem_alloc((size_t)t->n * (size_t)s->classes.dim, sizeof *rows);
    evaluator_augment(s->evaluator, AUGMENT_NONE, (RngStream){0});
    bool ok = evaluator_features(s->evaluator, s->learner, rows, t->images, t->n, err);
    if (ok) {
        int bad = embedding_normalise(rows, t->n, s->classes.dim);
        *usable = bad < 0;
        if (*usable)
            align(t, rows);
        else
            log_warn("eval.alignment: nothing is stored: the embedding of %s is zero or not finite",
                     s->dataset->images[t->images[bad]].path);
    }
    free(rows);
    return ok;
}

static void digest_weights(char out[SHA256_HEX_SIZE], const RunSetup *s)
{
    Params *params = learner_params(s->learner);
    Sha256 *sha = sha256_new();
    sha256_add(sha, params_values(params), params_size(params) * sizeof(Real));
    sha256_done_hex(sha, out);
}

MUST_USE static bool store(Store *db, int64_t run, int64_t dataset, const Task *t, Err *err)
{
    const RunSetup *s = t->setup;
    char weights[SHA256_HEX_SIZE];
    Str preprocessing = {0};
    digest_weights(weights, s);
    input_spec_describe(&s->input, &preprocessing);
    StoreScorer scorer = {
        .name = arena_printf(s->arena, "%s@run-%.*s", model_dir_name(s->model), SHORT_KEY, s->key),
        .model = s->classes.architecture,
        .weights = weights,
        .template_text = s->classes.template_text,
        .preprocessing = str_text(&preprocessing),
        .run = run,
    };
    StoreScores scores = {
        .dataset = dataset, .prompts = s->classes.prompts, .images = t->out, .n_images = t->n};
    bool ok = store_run_scores(db, &scorer, &scores, err);
    str_done(&preprocessing);
    return ok;
}

bool run_alignment_store(Store *db, int64_t run, int64_t dataset, const RunSetup *setup,
                         int variant, Err *err)
{
    size_t n = (size_t)setup->dataset->n_images;
    Task t = {.setup = setup};
    bool usable = false;
    t.images = mem_alloc(n, sizeof *t.images);
    t.out = mem_alloc(n, sizeof *t.out);
    choose_images(&t);
    learner_use_variant(setup->learner, variant);
    bool ok = score(&usable, &t, err) && (!usable || store(db, run, dataset, &t, err));
    learner_use_variant(setup->learner, 0);
    free(t.images);
    free(t.out);
    return ok;
}
