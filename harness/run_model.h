/* The model directory of a run whose network is a CLIP's image tower (net.name: clip): what it adds
 * to the spec, what it is, and what its text tower says of the classes.
 */
#ifndef HARNESS_RUN_MODEL_H
#define HARNESS_RUN_MODEL_H

#include "dataset.h"
#include "input_spec.h"
#include "model_dir.h"
#include "run_spec.h"
#include "thread_pool.h"

/* Opens net.model and fills in what the spec leaves to it: data.image_size, data.fit, data.filter,
 * net.mean, net.std. A spec without one: *out NULL, nothing changes. Close with model_dir_close. */
MUST_USE bool run_model_open(ModelDir **out, RunSpec *spec, Arena *arena, Err *err);

/* What the spec's network sees. Datasets of other than 3 channels are seen as they are. */
InputSpec run_model_input(const RunSpec *spec, int channels);

/* SHA-256 (hex) of everything in the directory that decides what its towers compute: configuration,
 * weights, tokenizer. */
MUST_USE bool run_model_digest(char out[SHA256_HEX_SIZE], const ModelDir *dir, Err *err);

/* What the frozen text tower makes of the classes; in an arena. */
typedef struct {
    float *rows;          /* [n_classes, dim], of length 1 */
    const char **prompts; /* [n_classes] */
    const char *template_text, *architecture;
    double logit_scale; /* factor of cosines */
    int n, dim;
} RunClasses;

MUST_USE bool run_model_classes(RunClasses *out, const RunSpec *spec, const Dataset *dataset,
                                ThreadPool *threads, Arena *arena, Err *err);

/* [n_classes, dim]: the weight of a zero-shot classifier of features of length 1. */
float *run_model_classifier(const RunClasses *classes, Arena *arena);

#endif
