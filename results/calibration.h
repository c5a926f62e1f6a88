/* The accuracy on a domain as scores say it: P(correct | score) is fitted on images of other
 * domains, whose outcomes are known, and averaged over the scores of the target's images. Numbers
 * only; where they come from: forecast.h. Internal to results/.
 *
 * The fit is isotonic in the score (base/isotonic.h): an image with a higher score is not less
 * likely to be right, and nothing else is assumed. Each source domain weighs the same, so that
 * scores which say nothing give the mean of the sources' accuracies.
 */
#ifndef RESULTS_CALIBRATION_H
#define RESULTS_CALIBRATION_H

enum { CALIBRATION_RESAMPLES = 1000 };

typedef struct {
    double score;
    double correct; /* fraction of its outcomes that are right; not looked at in a target */
    double weight;  /* > 0: how much of the domain's accuracy it makes up */
} CalibrationImage;

typedef struct {
    const CalibrationImage *images; /* in any order */
    int n;                          /* >= 1 */
} CalibrationDomain;

typedef struct {
    double predicted;
    double low, high;         /* 95 % prediction interval; NAN with one source */
    double fit_low, fit_high; /* 95 % bootstrap interval of `predicted` */
    double source_accuracy;   /* mean over the sources of their accuracy */
} Calibrated;

/* low, high: predicted -/+ t(k) * the root mean square of the k errors that come out when each
 * source is predicted from the others (k: number of sources; t: 97.5 % quantile of Student's t, the
 * errors taken as normal around 0), in [0,1]. fit_low, fit_high: percentiles over resamples of the
 * sources, of the images inside each, and of the target's images; seed: of the draws. */
Calibrated calibration_predict(const CalibrationDomain *sources, int n_sources,
                               const CalibrationDomain *target, unsigned long seed);

/* Mean of correct over the weights. */
double calibration_accuracy(const CalibrationDomain *domain);

#endif
