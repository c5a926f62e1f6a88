/* The rival of alignment: how near is an image to the nearest one of the pretraining set (arXiv
 * 2412.02856's PerceptualSimilarityScore, which asks a kNN service; here exact, against all of
 * them)?
 */
#ifndef EVAL_SIMILARITY_H
#define EVAL_SIMILARITY_H

#include "err.h"
#include "thread_pool.h"

#include <signal.h>
#include <stdint.h>

typedef struct {
    const float *rows; /* [n, dim], of length 1 */
    int n;
    const uint8_t *contents; /* [n, 32]: digests of the images' files */
} SimilaritySet;

typedef struct {
    float similarity; /* largest cosine */
    int nearest; /* index in the base; ties: the lower; -1: every base image is the image itself */
} Similarity;

typedef struct {
    ThreadPool *threads;
    const volatile sig_atomic_t *stop; /* not 0: give up; NULL: never */
} SimilarityOptions;

/* out: one per query. Base images of the same content as the query are left out. The same numbers
 * with any number of threads. ERR_INTERRUPTED by stop. Shows progress. */
MUST_USE bool similarity_compute(Similarity *out, const SimilaritySet *queries,
                                 const SimilaritySet *base, int dim,
                                 const SimilarityOptions *options, Err *err);

#endif
