/* What one evaluation says about a set of images: plain arrays in, numbers out. */
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H

#include <stdint.h>

/* Of one image. */
typedef struct {
    int label, predicted;
    float confidence; /* softmax probability of the predicted class */
    double nll;       /* -log softmax probability of the label, in nats */
} Prediction;

typedef struct {
    int64_t n, correct;
    double accuracy; /* correct / n */
    double nll;      /* mean, in nats */
    double
        ece; /* expected calibration error: Guo et al. 2017, eq. 3, METRICS_ECE_BINS equal bins */
    double macro_accuracy;       /* mean over the classes that occur of their accuracy */
    double worst_class_accuracy; /* least accuracy of a class that occurs */
} Metrics;

enum { METRICS_ECE_BINS = 15 };

/* From one row of K logits. The first of equal logits wins, as torch.argmax does. Logits that are
 * not finite (a run that diverges) give a confidence and nll that are not either. */
Prediction prediction_of(const float *logits, int n_classes, int label);

/* n predictions; n == 0 gives NaN everywhere but in the counts; NaN confidences give a NaN ece. */
Metrics metrics_of(const Prediction *predictions, int n, int n_classes);

#endif
