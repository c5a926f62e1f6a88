/* Scores of a dataset's images by an encoder and the embeddings of its classes: a CLIP's (see
 * score_model.h), or a fine-tuned image tower's beside the frozen text tower.
 */
#ifndef SCORE_IMAGES_H
#define SCORE_IMAGES_H

#include "dataset.h"
#include "embedding.h"
#include "store_score.h"

typedef struct {
    const Dataset *dataset;
    const ImageEncoder *encoder;
    const float *classes; /* [n_classes, dim], rows of length 1 */
    const Dataset
        *pretraining; /* whose nearest image is looked for; NULL: similarity is not known */
    EmbeddingOptions embedding;
} ScoreTask;

/* out: [n_images], in the dataset's order; the paths in it are the pretraining dataset's. Says how
 * fast images were embedded. */
MUST_USE bool score_images(StoreAlignment *out, const ScoreTask *task, Err *err);

#endif
