/* A small network with batch norm on made-up batches, for tests of what happens over many updates.
 */
#ifndef TESTS_TRAIN_CASE_H
#define TESTS_TRAIN_CASE_H

#include "test.h"

#include "learner.h"

enum { CASE_CLASSES = 4, CASE_PER_DOMAIN = 3, CASE_SOURCES = 2 };

typedef struct {
    Batch batch;
    float *x;
    int y[CASE_PER_DOMAIN * CASE_SOURCES], offsets[CASE_SOURCES + 1];
} TrainCase;

TrainCase *train_case_new(void);
void train_case_free(TrainCase *c);

/* The batch of this step: other pixels and labels for each. */
const Batch *train_case_batch(TrainCase *c, int64_t step);

/* resnet-small, plain SGD with this rate, no averages. */
LearnerOptions train_case_options(double lr);
Learner *train_case_learner(const LearnerOptions *options);

/* Updates from .. to - 1. */
void train_case_run(TrainCase *c, Learner *l, int64_t from, int64_t to);

/* A copy of values [params_size], to be freed by free. */
Real *train_case_copy(Learner *l, const Real *values);

#endif
