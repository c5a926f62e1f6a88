/* Sums and means in the order of numpy's reductions, so that a last bit (and a rounded digit) comes
 * out as there. */
#ifndef RESULTS_NUMPY_SUM_H
#define RESULTS_NUMPY_SUM_H

/* Pairwise summation as np.sum of a contiguous float64 array: plain below 8 items, 8 running sums
 * up to 128, halves above. */
double numpy_sum(const double *values, int n);

double numpy_mean(const double *values, int n);
double numpy_std(const double *values, int n); /* ddof = 0 */

#endif
