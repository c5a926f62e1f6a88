/* Draws without replacement: every epoch is a new permutation, each item once. A pure function of
 * the stream and the draw's number; the current epoch's order is kept from draw to draw. */
#ifndef DATASETS_EPOCH_ORDER_H
#define DATASETS_EPOCH_ORDER_H

#include "arena.h"
#include "rng.h"

#include <stdint.h>

typedef struct {
    int n;
    int64_t epoch; /* that order is of; -1: none yet */
    int *order;    /* [n] */
} EpochOrder;

EpochOrder epoch_order_new(int n, Arena *arena); /* n at least 1 */

/* The item, 0 .. n-1, of draw number `draw`, counted over all epochs. */
int epoch_order_at(EpochOrder *e, RngStream stream, int64_t draw);

#endif
