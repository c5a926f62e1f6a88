/* Statistics of a few numbers: means, standard errors, bootstrap intervals, paired tests. Pure
 * functions: the same numbers give the same answer, on every machine and in every run (random draws
 * come from rng.h with a fixed seed).
 *
 * Values that belong together (the trials of one held-out domain) carry the same group number.
 */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdbool.h>

enum {
    STATS_RESAMPLES = 5000, /* of a bootstrap interval: its ends move by about 1 % of its width */
    STATS_EXACT_SIGNS = 20, /* up to so many differences every sign pattern is looked at */
    STATS_SIGN_SAMPLES = 100000 /* patterns drawn above that: p is right to about 0.001 at 0.05 */
};

double stats_mean(const double *x, int n); /* n >= 1 */

/* Standard error of the mean: deviation / sqrt(n). population: the deviation divides by n, as NumPy
 * and so DomainBed do; else by n - 1, NAN for n = 1. */
double stats_stderr(const double *x, int n, bool population);

/* The q-quantile of sorted numbers, linear between neighbours (NumPy's default, type 7 of Hyndman
 * and Fan 1996). */
double stats_quantile(const double *sorted, int n, double q);

/* 97.5 % quantile of Student's t with so many degrees of freedom (>= 1): half the width of a 95 %
 * interval in standard errors. Right to 1e-4. */
double stats_t_quantile(int degrees);

typedef struct {
    double low, high;
} StatsInterval;

/* Two-level percentile bootstrap interval of the mean over groups of the mean inside each group:
 * groups are drawn with replacement, then the values inside each drawn group (Davison and Hinkley
 * 1997, 3.8). groups: n numbers, any order. level: 0.95. With one group only its values are drawn.
 * Few groups make it too narrow: with 4 domains it covers less than it says. */
StatsInterval stats_bootstrap(const double *x, const int *groups, int n, double level);

/* Two-sided paired permutation test of "the differences are symmetric around 0": the fraction of
 * sign patterns whose |sum| is at least the observed one (Fisher 1935). Exact up to
 * STATS_EXACT_SIGNS differences, sampled above ((hits + 1) / (samples + 1)). */
double stats_sign_flip_p(const double *differences, int n);

/* Holm 1979: p values of n tests made together, adjusted in place so that each may be compared with
 * the level of all of them. */
void stats_holm(double *p, int n);

#endif
