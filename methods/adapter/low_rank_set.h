/* Adapters as plain numbers, without the network that they were trained in: changes of low rank
 * that weights get. What is left of any adapter when training is over, and what PEFT's directories
 * hold (peft_dir.h).
 *
 *     linear        W [out,in]:        rows row .. row + n_rows - 1 get + s B A; A [r,in], B
 * [n_rows,r] convolution   W [out,kh,kw,in]:  the same with A [r,kh,kw,in] magnitude m   then row o
 * becomes m_o times its direction (DoRA)
 *
 *     LowRankSet set = {0};
 *     low_rank_set_take(&set, adapter, params, NULL);    // low_rank_adapter.h
 *     low_rank_set_merge(&set, base_params);             // W0 becomes W
 *     low_rank_set_done(&set);
 */
#ifndef ADAPTER_LOW_RANK_SET_H
#define ADAPTER_LOW_RANK_SET_H

#include "arena.h"
#include "params.h"

typedef struct {
    int weight; /* id of W0 in Params */
    int row, n_rows;
    int rank;
    double alpha;
    Real *a, *b, *magnitude; /* magnitude NULL: none */
} LowRankChange;

/* Begins zeroed. Values live in its arena. */
typedef struct {
    LowRankChange *items; /* those of one weight are neighbours; weights ascend */
    int n, capacity;
    bool is_rank_stabilised; /* s = alpha / sqrt(r), else alpha / r */
    Arena *arena;            /* NULL while empty */
} LowRankSet;

void low_rank_set_done(LowRankSet *set);

/* Adds a change with room for its values: a [rank, columns of the weight], b, and magnitude where
 * asked for, all 0. The pointer is good until the next one is added. */
LowRankChange *low_rank_set_add(LowRankSet *set, const Params *params, const LowRankChange *shape,
                                bool has_magnitude);

double low_rank_scale(const LowRankSet *set, const LowRankChange *c); /* s */

int low_rank_columns(const Param *weight); /* values of a row: in, or kh*kw*in */

/* Each weight W0 in params becomes W. */
void low_rank_set_merge(const LowRankSet *set, Params *params);

/* [n_rows] lengths of rows. */
void low_rank_row_norms(Real *out, const Real *rows, int n_rows, int columns);

#endif
