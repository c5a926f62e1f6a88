/* Batches of pairs: augmented images, drawn captions, and which belong together. The batch of a
 * step is a pure function of (seed, step): the same bits in a resumed run, and with any number of
 * workers. Every epoch shows each pair once.
 */
#ifndef PRETRAIN_PAIR_LOADER_H
#define PRETRAIN_PAIR_LOADER_H

#include "augment.h"
#include "captions.h"
#include "contrastive.h"

typedef struct {
    const Pairs *pairs;       /* kept */
    const Captions *captions; /* kept */
    AugmentSteps augment;
    InputSpec input;
    int context, batch_size;
    Positives positives;
    uint64_t seed;
    int n_workers; /* threads that prepare the next steps; 0: the caller's thread does the work */
} PairLoaderOptions;

typedef struct {
    int n;
    const float *x;                    /* [n, size, size, 3], normalised */
    const int *tokens;                 /* [n, context] */
    const int *pairs;                  /* [n] */
    const Caption *captions;           /* [n] */
    const ContrastiveTargets *targets; /* NULL with POSITIVES_PAIR */
    int n_shared;                      /* texts that are true for another image, too */
} PairBatch;

typedef struct PairLoader PairLoader;

PairLoader *pair_loader_new(const PairLoaderOptions *options);
void pair_loader_free(PairLoader *loader); /* NULL is fine */

/* The batch of any step >= 0, valid until the next call. Fails only when an image that is not
 * packed cannot be read any more. */
MUST_USE bool pair_loader_batch(PairLoader *loader, int64_t step, PairBatch *out, Err *err);

double pair_loader_wait_seconds(const PairLoader *loader); /* the caller's, so far */

#endif
