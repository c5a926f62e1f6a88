/* Predictions of a learner on lists of dataset images, through the clean transform, without
 * gradients. */
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

/* out[i]: prediction for images[i] by the learner's weight variant in use. */
MUST_USE bool evaluator_predict(Evaluator *e, Learner *l, Prediction *out, const int *images, int n,
                                Err *err);

#endif
