/* Predictions of a learner on lists of dataset images, through the clean transform unless told
 * otherwise, without gradients. */
#ifndef EVAL_EVALUATOR_H
#define EVAL_EVALUATOR_H

#include "clean.h"
#include "learner.h"
#include "metrics.h"

typedef struct Evaluator Evaluator;

typedef struct {
    const Dataset *dataset; /* kept */
    InputSpec input;
    int batch_size;
    ThreadPool *threads; /* kept; NULL: one thread */
} EvaluatorOptions;

Evaluator *evaluator_new(const EvaluatorOptions *options);
void evaluator_free(Evaluator *e); /* NULL is fine */

/* From now on images are augmented, image i with draw number i of stream (stateless: the same
 * stream shows the same pixels again); AUGMENT_NONE: clean again. */
void evaluator_augment(Evaluator *e, AugmentKind kind, RngStream stream);

/* out[i]: prediction for images[i] by the learner's weight variant in use. */
MUST_USE bool evaluator_predict(Evaluator *e, Learner *l, Prediction *out, const int *images, int n,
                                Err *err);

/* Adds the logits to sums [n,K]: an ensemble is the sum over its members. */
MUST_USE bool evaluator_add_logits(Evaluator *e, Learner *l, float *sums, const int *images, int n,
                                   Err *err);

/* rows [n,net_n_features]: the features of the images. */
MUST_USE bool evaluator_features(Evaluator *e, Learner *l, float *rows, const int *images, int n,
                                 Err *err);

#endif
