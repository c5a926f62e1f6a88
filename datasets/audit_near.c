/* Near-identical images across domains. All pairs would be too many to compare in full, so
 * thumbnails are sorted by their mean, and a pair is compared only while a lower bound of its
 * distance is below the limit: the mean squared difference of block means never exceeds that of the
 * samples (Jensen), for one block as for 4 x 4 of them. */
#include "audit.h"
#include "mem.h"
#include "progress.h"
#include "transform.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4, BLOCK_SIDE = AUDIT_THUMBNAIL / BLOCKS, ROWS_PER_TASK = 64, CHUNK_TASKS = 16 };

typedef struct {
    int image, domain;
    float mean; /* of all samples, in [0,1] */
} Thumbnail;

typedef struct {
    ImagePair *items;
    int n, capacity;
    int64_t n_found;
} Pairs;

typedef struct {
    const Dataset *dataset;
    int n, channels, n_samples, n_blocks; /* of one thumbnail */
    Thumbnail *thumbnails;                /* [n], sorted by mean before comparing */
    uint8_t *samples; /* [n, n_samples], by the thumbnails' order before sorting */
    float *blocks;    /* [n, n_blocks] means in [0,1] */
    int *place;       /* [n]: row of samples and blocks of the sorted thumbnails */
    int first_task;
    Pairs *found; /* per task of a chunk */
    bool *failed; /* per thread of the pool, with its error */
    Err *errs;
} Search;

static void block_means(const Search *s, int row)
{
    const uint8_t *samples = s->samples + (size_t)row * (size_t)s->n_samples;
    float *blocks = s->blocks + (size_t)row * (size_t)s->n_blocks;
    for (int i = 0; i < s->n_samples; i++) {
        int c = i % s->channels, x = i / s->channels % AUDIT_THUMBNAIL,
            y = i / s->channels / AUDIT_THUMBNAIL;
        int block = (y / BLOCK_SIDE * BLOCKS + x / BLOCK_SIDE) * s->channels + c;
        blocks[block] += (float)samples[i] / (255.0f * BLOCK_SIDE * BLOCK_SIDE);
    }
}

static void thumbnail_task(void *context, int task, int thread)
{
    Search *s = context;
    Image scratch = {0};
    ResizeScratch resize = {0};
    int end = (task + 1) * ROWS_PER_TASK < s->n ? (task + 1) * ROWS_PER_TASK : s->n;
    for (int row = task * ROWS_PER_TASK; row < end && !s->failed[thread]; row++) {
        Thumbnail *t = &s->thumbnails[row];
        ImageView view;
        s->failed[thread] =
            !dataset_pixels(s->dataset, t->image, &view, &scratch, &s->errs[thread]);
        if (s->failed[thread]) break;
        uint8_t *samples = s->samples + (size_t)row * (size_t)s->n_samples;
        Image small = {AUDIT_THUMBNAIL, AUDIT_THUMBNAIL, s->channels, samples, 0};
        transform_resize(&small, &view, (Box){0, 0, view.width, view.height}, &resize);
        block_means(s, row);
        int64_t sum = 0;
        for (int i = 0; i < s->n_samples; i++) sum += samples[i];
        t->mean = (float)((double)sum / (255.0 * s->n_samples));
    }
    image_done(&scratch);
    resize_scratch_done(&resize);
}

/* Mean squared difference of the blocks, or any value above the limit. */
static double block_bound(const float *a, const float *b, int n)
{
    float limit = (float)AUDIT_NEAR_MSE * (float)n, sum = 0;
    for (int i = 0; i < n && sum <= limit; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return (double)sum / n;
}

static double full_mse(const uint8_t *a, const uint8_t *b, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        int difference = a[i] - b[i];
        sum += (int64_t)difference * difference;
    }
    return (double)sum / (255.0 * 255.0 * n);
}

static void compare(const Search *s, int i, int j, Pairs *pairs)
{
    size_t a = (size_t)s->place[i], b = (size_t)s->place[j], n_blocks = (size_t)s->n_blocks,
           n_samples = (size_t)s->n_samples;
    if (block_bound(s->blocks + a * n_blocks, s->blocks + b * n_blocks, s->n_blocks) >
        AUDIT_NEAR_MSE * 1.0001)
        return;
    double mse = full_mse(s->samples + a * n_samples, s->samples + b * n_samples, s->n_samples);
    if (mse >= AUDIT_NEAR_MSE) return;
    int x = s->thumbnails[i].image, y = s->thumbnails[j].image;
    if (memcmp(dataset_content(s->dataset, x), dataset_content(s->dataset, y), SHA256_BYTES) == 0)
        return;
    pairs->n_found++;
    if (pairs->n == AUDIT_MAX_PAIRS) return;
    mem_reserve(pairs->items, pairs->capacity, pairs->n + 1);
    pairs->items[pairs->n++] = (ImagePair){x < y ? x : y, x < y ? y : x, mse};
}

/* Rows of the sorted thumbnails against all later ones whose mean is near enough. */
static void compare_task(void *context, int task, int thread)
{
    (void)thread;
    const Search *s = context;
    Pairs *pairs = &s->found[task];
    float reach = sqrtf((float)AUDIT_NEAR_MSE) * 1.0001f;
    int begin = (s->first_task + task) * ROWS_PER_TASK;
    int end = begin + ROWS_PER_TASK < s->n ? begin + ROWS_PER_TASK : s->n;
    for (int i = begin; i < end; i++) {
        for (int j = i + 1; j < s->n && s->thumbnails[j].mean - s->thumbnails[i].mean <= reach;
             j++) {
            if (s->thumbnails[i].domain != s->thumbnails[j].domain) compare(s, i, j, pairs);
        }
    }
}

