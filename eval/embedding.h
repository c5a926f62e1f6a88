/* Embeddings of all images of a dataset: a row of length 1 per image, made once and then mapped
 * from disk.
 *
 *     Embeddings e;
 *     if (!embeddings_open(&e, dataset, &encoder, &options, err)) return false;
 *     use(e.rows + (size_t)image * e.dim);
 *     embeddings_close(&e);
 *
 * The cache file (<cache>/embeddings/<key>.emb) is named by what it holds: what encodes, how images
 * are preprocessed, and the dataset's fingerprint; so nothing ever has to be thrown away but for
 * room. It is filled piece by piece, each with a checksum: what a killed process left is continued.
 */
#ifndef EVAL_EMBEDDING_H
#define EVAL_EMBEDDING_H

#include "dataset.h"
#include "input_spec.h"
#include "mapped_file.h"
#include "thread_pool.h"

#include <signal.h>

enum { EMBEDDING_PIECE = 64 }; /* images: what a kill may lose, and how long an interrupt waits */

/* An image tower: a CLIP's, or the features of any network. */
typedef struct {
    int dim;
    int batch_size;
    int channels; /* of the images that it takes */
    InputSpec input;
    const char *key; /* names the computation: digest of the weights and what else it depends on */
    void *context;
    /* x [n, size, size, channels] -> out [n, dim], of any length; n <= batch_size */
    void (*encode)(void *context, float *out, const float *x, int n);
} ImageEncoder;

typedef struct {
    const char *cache_dir;             /* NULL: file_cache_dir() */
    ThreadPool *threads;               /* for decoding and resizing; NULL: the caller's */
    const volatile sig_atomic_t *stop; /* not 0: end after the current piece; NULL: never */
} EmbeddingOptions;

typedef struct {
    const float *rows; /* [n, dim] */
    int n, dim;
    int n_made;     /* in this call; the others were there */
    double seconds; /* that it took to make them */
    MappedFile file;
} Embeddings;

/* From the cache, or made, with progress, while other processes that want the same wait. Images of
 * another number of channels are ERR_FORMAT; an image that the encoder answers with a row that is
 * zero or not finite is ERR_FORMAT and named. ERR_INTERRUPTED by stop: the same call goes on from
 * there. */
MUST_USE bool embeddings_open(Embeddings *out, const Dataset *dataset, const ImageEncoder *encoder,
                              const EmbeddingOptions *options, Err *err);
void embeddings_close(Embeddings *e); /* a zeroed one is fine */

/* Scales each of n rows to length 1. Returns the first row that has no direction (zero, or not
 * finite), -1 when there is none. */
int embedding_normalise(float *rows, int n, int dim);

#endif
