/* Loops over rows or images cut into one part per thread, for ops that sum: each part sums its own,
 * and the parts' sums are added in order, so that results are bit-identical for the same number of
 * threads. (Loops that sum nothing are cut by ranges.h.)
 */
#ifndef NN_PARTS_H
#define NN_PARTS_H

#include "real.h"
#include "thread_pool.h"

#include <stddef.h>

typedef struct {
    size_t begin, end; /* items of this part */
    int index;         /* 0 .. parts_count - 1 */
} Part;

typedef void PartTask(void *context, Part part);

/* Parts that parts_run cuts n items into: at most one per thread, none with fewer than grain items
 * when there are several. */
int parts_count(ThreadPool *threads, size_t n, size_t grain);
void parts_run(ThreadPool *threads, size_t n, size_t grain, PartTask *task, void *context);

/* The items of part `index` of n_parts. */
Part parts_get(size_t n, int n_parts, int index);

/* Reals of scratch that hold n doubles. */
size_t parts_reals_of_doubles(size_t n);

/* g = y <= 0 ? 0 : g for n elements: backward through max(0, .) whose result was y. */
void parts_relu_backward(ThreadPool *threads, Real *g, const Real *y, size_t n);

#endif
