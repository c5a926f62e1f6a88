#include "pissa.h"

#include "mem.h"
#include "svd.h"

#include <math.h>
#include <stdlib.h>

static void set_factors(Real *a, Real *b, const PissaSize *size, const double *s, const double *u,
                        const double *vt)
{
    int k = size->rows < size->columns ? size->rows : size->columns;
    for (int p = 0; p < size->rank; p++) {
        double root = sqrt(s[p] / size->scale);
        for (int j = 0; j < size->columns; j++) {
            size_t at = (size_t)p * (size_t)size->columns + (size_t)j;
            a[at] = (Real)(root * vt[at]);
        }
        for (int i = 0; i < size->rows; i++) {
            b[(size_t)i * (size_t)size->rank + (size_t)p] =
                (Real)(root * u[(size_t)i * (size_t)k + (size_t)p]);
        }
    }
}

/* One row of w loses that of s b a, of the factors as they are rounded. */
static void subtract(double *row, const Real *a, const Real *b, const PissaSize *size)
{
    for (int p = 0; p < size->rank; p++) {
        const Real *ap = a + (size_t)p * (size_t)size->columns;
        for (int j = 0; j < size->columns; j++)
            row[j] -= size->scale * (double)b[p] * (double)ap[j];
    }
}

void pissa_split(Real *w, Real *a, Real *b, const PissaSize *size)
{
    int m = size->rows, n = size->columns, k = m < n ? m : n;
    size_t n_w = (size_t)m * (size_t)n;
    double *exact = mem_alloc(n_w, sizeof *exact), *s = mem_alloc((size_t)k, sizeof *s);
    double *u = mem_alloc((size_t)m * (size_t)k, sizeof *u);
    double *vt = mem_alloc((size_t)k * (size_t)n, sizeof *vt);
    for (size_t i = 0; i < n_w; i++) exact[i] = (double)w[i];
    svd(s, u, vt, exact, m, n);
    set_factors(a, b, size, s, u, vt);
    for (int i = 0; i < m; i++) {
        subtract(exact + (size_t)i * (size_t)n, a, b + (size_t)i * (size_t)size->rank, size);
    }
    for (size_t i = 0; i < n_w; i++) w[i] = (Real)exact[i];
    free(vt);
    free(u);
    free(s);
    free(exact);
}
