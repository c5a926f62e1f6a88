/* Golden values: small .npy files (C order; float32, float64, int32, int64), and comparison of
 * arrays.
 *
 *     NpyArray want = golden_load("ops_linear.npy");      // from tests/golden; fails the test
 *     assert_array_close(y->v, want.v, want.n, 1e-4, 1e-6);
 *     npy_done(&want);
 */
#ifndef TESTS_NPY_H
#define TESTS_NPY_H

#include "err.h"
#include "real.h"

#include <stddef.h>

enum { NPY_MAX_RANK = 6 };

typedef struct {
    int rank, dims[NPY_MAX_RANK];
    size_t n;  /* elements */
    double *v; /* [n]; every supported type fits, integers up to 2^53 */
} NpyArray;

/* Format: numpy.lib.format, versions 1.0 and 2.0. */
MUST_USE bool npy_read(NpyArray *out, const char *path, Err *err);
void npy_done(NpyArray *a);

/* tests/golden/<name> below $DGBENCH_SOURCE; a failure fails the running cmocka test. */
NpyArray golden_load(const char *name);

/* Every |got - want| <= atol + rtol * |want|; else fails the running test with the worst index,
 * both values and NMSE = sum (got - want)^2 / sum want^2. */
void array_close_or_fail(const Real *got, const double *want, size_t n, const double tolerance[2],
                         const char *where);

#define NPY_TEXT_(x) #x
#define NPY_TEXT(x)  NPY_TEXT_(x)
#define assert_array_close(got, want, n, rtol, atol)                                               \
    array_close_or_fail((got), (want), (n), (const double[2]){(rtol), (atol)},                     \
                        #got " at " __FILE__ ":" NPY_TEXT(__LINE__))

#endif
