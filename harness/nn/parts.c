/* One part per thread. */
#include "parts.h"

#include "err.h"

enum { ELEMENT_GRAIN = 16 * 1024 };

typedef struct {
    size_t n;
    int n_parts;
    PartTask *task;
    void *context;
} Cut;

int parts_count(ThreadPool *threads, size_t n, size_t grain)
{
    size_t most = n / grain, n_threads = (size_t)thread_pool_size(threads);
    return most < 1 ? 1 : most < n_threads ? (int)most : (int)n_threads;
}

Part parts_get(size_t n, int n_parts, int index)
{
    size_t i = (size_t)index, share = n / (size_t)n_parts, rest = n % (size_t)n_parts;
    size_t begin = i * share + (i < rest ? i : rest);
    return (Part){begin, begin + share + (i < rest ? 1 : 0), index};
}

static void run_part(void *context, int index, int thread)
{
    (void)thread;
    const Cut *cut = context;
    cut->task(cut->context, parts_get(cut->n, cut->n_parts, index));
}

void parts_run(ThreadPool *threads, size_t n, size_t grain, PartTask *task, void *context)
{
    Cut cut = {n, parts_count(threads, n, grain), task, context};
    thread_pool_run(threads, cut.n_parts, run_part, &cut);
}

size_t parts_reals_of_doubles(size_t n)
{
    return n * (sizeof(double) / sizeof(Real));
}

/* ---- relu ---- */

typedef struct {
    Real *g;
    const Real *y;
} ReluBackward;

SIMD_CLONES
static void relu_backward_part(Real *restrict g, const Real *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) g[i] = y[i] <= 0 ? 0 : g[i];
}

static void relu_backward_task(void *context, Part part)
{
    const ReluBackward *r = context;
    relu_backward_part(r->g + part.begin, r->y + part.begin, part.end - part.begin);
}

void parts_relu_backward(ThreadPool *threads, Real *g, const Real *y, size_t n)
{
    parts_run(threads, n, ELEMENT_GRAIN, relu_backward_task, &(ReluBackward){g, y});
}
