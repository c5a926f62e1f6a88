/* What low_rank.c and low_rank_sink.c share. */
#ifndef NN_LOW_RANK_INTERNAL_H
#define NN_LOW_RANK_INTERNAL_H

#include "low_rank.h"
#include "sink.h"

/* One part as the weight's aux has it. Its tensors are inputs 1 + 3 i, of part i: A, B, m. */
typedef struct {
    int row, n, rank;
    Real scale;
    const Real *a, *b, *m, *w0; /* values; w0: its first row */
    Real *norms;                /* [n], saved; NULL without magnitudes */
} LowRankPart;

typedef struct {
    int n_parts;
    LowRankPart *parts;
    int rank; /* of all parts together */
    int size; /* elements of a row of the weight */
} LowRank;

/* m / n of row i of a part, 1 without magnitudes. A row of norm 0 stays 0. */
Real low_rank_ratio(const LowRankPart *p, int i);

extern const TensorSink LOW_RANK_SINK;

#endif