static int compare_means(const void *a, const void *b)
{
    const Thumbnail *x = *(Thumbnail *const *)a, *y = *(Thumbnail *const *)b;
    if (x->mean != y->mean) return x->mean < y->mean ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

/* Sorts the thumbnails by mean; place remembers the row of each. */
static void sort_thumbnails(Search *s)
{
    size_t n = (size_t)s->n;
    Thumbnail **order = mem_alloc(n, sizeof *order), *sorted = mem_alloc(n, sizeof *sorted);
    for (int i = 0; i < s->n; i++) order[i] = &s->thumbnails[i];
    qsort(order, n, sizeof *order, compare_means);
    for (int i = 0; i < s->n; i++) {
        sorted[i] = *order[i];
        s->place[i] = (int)(order[i] - s->thumbnails);
    }
    free(order);
    free(s->thumbnails);
    s->thumbnails = sorted;
}

static int compare_pairs(const void *a, const void *b)
{
    const ImagePair *x = a, *y = b;
    if (x->mse != y->mse) return x->mse < y->mse ? -1 : 1;
    return x->a != y->a ? x->a - y->a : x->b - y->b;
}

/* Moves the pairs of one task to all. */
static void pairs_take(Pairs *all, Pairs *found)
{
    all->n_found += found->n_found;
    if (found->n == 0) return;
    mem_reserve(all->items, all->capacity, all->n + found->n);
    for (int i = 0; i < found->n; i++) all->items[all->n++] = found->items[i];
    free(found->items);
    *found = (Pairs){0};
}

static void pairs_keep_nearest(Pairs *all)
{
    if (all->n == 0) return;
    qsort(all->items, (size_t)all->n, sizeof *all->items, compare_pairs);
    if (all->n > AUDIT_MAX_PAIRS) all->n = AUDIT_MAX_PAIRS;
}

static void compare_all(Search *s, Pairs *all, ThreadPool *pool)
{
    int n_tasks = (s->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    Progress progress;
    progress_begin(&progress, "comparing images", s->n, "images");
    for (s->first_task = 0; s->first_task < n_tasks; s->first_task += CHUNK_TASKS) {
        int n = n_tasks - s->first_task < CHUNK_TASKS ? n_tasks - s->first_task : CHUNK_TASKS;
        thread_pool_run(pool, n, compare_task, s);
        for (int t = 0; t < n; t++) pairs_take(all, &s->found[t]);
        pairs_keep_nearest(all);
        int done = (s->first_task + n) * ROWS_PER_TASK;
        progress_update(&progress, done < s->n ? done : s->n, "");
    }
    progress_end(&progress);
}

static void search_begin(Search *s, const Dataset *dataset, int n_threads)
{
    size_t n = (size_t)dataset->n_images;
    *s = (Search){.dataset = dataset, .channels = dataset->channels};
    s->n_samples = AUDIT_THUMBNAIL * AUDIT_THUMBNAIL * s->channels;
    s->n_blocks = BLOCKS * BLOCKS * s->channels;
    s->thumbnails = mem_alloc(n, sizeof *s->thumbnails);
    for (int i = 0; i < dataset->n_images; i++) {
        if (dataset_is_broken(dataset, i)) continue;
        s->thumbnails[s->n++] = (Thumbnail){.image = i, .domain = dataset->images[i].domain};
    }
    s->samples = mem_alloc(n, (size_t)s->n_samples);
    s->blocks = mem_alloc(n * (size_t)s->n_blocks, sizeof *s->blocks);
    s->place = mem_alloc(n, sizeof *s->place);
    s->found = mem_alloc(CHUNK_TASKS, sizeof *s->found);
    s->failed = mem_alloc((size_t)n_threads, sizeof *s->failed);
    s->errs = mem_alloc((size_t)n_threads, sizeof *s->errs);
}

static void search_done(Search *s)
{
    free(s->thumbnails);
    free(s->samples);
    free(s->blocks);
    free(s->place);
    free(s->found);
    free(s->failed);
    free(s->errs);
}

bool audit_find_near(Audit *audit, ThreadPool *pool, Err *err)
{
    Search s;
    int n_threads = thread_pool_size(pool);
    search_begin(&s, audit->dataset, n_threads);
    thread_pool_run(pool, (s.n + ROWS_PER_TASK - 1) / ROWS_PER_TASK, thumbnail_task, &s);
    bool ok = true;
    for (int t = 0; t < n_threads && ok; t++) {
        ok = !s.failed[t];
        if (!ok) *err = s.errs[t];
    }
    if (ok) {
        sort_thumbnails(&s);
        Pairs all = {0};
        compare_all(&s, &all, pool);
        audit->n_near = all.n_found;
        audit->near = arena_alloc(audit->arena, (size_t)all.n, sizeof *audit->near);
        if (all.n > 0) memcpy(audit->near, all.items, (size_t)all.n * sizeof *all.items);
        free(all.items);
    }
    search_done(&s);
    return ok;
}
