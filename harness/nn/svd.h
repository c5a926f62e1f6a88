/* Singular value decomposition by LAPACK (in OpenBLAS), in double. */
#ifndef NN_SVD_H
#define NN_SVD_H

/* a [m,n], row-major, left as it is. k = min(m, n).
 * s [k]: singular values, largest first. u [m,k], vt [k,n]: a = u diag(s) vt; both or neither NULL
 * (only the values are computed then). Values that are not finite are our mistake. */
void svd(double *s, double *u, double *vt, const double *a, int m, int n);

#endif
