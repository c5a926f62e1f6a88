/* Resized once, normalised as often as asked. */
#include "clean.h"

#include "mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_IMAGES = 16 }; /* images per task: enough work to be worth handing over */

typedef enum { CACHE_EMPTY, CACHE_BUSY, CACHE_READY } CacheState;

struct CleanImages {
    const Dataset *dataset;
    InputSpec input;
    size_t image_bytes;   /* of one resized image */
    uint8_t *cache;       /* [n_images, image_bytes]; NULL when it would exceed the limit */
    atomic_uchar *states; /* [n_images] CacheState */
    AugmentKind augment;  /* AUGMENT_NONE: clean */
    RngStream draws;
};

CleanImages *clean_new(const Dataset *dataset, const InputSpec *input, size_t cache_limit_bytes)
{
    CleanImages *clean = mem_alloc(1, sizeof *clean);
    size_t n = (size_t)dataset->n_images;
    *clean = (CleanImages){.dataset = dataset, .input = *input};
    clean->image_bytes = (size_t)input->size * (size_t)input->size * (size_t)dataset->channels;
    if (clean->image_bytes <= cache_limit_bytes / (n + 1)) {
        clean->cache =
            mem_alloc(n, clean->image_bytes); /* pages are taken only when images are written */
        clean->states = mem_alloc(n, sizeof *clean->states);
    }
    return clean;
}

void clean_free(CleanImages *clean)
{
    if (clean == NULL) return;
    free(clean->cache);
    free(clean->states);
    free(clean);
}

void clean_augment(CleanImages *clean, AugmentKind kind, RngStream stream)
{
    clean->augment = kind;
    clean->draws = stream;
}

typedef struct {
    CleanImages *clean;
    float *x;
    const int *images;
    int n;
    bool *failed; /* per task, with its error */
    Err *errs;
} Job;

static bool resize_image(const CleanImages *clean, uint8_t *out, int image, AugmentScratch *scratch,
                         Err *err)
{
    ImageView view;
    if (!dataset_pixels(clean->dataset, image, &view, &scratch->decoded, err)) return false;
    augment_clean_pixels(out, &view, &clean->input, scratch);
    return true;
}

/* The resized pixels: from the cache, or made (into the cache when this thread is the first to want
 * them). NULL when the image cannot be read. */
static const uint8_t *resized_pixels(CleanImages *clean, int image, AugmentScratch *scratch,
                                     Err *err)
{
    int size = clean->input.size;
    bool mine = false;
    uint8_t *cached = NULL;
    if (clean->cache != NULL) {
        unsigned char expected = CACHE_EMPTY;
        cached = clean->cache + (size_t)image * clean->image_bytes;
        mine = atomic_compare_exchange_strong(&clean->states[image], &expected, CACHE_BUSY);
        if (!mine && expected == CACHE_READY) return cached;
    }
    uint8_t *target = cached;
    if (!mine) { /* no cache, or another thread is just writing this image */
        image_resize_storage(&scratch->resized, size, size, clean->dataset->channels);
        target = scratch->resized.data;
    }
    bool ok = resize_image(clean, target, image, scratch, err);
    if (mine) atomic_store(&clean->states[image], ok ? CACHE_READY : CACHE_EMPTY);
    return ok ? target : NULL;
}

static bool augment_image(const CleanImages *clean, float *x, int image, AugmentScratch *scratch,
                          Err *err)
{
    ImageView view;
    if (!dataset_pixels(clean->dataset, image, &view, &scratch->decoded, err)) return false;
    AugmentDraw draw = {clean->draws, (uint64_t)image};
    augment_apply(x, &view, clean->augment, &clean->input, draw, scratch);
    return true;
}

/* One image as the network sees it. */
static bool fill_image(CleanImages *clean, float *x, int image, AugmentScratch *scratch, Err *err)
{
    int size = clean->input.size;
    if (clean->augment != AUGMENT_NONE) return augment_image(clean, x, image, scratch, err);
    const uint8_t *pixels = resized_pixels(clean, image, scratch, err);
    if (pixels == NULL) return false;
    augment_normalise(x, pixels, size * size, clean->dataset->channels, &clean->input);
    return true;
}

static void clean_task(void *context, int task, int thread)
{
    (void)thread;
    Job *job = context;
    CleanImages *clean = job->clean;
    int end = (task + 1) * TASK_IMAGES;
    AugmentScratch scratch = {0};
    for (int i = task * TASK_IMAGES; i < end && i < job->n && !job->failed[task]; i++) {
        float *x = job->x + (size_t)i * clean->image_bytes;
        job->failed[task] = !fill_image(clean, x, job->images[i], &scratch, &job->errs[task]);
    }
    augment_scratch_done(&scratch);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): x is written through job.x */
bool clean_batch(CleanImages *clean, float *x, const int *images, int n, ThreadPool *pool, Err *err)
{
    int n_tasks = (n + TASK_IMAGES - 1) / TASK_IMAGES;
    Job job = {.clean = clean, .x = x, .images = images, .n = n};
    job.failed = mem_alloc((size_t)n_tasks, sizeof *job.failed);
    job.errs = mem_alloc((size_t)n_tasks, sizeof *job.errs);
    thread_pool_run(pool, n_tasks, clean_task, &job);
    bool ok = true;
    for (int t = 0; t < n_tasks && ok; t++) {
        ok = !job.failed[t];
        if (!ok) *err = job.errs[t];
    }
    free(job.failed);
    free(job.errs);
    return ok;
}
