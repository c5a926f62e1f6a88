/* Changes of low rank from and to an adapter: what training leaves, and what a run can start from.
 */
#ifndef ADAPTER_LOW_RANK_ADAPTER_H
#define ADAPTER_LOW_RANK_ADAPTER_H

#include "adapter.h"
#include "low_rank_set.h"

/* What the adapter's parameters hold in params. With PiSSA the network's W0 is not the base's: what
 * was taken when training began, `initial`, gives a second change of each weight that takes it back
 * (B negated), so that the set changes the base; else NULL. The set was empty. */
void low_rank_set_take(LowRankSet *set, const Adapter *adapter, Params *params,
                       const LowRankSet *initial);

/* The other way, with `place` for messages: the values become those of the adapter's parameters.
 * params hold W0. Every part has to be in the set, with its rank and scale, and nothing else may be
 * in it but changes that change nothing; several parts may be one change of their rows when its B
 * is block-diagonal in their order. What does not fit is listed. */
MUST_USE bool low_rank_set_put(const LowRankSet *set, const Adapter *adapter, Params *params,
                               const char *place, Err *err);

/* A, B and magnitudes of all parts under our own names and in our own layout: what a finished run
 * keeps of its adapter. */
MUST_USE bool adapter_save(const Adapter *adapter, Params *params, const char *path, Err *err);
MUST_USE bool adapter_load(const Adapter *adapter, Params *params, const char *path, Err *err);

#endif
