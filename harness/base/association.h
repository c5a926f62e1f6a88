/* How well a number tells right from wrong (an alignment score, whether its image is classified
 * correctly), with bootstrap intervals. Pure functions: the same rows give the same answer, in any
 * order, on every machine (random draws come from rng.h with a fixed seed).
 *
 *     spearman  rank correlation of the number and right (0 or 1), ties share their mean rank
 *     auc       how often the number of a right row is above that of a wrong one, ties count half
 *               (Mann and Whitney 1947)
 *     slope     of the least-squares line from the number to right, for one standard deviation of
 *               the number: the change of accuracy
 *
 * Rows are compared only inside their stratum. auc counts the pairs of all strata; spearman is the
 * mean over the strata, weighted by their rows, of those where neither the number nor right is
 * constant; slope has one line for all, deviations being taken from the stratum's means. They are
 * measured in each series, then averaged over series.
 *
 * Intervals: 95 %, percentiles of ASSOCIATION_RESAMPLES resamples. A resample draws, inside each
 * block, as many units as it has, with replacement, and takes all rows of a unit as often as the
 * unit was drawn, in every series and on both sides: differences are paired. Blocks, series and
 * strata are not drawn.
 */
#ifndef BASE_ASSOCIATION_H
#define BASE_ASSOCIATION_H

#include <stdbool.h>
#include <stdint.h>

enum { ASSOCIATION_RESAMPLES = 1000 };

typedef struct {
    double x; /* finite */
    bool right;
    bool side;       /* rows of both sides: what is measured is side 1 minus side 0 */
    int64_t unit;    /* an image */
    int64_t block;   /* the same in all rows of a unit: a held-out domain */
    int64_t stratum; /* a class, or one number for all */
    int64_t series;  /* a trial */
} AssociationRow;

typedef struct {
    double value, low, high; /* NAN: not defined. right is constant; or x is, where auc is 1/2 */
} Estimate;

typedef struct {
    Estimate spearman, auc, slope;
    int n_units;
} Association;

/* n >= 1 rows. resamples: ASSOCIATION_RESAMPLES; 0: no intervals. */
Association association_measure(const AssociationRow *rows, int n, int resamples);

/* Spearman's rank correlation of any two lists of n numbers, ties sharing their mean rank; NAN when
 * one of them is constant. */
double association_spearman(const double *x, const double *y, int n);

#endif
