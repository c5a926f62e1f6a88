/* Training batches: for every step one minibatch per source domain, concatenated. The batch of a
 * step is a pure function of (seed, step), so a resumed run needs no loader state, and gets the
 * same bits with any number of workers.
 *
 *     Loader *loader;
 *     LoaderOptions o = {.input = input_spec_imagenet(64), .augment = AUGMENT_DOMAINBED,
 * .batch_size = 32, .seed = 7}; if (!loader_new(&loader, dataset, sources, n_sources, &o, err))
 * return false; Batch batch; for (step = first; step < last; step++) { if (!loader_batch(loader,
 * step, &batch, err)) break;
 *         ... batch.x, batch.y ...
 *     }
 *     loader_free(loader);
 *
 * A domain's draws depend on its index in the dataset, not on which other domains are sources.
 */
#ifndef DATASETS_LOADER_H
#define DATASETS_LOADER_H

#include "augment.h"
#include "dataset.h"

#include <stdint.h>

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order in which it is written */
typedef struct {
    int domain;        /* index in the dataset */
    const int *images; /* n image indices (a split's "in" part); has to outlive the loader */
    int n;             /* at least 1 */
} LoaderSource;

typedef struct {
    InputSpec input;
    AugmentKind augment;
    int batch_size;           /* images per domain and step */
    bool without_replacement; /* a new permutation per epoch, each image once; default: independent
                                 draws, as DomainBed */
    bool class_balanced;      /* draws with weight 1 / (images of the class * classes present), with
                                 replacement */
    uint64_t seed;
    int n_workers; /* threads that prepare the next steps; 0: the caller's thread does the work */
} LoaderOptions;

typedef struct {
    int n; /* images in the batch: n_sources * batch_size */
    int n_sources;
    const int *offsets; /* [n_sources + 1]: source s has images offsets[s] .. offsets[s+1]-1 */
    int size, channels;
    const float *x;     /* [n, size, size, channels], normalised */
    const int *y;       /* [n] labels */
    const int *domains; /* [n] dataset domain indices */
    const int *images;  /* [n] dataset image indices */
} Batch;

typedef struct Loader Loader;

/* Keeps dataset and the sources' image lists. ERR_USAGE for class_balanced together with
 * without_replacement, and for an empty source. */
MUST_USE bool loader_new(Loader **out, const Dataset *dataset, const LoaderSource *sources,
                         int n_sources, const LoaderOptions *options, Err *err);
void loader_free(Loader *loader); /* NULL is fine */

/* The batch of any step >= 0; what it points to is valid until the next call. Steps in order are
 * the fast case with workers. Fails only when an image that is not packed cannot be read any more.
 */
MUST_USE bool loader_batch(Loader *loader, int64_t step, Batch *out, Err *err);

/* Seconds the caller has waited for batches (all of the work when there are no workers). */
double loader_wait_seconds(const Loader *loader);

#endif
