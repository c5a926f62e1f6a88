/* Accuracy, likelihood, calibration, per-class accuracy. Sums are in double. */
#include "metrics.h"

#include "err.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>

Prediction prediction_of(const float *logits, int n_classes, int label)
{
    check(label >= 0 && label < n_classes, "label %d of %d classes", label, n_classes);
    int best = 0;
    for (int k = 1; k < n_classes; k++) {
        if (logits[k] > logits[best]) best = k;
    }
    double sum = 0;
    for (int k = 0; k < n_classes; k++) sum += exp((double)logits[k] - (double)logits[best]);
    double nll = log(sum) - ((double)logits[label] - (double)logits[best]);
    return (Prediction){label, best, (float)(1 / sum), nll};
}

static double calibration_error(const Prediction *predictions, int n)
{
    double confidence[METRICS_ECE_BINS] = {0};
    int64_t correct[METRICS_ECE_BINS] = {0};
    for (int i = 0; i < n; i++) {
        const Prediction *p = &predictions[i];
        if (isnan(p->confidence)) return NAN;
        int bin = (int)((double)p->confidence * METRICS_ECE_BINS);
        if (bin >= METRICS_ECE_BINS) bin = METRICS_ECE_BINS - 1;
        confidence[bin] += (double)p->confidence;
        correct[bin] += p->predicted == p->label;
    }
    double error = 0;
    for (int b = 0; b < METRICS_ECE_BINS; b++) error += fabs((double)correct[b] - confidence[b]);
    return error / n;
}

static void class_accuracies(Metrics *m, const Prediction *predictions, int n, int n_classes)
{
    int64_t *counts = mem_alloc((size_t)n_classes * 2, sizeof *counts);
    int64_t *correct = counts + n_classes;
    for (int i = 0; i < n; i++) {
        counts[predictions[i].label]++;
        correct[predictions[i].label] += predictions[i].predicted == predictions[i].label;
    }
    double sum = 0, worst = 1;
    int present = 0;
    for (int k = 0; k < n_classes; k++) {
        if (counts[k] == 0) continue;
        double accuracy = (double)correct[k] / (double)counts[k];
        sum += accuracy;
        worst = accuracy < worst ? accuracy : worst;
        present++;
    }
    m->macro_accuracy = sum / present;
    m->worst_class_accuracy = worst;
    free(counts);
}

Metrics metrics_of(const Prediction *predictions, int n, int n_classes)
{
    Metrics m = {.n = n};
    if (n == 0) {
        m.accuracy = m.nll = m.ece = m.macro_accuracy = m.worst_class_accuracy = NAN;
        return m;
    }
    double nll = 0;
    for (int i = 0; i < n; i++) {
        m.correct += predictions[i].predicted == predictions[i].label;
        nll += predictions[i].nll;
    }
    m.accuracy = (double)m.correct / n;
    m.nll = nll / n;
    m.ece = calibration_error(predictions, n);
    class_accuracies(&m, predictions, n, n_classes);
    return m;
}
