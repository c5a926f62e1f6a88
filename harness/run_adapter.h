/* The adapter axis of a run: from the spec to a network's adapter, and what it trains. */
#ifndef HARNESS_RUN_ADAPTER_H
#define HARNESS_RUN_ADAPTER_H

#include "adapter.h"
#include "learner.h"
#include "run_spec.h"

/* Sets o->net.adapter and what else the axis decides; nothing for "none". */
MUST_USE bool run_adapter_set(LearnerOptions *o, const RunSpec *spec, Arena *arena, Err *err);

/* Of the trained parameters, those that inference needs: without generators, with what they made.
 */
int64_t run_adapter_n_inference(Learner *l);

#endif
