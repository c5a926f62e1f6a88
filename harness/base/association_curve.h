/* The rows of an association (association.h) made ready for resampling: sorted once, measured under
 * any weights of the units. Internal to base/.
 */
#ifndef BASE_ASSOCIATION_CURVE_H
#define BASE_ASSOCIATION_CURVE_H

#include "association.h"

enum { SPEARMAN, AUC, SLOPE, N_STATISTICS };
enum { CURVE_LANES = 4 }; /* series that are summed together, in vector registers */

/* One list of points, by stratum and x, and what each of its series (CURVE_LANES at most) says of
 * them. */
typedef struct {
    struct AssociationPoint *points;
    int n, n_series;
    bool side;
} Curve;

/* Series of a side that have the same points share a curve, so that these are ranked once. */
typedef struct {
    Curve *items;
    int n;
} Curves;

/* units: [n] number of the unit of each row, from 0. Rows may come in any order. */
Curves curves_new(const AssociationRow *rows, const int *units, int n);
void curves_done(Curves *curves);

/* Mean over the series of a side that have the statistic, side 1 minus side 0 when there are both;
 * NAN: not defined. counts: how often each unit is there; NULL: once. */
void curves_measure(double out[N_STATISTICS], const Curves *curves, const double *counts);

#endif
