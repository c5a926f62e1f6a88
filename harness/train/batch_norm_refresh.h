/* Running statistics for weights that were never trained as they are, averages above all: the
 * cumulative mean over n training batches of the batch's mean and unbiased variance, as
 * torch.optim.swa_utils.update_bn. What the statistics were before does not matter.
 *
 *     learner_use_variant(l, v);
 *     if (!batch_norm_refresh(l, loader, first_step, 500, err)) return false;
 */
#ifndef TRAIN_BATCH_NORM_REFRESH_H
#define TRAIN_BATCH_NORM_REFRESH_H

#include "learner.h"

/* Batch i (from 0, in order) of a refresh: x [n,size,size,channels]. */
void batch_norm_refresh_add(Net *net, Tape *tape, const float *x, int n, int64_t i);

/* The loader's batches of the steps first_step .. first_step + n_batches - 1 for the weight variant
 * in use. Does nothing when batch norm is frozen or there is none. Fails as loader_batch. */
MUST_USE bool batch_norm_refresh(Learner *l, Loader *loader, int64_t first_step, int64_t n_batches,
                                 Err *err);

#endif
