/* Statistics of the columns of [rows, columns]: what batch and group norm are made of. One pass
 * over memory; blocks of rows in Real, about their own mean, merged in double (Chan, Golub and
 * LeVeque 1983, eq. 2.1), so that neither many rows nor a large mean cost digits. */
#ifndef NN_MOMENTS_H
#define NN_MOMENTS_H

#include "real.h"

#include <stddef.h>

/* mean [columns]; squares [columns]: sum of squared deviations from it. scratch: 2 * columns Reals.
 */
void moments_of_columns(double *mean, double *squares, const Real *x, size_t rows, size_t columns,
                        Real *scratch);

/* (mean, squares) of n items := those of them and n_other items together. */
typedef struct {
    double n, mean, squares;
} Moments;
Moments moments_merge(Moments a, Moments b);

/* sums [columns] = sum of g; products [columns] = sum of g * (x - center), center [columns].
 * scratch: 2 * columns Reals. */
typedef struct {
    const Real *g, *x, *center;
    size_t rows, columns;
} MomentsGradient;
void moments_gradient(double *sums, double *products, const MomentsGradient *m, Real *scratch);

#endif
