/* Evaluation input: any list of images through the clean transform, each image resized only once.
 * The resized 8-bit images are kept while they fit the limit, so that later checkpoints only
 * normalise. (DomainBed validates on augmented source images: clean_augment does that.) */
#ifndef DATASETS_CLEAN_H
#define DATASETS_CLEAN_H

#include "augment.h"
#include "dataset.h"
#include "thread_pool.h"

typedef struct CleanImages CleanImages;

/* cache_limit_bytes: 0 means no cache; CLEAN_CACHE_DEFAULT suits one run among several on a
 * machine. Keeps dataset. */
enum { CLEAN_CACHE_DEFAULT = 512 << 20 };
CleanImages *clean_new(const Dataset *dataset, const InputSpec *input, size_t cache_limit_bytes);
void clean_free(CleanImages *clean); /* NULL is fine */

/* From now on images go through this augmentation instead, image i with draw number i of stream,
 * and nothing is kept; AUGMENT_NONE: clean again. */
void clean_augment(CleanImages *clean, AugmentKind kind, RngStream stream);

/* x: [n, size, size, channels], normalised, for the dataset images images[0..n). The work is shared
 * by the pool (NULL: the caller's thread). Fails only when an image that is not packed cannot be
 * read any more. */
MUST_USE bool clean_batch(CleanImages *clean, float *x, const int *images, int n, ThreadPool *pool,
                          Err *err);

#endif
