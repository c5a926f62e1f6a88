/* eval.alignment: how well the image tower that a run has trained agrees with the frozen text
 * tower. */
#ifndef HARNESS_RUN_ALIGNMENT_H
#define HARNESS_RUN_ALIGNMENT_H

#include "run_setup.h"
#include "store_score.h"

/* Scores the images that the run has not learned from (all of the held-out domains, the out splits
 * of the sources) by the learner's weight variant `variant`, and stores them as a scorer of the
 * run, in one transaction: again, it replaces what is there. run: its row. setup->classes is known.
 */
MUST_USE bool run_alignment_store(Store *store, int64_t run, int64_t dataset, const RunSetup *setup,
                                  int variant, Err *err);

#endif
