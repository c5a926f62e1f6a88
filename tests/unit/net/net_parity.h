/* Comparisons with golden files of scripts/golden/nets.py and clip.py, for the tests of this
 * folder.
 */
#ifndef TESTS_NET_PARITY_H
#define TESTS_NET_PARITY_H

#include "golden.h"
#include "params.h"

/* 1e-4; in double 1e-9. */
extern const double PARITY_TOLERANCE;

double parity_worst(double a, double b); /* the larger one */

/* An array of the file against got. Returns the worst relative error. */
double parity_array(const SafeTensors *f, const char *name, const Real *got);

/* Rows "what" of the file (summary() of nets.py; names in its metadata) against the same parts of
 * `values`, which is laid out as the parameters. The same; 0 when the file has none. */
double parity_rows(const SafeTensors *f, const char *what, const Params *p, const Real *values);

int parity_count_names(const char *text); /* of such metadata; NULL: 0 */

/* The derivative along one random direction over all parameters, from the gradients that are in p,
 * against central differences of loss_of, which leaves them. `step` has to be so small that no ReLU
 * changes sides: the deeper the network, the smaller. Returns the relative error. */
double parity_direction(Params *p, double step, double (*loss_of)(void *context), void *context);

#endif
