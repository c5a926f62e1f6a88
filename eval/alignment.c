/* Cosines of blocks of images with all prompts, by one matrix product each. */
#include "alignment.h"

#include "err.h"
#include "gemm.h"
#include "mem.h"

#include <stdlib.h>

enum { BLOCK_IMAGES = 256 }; /* fixed, so that sums are cut the same way by any number of threads */

typedef struct {
    Alignment *out;
    const AlignmentTask *task;
} Job;

static Alignment alignment_of(const float *cosines, int n_classes, int label)
{
    Alignment a = {.score = cosines[label], .rank = 1};
    for (int k = 0; k < n_classes; k++) {
        if (cosines[k] > cosines[a.zero_shot]) a.zero_shot = k;
        a.rank += cosines[k] > a.score || (k < label && cosines[k] == a.score);
    }
    a.zero_shot_score = cosines[a.zero_shot];
    return a;
}

static void compute_block(void *context, int block, int thread)
{
    (void)thread;
    const Job *job = context;
    const AlignmentTask *t = job->task;
    int begin = block * BLOCK_IMAGES, n = t->n - begin < BLOCK_IMAGES ? t->n - begin : BLOCK_IMAGES;
    float *cosines = mem_alloc((size_t)n * (size_t)t->n_classes, sizeof *cosines);
    gemm(&(Gemm){.transpose_b = true,
                 .m = n,
                 .n = t->n_classes,
                 .k = t->dim,
                 .alpha = 1,
                 .a = t->images + (size_t)begin * (size_t)t->dim,
                 .b = t->classes,
                 .c = cosines});
    for (int i = 0; i < n; i++) {
        job->out[begin + i] = alignment_of(cosines + (size_t)i * (size_t)t->n_classes, t->n_classes,
                                           t->labels[begin + i]);
    }
    free(cosines);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): out is written through job.out */
void alignment_compute(Alignment *out, const AlignmentTask *task, ThreadPool *threads)
{
    for (int i = 0; i < task->n; i++) {
        check(task->labels[i] >= 0 && task->labels[i] < task->n_classes, "label %d of %d classes",
              task->labels[i], task->n_classes);
    }
    Job job = {out, task};
    thread_pool_run(threads, (task->n + BLOCK_IMAGES - 1) / BLOCK_IMAGES, compute_block, &job);
}
