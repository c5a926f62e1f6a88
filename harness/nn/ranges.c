/* Pieces of a range as tasks of the pool. */
#include "ranges.h"

#include "err.h"

#include <limits.h>

typedef struct {
    size_t n, grain;
    RangeTask *task;
    const void *context;
} Cut;

static void run_piece(void *context, int piece, int thread)
{
    (void)thread;
    const Cut *cut = context;
    size_t begin = (size_t)piece * cut->grain;
    size_t end = cut->n - begin < cut->grain ? cut->n : begin + cut->grain;
    cut->task(cut->context, begin, end);
}

void ranges_run(ThreadPool *threads, size_t n, size_t grain, RangeTask *task, const void *context)
{
    Cut cut = {n, grain, task, context};
    size_t n_pieces = (n + grain - 1) / grain;
    check(n_pieces <= INT_MAX, "%zu pieces", n_pieces);
    thread_pool_run(threads, (int)n_pieces, run_piece, &cut);
}

size_t ranges_grain(size_t width)
{
    return width < RANGE_GRAIN ? RANGE_GRAIN / width : 1;
}
