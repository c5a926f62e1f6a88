/* Numbered items prepared ahead by threads of their own, in order, while the caller works on an
 * earlier one. Where an item lies is the owner's business: it keeps prefetch_n_slots places, and
 * fills the place that it is told.
 *
 *     Prefetch *p = prefetch_new(&(PrefetchOptions){.n_workers = 2, .fill = fill, .context = me});
 *     int slot;
 *     if (!prefetch_get(p, step, &slot, err)) return false;
 *     use(me->places[slot]);
 *     prefetch_free(p);
 */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include "err.h"

#include <stdint.h>

typedef struct Prefetch Prefetch;

/* Makes the item in place `slot`. Called by several threads at once, never for the same slot. */
typedef bool PrefetchFill(void *context, int slot, int64_t item, Err *err);

typedef struct {
    int n_workers; /* 0: the caller's thread does the work when it asks */
    PrefetchFill *fill;
    void *context;
} PrefetchOptions;

/* One that the caller holds, one ready, and one per worker; without workers one. */
int prefetch_n_slots(int n_workers);

Prefetch *prefetch_new(const PrefetchOptions *options);
void prefetch_free(Prefetch *p); /* waits for the workers; NULL is fine */

/* The place of any item >= 0, valid until the next call. Items in order are the fast case. */
MUST_USE bool prefetch_get(Prefetch *p, int64_t item, int *slot, Err *err);

/* Seconds the caller has waited (all of the work when there are no workers). */
double prefetch_wait_seconds(const Prefetch *p);

#endif
