/* Large loops cut into fixed pieces over the threads. The cut depends on the sizes alone, never on
 * the number of threads, so that the bits of a result don't either. */
#ifndef NN_RANGES_H
#define NN_RANGES_H

#include "thread_pool.h"

#include <stddef.h>

enum { RANGE_GRAIN = 1 << 14 }; /* elements: 64 KiB of floats, a few microseconds */

/* Works on [begin, end); writes only what belongs to it. */
typedef void RangeTask(const void *context, size_t begin, size_t end);

/* Calls task for [0, grain), [grain, 2 grain), ... up to n. */
void ranges_run(ThreadPool *threads, size_t n, size_t grain, RangeTask *task, const void *context);

/* Items of `width` elements each that make a piece of about RANGE_GRAIN elements; at least 1. */
size_t ranges_grain(size_t width);

#endif
