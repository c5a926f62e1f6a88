/* Batches of clean images through the learner. */
#include "evaluator.h"

#include "mem.h"

#include <stdlib.h>

struct Evaluator {
    EvaluatorOptions options;
    CleanImages *clean;
    float *x, *logits; /* of one batch */
};

Evaluator *evaluator_new(const EvaluatorOptions *options)
{
    check(options->batch_size >= 1, "batch size %d", options->batch_size);
    Evaluator *e = mem_alloc(1, sizeof *e);
    e->options = *options;
    e->clean = clean_new(options->dataset, &options->input, CLEAN_CACHE_DEFAULT);
    size_t pixels = (size_t)options->input.size * (size_t)options->input.size *
                    (size_t)options->dataset->channels;
    e->x = mem_alloc((size_t)options->batch_size * pixels, sizeof *e->x);
    e->logits = mem_alloc((size_t)options->batch_size * (size_t)options->dataset->n_classes,
                          sizeof *e->logits);
    return e;
}

void evaluator_free(Evaluator *e)
{
    if (e == NULL) return;
    clean_free(e->clean);
    free(e->x);
    free(e->logits);
    free(e);
}

void evaluator_augment(Evaluator *e, AugmentKind kind, RngStream stream)
{
    clean_augment(e->clean, kind, stream);
}

/* The logits of the first *count of n images, as many as a batch holds, into e->logits. */
MUST_USE static bool predict_batch(Evaluator *e, Learner *l, int *count, const int *images, int n,
                                   Err *err)
{
    *count = n < e->options.batch_size ? n : e->options.batch_size;
    if (!clean_batch(e->clean, e->x, images, *count, e->options.threads, err)) return false;
    learner_predict(l, e->x, *count, e->logits);
    return true;
}

bool evaluator_add_logits(Evaluator *e, Learner *l, float *sums, const int *images, int n, Err *err)
{
    size_t k = (size_t)e->options.dataset->n_classes;
    for (int begin = 0, count = 0; begin < n; begin += count) {
        if (!predict_batch(e, l, &count, images + begin, n - begin, err)) return false;
        float *out = sums + (size_t)begin * k;
        for (size_t i = 0; i < (size_t)count * k; i++) out[i] += e->logits[i];
    }
    return true;
}

bool evaluator_predict(Evaluator *e, Learner *l, Prediction *out, const int *images, int n,
                       Err *err)
{
    const Dataset *dataset = e->options.dataset;
    for (int begin = 0, count = 0; begin < n; begin += count) {
        if (!predict_batch(e, l, &count, images + begin, n - begin, err)) return false;
        for (int i = 0; i < count; i++) {
            const float *row = e->logits + (size_t)i * (size_t)dataset->n_classes;
            out[begin + i] =
                prediction_of(row, dataset->n_classes, dataset->images[images[begin + i]].label);
        }
    }
    return true;
}

bool evaluator_features(Evaluator *e, Learner *l, float *rows, const int *images, int n, Err *err)
{
    size_t dim = (size_t)net_n_features(learner_net(l));
    for (int begin = 0, count = 0; begin < n; begin += count) {
        count = n - begin < e->options.batch_size ? n - begin : e->options.batch_size;
        if (!clean_batch(e->clean, e->x, images + begin, count, e->options.threads, err))
            return false;
        learner_features(l, e->x, count, rows + (size_t)begin * dim);
    }
    return true;
}
