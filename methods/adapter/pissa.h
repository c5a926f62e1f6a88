/* Principal singular values and vectors as an adapter's beginning (PiSSA, Meng et al. 2024, arXiv
 * 2404.02948, eq. 2 to 4; as PEFT takes the scale into account). */
#ifndef ADAPTER_PISSA_H
#define ADAPTER_PISSA_H

#include "real.h"

typedef struct {
    int rows, columns, rank;
    double scale; /* s */
} PissaSize;

/* w [rows,columns] = U S V^T: a [rank,columns] = sqrt(S_r / s) V_r^T, b [rows,rank] = U_r sqrt(S_r
 * / s), and w loses s b a, so that their sum stays what it was, up to rounding. */
void pissa_split(Real *w, Real *a, Real *b, const PissaSize *size);

#endif
