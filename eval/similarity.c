/* Blocked: a block of queries against a block of the base is one matrix product, whose rows are
 * then searched. Blocks are of fixed size, and each query belongs to one task, so nothing depends
 * on the number of threads. */
#include "similarity.h"

#include "digest.h"
#include "gemm.h"
#include "mem.h"
#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUERY_BLOCK = 256,
    BASE_BLOCK = 1024, /* the product of two blocks is 1 MB: it stays in the second-level cache */
    BLOCKS_PER_ROUND = 64 /* between two looks at the clock and the stop flag */
};

/* One content of the base. */
typedef struct {
    const uint8_t *content;
    int index;
} Content;

typedef struct {
    Similarity *out;
    const SimilaritySet *queries, *base;
    int dim, first_block;
    const Content *contents; /* [base->n], sorted by content, then index */
    float *cosines;          /* per thread: [QUERY_BLOCK, BASE_BLOCK] */
} Job;

static int compare_contents(const void *a, const void *b)
{
    const Content *x = a, *y = b;
    int order = memcmp(x->content, y->content, SHA256_BYTES);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* The first of the sorted base contents that is not below the key. */
static int first_content(const Job *job, const Content *key)
{
    int low = 0, high = job->base->n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare_contents(&job->contents[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cosines with what is the query itself become -inf, where they lie in [begin, begin + n) of the
 * base. */
static void leave_out_self(const Job *job, float *cosines, int query, int begin, int n)
{
    Content key = {job->queries->contents + (size_t)query * SHA256_BYTES, begin};
    for (int i = first_content(job, &key); i < job->base->n; i++) {
        const Content *c = &job->contents[i];
        if (memcmp(c->content, key.content, SHA256_BYTES) != 0 || c->index >= begin + n) break;
        cosines[c->index - begin] = -INFINITY;
    }
}

SIMD_CLONES
static float largest(const float *values, int n)
{
    enum { LANES = 16 };
    float lanes[LANES], most = -INFINITY;
    for (int j = 0; j < LANES; j++) lanes[j] = -INFINITY;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++)
            lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
    }
    for (; i < n; i++) most = values[i] > most ? values[i] : most;
    for (int j = 0; j < LANES; j++) most = lanes[j] > most ? lanes[j] : most;
    return most;
}

/* Keeps the better of what was found before and the first largest of these. */
static void keep_nearest(Similarity *out, const float *cosines, int begin, int n)
{
    float most = largest(cosines, n);
    if (!(most > out->similarity)) return;
    int i = 0;
    while (cosines[i] != most) i++;
    *out = (Similarity){most, begin + i};
}

static void search_block(void *context, int task, int thread)
{
    const Job *job = context;
    int begin = (job->first_block + task) * QUERY_BLOCK, rest = job->queries->n - begin;
    int n = rest < QUERY_BLOCK ? rest : QUERY_BLOCK;
    size_t dim = (size_t)job->dim;
    float *cosines = job->cosines + (size_t)thread * QUERY_BLOCK * BASE_BLOCK;
    for (int i = 0; i < n; i++) job->out[begin + i] = (Similarity){-INFINITY, -1};
    for (int at = 0; at < job->base->n; at += BASE_BLOCK) {
        int n_base = job->base->n - at < BASE_BLOCK ? job->base->n - at : BASE_BLOCK;
        gemm(&(Gemm){.transpose_b = true,
                     .m = n,
                     .n = n_base,
                     .k = job->dim,
                     .alpha = 1,
                     .a = job->queries->rows + (size_t)begin * dim,
                     .b = job->base->rows + (size_t)at * dim,
                     .c = cosines});
        for (int i = 0; i < n; i++) {
            float *row = cosines + (size_t)i * (size_t)n_base;
            leave_out_self(job, row, begin + i, at, n_base);
            keep_nearest(&job->out[begin + i], row, at, n_base);
        }
    }
}

static Content *sorted_contents(const SimilaritySet *set)
{
    Content *contents = mem_alloc((size_t)set->n, sizeof *contents);
    for (int i = 0; i < set->n; i++)
        contents[i] = (Content){set->contents + (size_t)i * SHA256_BYTES, i};
    qsort(contents, (size_t)set->n, sizeof *contents, compare_contents);
    return contents;
}

MUST_USE static bool search_rounds(Job *job, const SimilarityOptions *options, Err *err)
{
    int n_blocks = (job->queries->n + QUERY_BLOCK - 1) / QUERY_BLOCK;
    Progress progress;
    bool ok = true;
    progress_begin(&progress, "nearest pretraining image", job->queries->n, "images");
    for (int block = 0; ok && block < n_blocks; block += BLOCKS_PER_ROUND) {
        int n = n_blocks - block < BLOCKS_PER_ROUND ? n_blocks - block : BLOCKS_PER_ROUND;
        if (options->stop != NULL && *options->stop != 0) {
            ok = err_set(err, ERR_INTERRUPTED,
                         "interrupted while looking for the nearest pretraining images");
        }
        job->first_block = block;
        if (ok) thread_pool_run(options->threads, n, search_block, job);
        int done = (block + n) * QUERY_BLOCK;
        if (ok) progress_update(&progress, done < job->queries->n ? done : job->queries->n, "");
    }
    progress_end(&progress);
    return ok;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): out is written through job.out */
bool similarity_compute(Similarity *out, const SimilaritySet *queries, const SimilaritySet *base,
                        int dim, const SimilarityOptions *options, Err *err)
{
    Job job = {.out = out, .queries = queries, .base = base, .dim = dim};
    Content *contents = sorted_contents(base);
    size_t n_threads = (size_t)thread_pool_size(options->threads);
    job.contents = contents;
    job.cosines = mem_alloc(n_threads * QUERY_BLOCK * BASE_BLOCK, sizeof *job.cosines);
    bool ok = search_rounds(&job, options, err);
    free(job.cosines);
    free(contents);
    return ok;
}
