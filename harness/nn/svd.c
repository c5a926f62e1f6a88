/* LAPACK reads columns: a row-major [m,n] is its [n,m], of which u and vt change places. */
#include "svd.h"

#include "err.h"
#include "mem.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Fortran's name; the last argument is the length of the first one, a string. */
/* NOLINTNEXTLINE(readability-identifier-naming): LAPACK chose it */
extern void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda,
                    double *s, double *u, const int *ldu, double *vt, const int *ldvt, double *work,
                    const int *n_work, int *integers, int *info, size_t job_length);

typedef struct {
    char job; /* 'S': thin u and vt; 'N': none */
    int m, n, k;
    double *a, *s, *u, *vt; /* as LAPACK sees them */
    int *integers;          /* [8 k] */
} Svd;

/* n_work -1: only work[0] is set, to the size it wants. */
static void decompose(const Svd *d, double *work, int n_work)
{
    int info = 0, ldvt = d->k;
    dgesdd_(&d->job, &d->m, &d->n, d->a, &d->m, d->s, d->u, &d->m, d->vt, &ldvt, work, &n_work,
            d->integers, &info, 1);
    check(info == 0, "LAPACK's dgesdd of [%d,%d]: info %d", d->n, d->m, info);
}

void svd(double *s, double *u, double *vt, const double *a, int m, int n)
{
    check(m > 0 && n > 0, "[%d,%d]", m, n);
    check((u == NULL) == (vt == NULL), "one of u and vt is NULL");
    size_t size = (size_t)m * (size_t)n;
    for (size_t i = 0; i < size; i++) check(isfinite(a[i]), "element %zu is %g", i, a[i]);
    Svd d = {.job = u != NULL ? 'S' : 'N', .m = n, .n = m, .k = m < n ? m : n};
    d.s = s;
    d.u = vt;
    d.vt = u;
    d.a = mem_alloc(size, sizeof *d.a); /* is overwritten */
    memcpy(d.a, a, size * sizeof *a);
    d.integers = mem_alloc(8 * (size_t)d.k, sizeof *d.integers);
    double wanted = 0;
    decompose(&d, &wanted, -1);
    double *work = mem_alloc((size_t)wanted, sizeof *work);
    decompose(&d, work, (int)wanted);
    free(work);
    free(d.integers);
    free(d.a);
}
