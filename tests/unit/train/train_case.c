#include "train_case.h"

#include "registry.h"
#include "rng.h"

enum { SIZE = 16, CHANNELS = 3, N = CASE_PER_DOMAIN * CASE_SOURCES };
enum { PIXELS = N * SIZE * SIZE * CHANNELS };

TrainCase *train_case_new(void)
{
    TrainCase *c = calloc(1, sizeof *c);
    c->x = malloc(PIXELS * sizeof *c->x);
    for (int s = 0; s <= CASE_SOURCES; s++) c->offsets[s] = s * CASE_PER_DOMAIN;
    c->batch = (Batch){.n = N,
                       .n_sources = CASE_SOURCES,
                       .offsets = c->offsets,
                       .size = SIZE,
                       .channels = CHANNELS,
                       .x = c->x,
                       .y = c->y};
    return c;
}

void train_case_free(TrainCase *c)
{
    free(c->x);
    free(c);
}

const Batch *train_case_batch(TrainCase *c, int64_t step)
{
    RngStream stream = rng_sub(rng_stream(11, "pixels"), (uint64_t)step);
    for (int i = 0; i < PIXELS; i++) c->x[i] = (float)rng_normal(stream, 0, (uint64_t)i);
    for (int i = 0; i < N; i++) c->y[i] = (int)((i + step) % CASE_CLASSES);
    return &c->batch;
}

LearnerOptions train_case_options(double lr)
{
    return (LearnerOptions){
        .net = {.name = "resnet-small",
                .size = SIZE,
                .channels = CHANNELS,
                .n_classes = CASE_CLASSES,
                .seed = 1},
        .optim = {.kind = OPTIM_SGD, .lr = lr, .beta1 = .9, .beta2 = .999, .eps = 1e-8},
        .objective = method_objective("erm"),
        .seed = 5,
    };
}

Learner *train_case_learner(const LearnerOptions *options)
{
    Learner *l = NULL;
    Err err = {0};
    assert_ok(learner_new(&l, options, &err));
    return l;
}

void train_case_run(TrainCase *c, Learner *l, int64_t from, int64_t to)
{
    for (int64_t s = from; s < to; s++) {
        assert_true(learner_update(l, train_case_batch(c, s), s).finite);
    }
}

Real *train_case_copy(Learner *l, const Real *values)
{
    size_t bytes = params_size(learner_params(l)) * sizeof *values;
    Real *copy = malloc(bytes);
    memcpy(copy, values, bytes);
    return copy;
}
