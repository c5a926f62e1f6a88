/* Classes of images by a finished run's network. Adapters are merged first: an image costs what it
 * costs the base model. */
#ifndef HARNESS_RUN_PREDICT_H
#define HARNESS_RUN_PREDICT_H

#include "finished_run.h"

#include <stdio.h>

/* At most one of the first two; neither: the run's own weights. */
typedef struct {
    const char *weights; /* safetensors file of the whole network; NULL */
    const char *adapter; /* folder in PEFT's format, over the weights that the run began with; it
                            has to hold the classifier; NULL */
    bool raw;            /* the run's raw weights, where it reports an average */
} RunPredictWeights;

MUST_USE bool run_predict_prepare(FinishedRun *f, const RunPredictWeights *weights, Err *err);

/* CSV with the columns path, class, confidence: of all images below the folder, in the order of
 * their paths; or of all of a domain of the run's dataset. */
MUST_USE bool run_predict_folder(FinishedRun *f, FILE *out, const char *folder, Err *err);
MUST_USE bool run_predict_domain(FinishedRun *f, FILE *out, const char *domain, Err *err);

#endif
