/* Isotonic regression: the non-decreasing function with the least weighted squared distance to
 * points, found by pooling adjacent violators (Barlow, Bartholomew, Bremner and Brunk 1972, 1.2).
 *
 *     Isotonic fit = {0};
 *     isotonic_fit(&fit, score, correct, weight, n);      as often as you like
 *     double p = isotonic_at(&fit, 0.21);
 *     isotonic_done(&fit);
 */
#ifndef BASE_ISOTONIC_H
#define BASE_ISOTONIC_H

typedef struct {
    double *x, *y; /* [n] knots: x ascending, y non-decreasing */
    int n;
    struct IsotonicBlock *blocks; /* scratch, [capacity] */
    int capacity;
} Isotonic;

/* x: n numbers in ascending order, equal ones are pooled; w: n weights >= 0, not all 0, those of
 * weight 0 don't count. The storage of an earlier fit is used again. */
void isotonic_fit(Isotonic *fit, const double *x, const double *y, const double *w, int n);

/* Constant inside a pooled block, linear from one block to the next, constant outside. */
double isotonic_at(const Isotonic *fit, double x);

void isotonic_done(Isotonic *fit);

#endif
