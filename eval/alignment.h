/* What an image-text model says of labelled images: the AlignmentScore of arXiv 2412.02856 (cosine
 * of an image and the prompt of its TRUE class, by the pretrained model), and its zero-shot
 * prediction. Plain arrays in, numbers out; no softmax, no logit scale.
 */
#ifndef EVAL_ALIGNMENT_H
#define EVAL_ALIGNMENT_H

#include "thread_pool.h"

#include <stdint.h>

typedef struct {
    float score;           /* cosine with the true class's prompt */
    float zero_shot_score; /* with the prompt of zero_shot */
    int zero_shot;         /* the class whose prompt is nearest; ties: the lower index */
    int rank; /* of the true class among all by cosine, from 1; ties: the lower index first,
                 so that rank 1 means a right zero-shot prediction */
} Alignment;

typedef struct {
    const float *images; /* [n, dim], rows of length 1 */
    const int *labels;   /* [n], in 0..n_classes-1 */
    int n;
    const float *classes; /* [n_classes, dim], rows of length 1 */
    int n_classes, dim;
} AlignmentTask;

/* out: [n]. The same numbers with any number of threads. */
void alignment_compute(Alignment *out, const AlignmentTask *task, ThreadPool *threads);

#endif
