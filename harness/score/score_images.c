/* Embeddings, then products of them. */
#include "score_images.h"

#include "alignment.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "similarity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void say_speed(const Dataset *dataset, const Embeddings *e)
{
    if (e->n_made == 0) {
        log_info("%s: embeddings of %d images were there", dataset->name, e->n);
        return;
    }
    char time[32];
    clock_format(time, sizeof time, e->seconds);
    log_info("%s: %d of %d images embedded in %s, %.0f images/s", dataset->name, e->n_made, e->n,
             time, e->n_made / e->seconds);
}

MUST_USE static bool open_embeddings(Embeddings *out, const Dataset *dataset, const ScoreTask *task,
                                     Err *err)
{
    if (!embeddings_open(out, dataset, task->encoder, &task->embedding, err)) return false;
    say_speed(dataset, out);
    return true;
}

static void align(StoreAlignment *out, const ScoreTask *task, const Embeddings *e)
{
    const Dataset *dataset = task->dataset;
    size_t n = (size_t)dataset->n_images;
    int *labels = mem_alloc(n, sizeof *labels);
    Alignment *aligned = mem_alloc(n, sizeof *aligned);
    for (size_t i = 0; i < n; i++) labels[i] = dataset->images[i].label;
    alignment_compute(aligned,
                      &(AlignmentTask){.images = e->rows,
                                       .labels = labels,
                                       .n = e->n,
                                       .classes = task->classes,
                                       .n_classes = dataset->n_classes,
                                       .dim = e->dim},
                      task->embedding.threads);
    for (size_t i = 0; i < n; i++) {
        out[i] = (StoreAlignment){.image = (int)i,
                                  .score = (double)aligned[i].score,
                                  .zero_shot_score = (double)aligned[i].zero_shot_score,
                                  .zero_shot = aligned[i].zero_shot,
                                  .rank = aligned[i].rank,
                                  .similarity = NAN};
    }
    free(labels);
    free(aligned);
}

/* Digests of all files, one after the other. */
static uint8_t *contents_of(const Dataset *dataset)
{
    uint8_t *contents = mem_alloc((size_t)dataset->n_images, SHA256_BYTES);
    for (int i = 0; i < dataset->n_images; i++) {
        memcpy(contents + (size_t)i * SHA256_BYTES, dataset_content(dataset, i), SHA256_BYTES);
    }
    return contents;
}

MUST_USE static bool search(StoreAlignment *out, const ScoreTask *task, const Embeddings *queries,
                            const Embeddings *base, Err *err)
{
    uint8_t *query_contents = contents_of(task->dataset);
    uint8_t *base_contents = contents_of(task->pretraining);
    Similarity *found = mem_alloc((size_t)queries->n, sizeof *found);
    SimilaritySet query_set = {queries->rows, queries->n, query_contents};
    SimilaritySet base_set = {base->rows, base->n, base_contents};
    SimilarityOptions options = {task->embedding.threads, task->embedding.stop};
    bool ok = similarity_compute(found, &query_set, &base_set, queries->dim, &options, err);
    for (int i = 0; ok && i < queries->n; i++) {
        if (found[i].nearest < 0) continue; /* nothing but itself */
        out[i].similarity = (double)found[i].similarity;
        out[i].nearest = task->pretraining->images[found[i].nearest].path;
    }
    free(found);
    free(base_contents);
    free(query_contents);
    return ok;
}

bool score_images(StoreAlignment *out, const ScoreTask *task, Err *err)
{
    Embeddings images = {0}, base = {0};
    if (!open_embeddings(&images, task->dataset, task, err)) return false;
    align(out, task, &images);
    bool ok = task->pretraining == NULL || (open_embeddings(&base, task->pretraining, task, err) &&
                                            search(out, task, &images, &base, err));
    embeddings_close(&images);
    embeddings_close(&base);
    return ok;
}
