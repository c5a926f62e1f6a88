/* Another epoch is computed from scratch. */
#include "epoch_order.h"

EpochOrder epoch_order_new(int n, Arena *arena)
{
    check(n >= 1, "an epoch of %d items", n);
    return (EpochOrder){n, -1, arena_alloc(arena, (size_t)n, sizeof(int))};
}

int epoch_order_at(EpochOrder *e, RngStream stream, int64_t draw)
{
    int64_t wanted = draw / e->n;
    if (e->epoch != wanted) {
        for (int i = 0; i < e->n; i++) e->order[i] = i;
        rng_shuffle(stream, (uint64_t)wanted, e->order, e->n);
        e->epoch = wanted;
    }
    return e->order[draw % e->n];
}
