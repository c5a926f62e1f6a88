/* One pretraining: from a spec to a model directory. It goes on from its last checkpoint,
 * bit-identical to one that was never stopped (on the same machine, with the same number of
 * threads).
 *
 * In the output folder: config.json, model.safetensors, merges.txt, vocab.json (a model directory,
 * net/model_dir.h), pretraining.yaml (every key), pretraining.json (what it was made from, and how
 * good it is), log.csv (pretrain_log.h); until it is finished, checkpoint.safetensors.
 */
#ifndef PRETRAIN_PRETRAINER_H
#define PRETRAIN_PRETRAINER_H

#include "zero_shot.h"

#include <signal.h>

typedef struct {
    int64_t step, steps; /* updates done, of how many */
    double loss;         /* of the last update */
} PretrainProgress;

typedef struct {
    const volatile sig_atomic_t *stop; /* non-zero: checkpoint and ERR_INTERRUPTED; may be NULL */
    void (*progress)(void *context, const PretrainProgress *p); /* after every update */
    /* After every evaluation; is_last: of the weights as they were written. */
    void (*evaluated)(void *context, int64_t step, bool is_last, const ZeroShotResult *results,
                      int n);
    void *context;
    const char *version; /* of the program, for the report */
} PretrainHooks;

typedef enum { PRETRAIN_MADE, PRETRAIN_WAS_MADE } PretrainOutcome;

/* restart: what the output folder holds of another pretraining is replaced; otherwise that is an
 * error. A loss that is not finite ends with ERR_FORMAT. */
MUST_USE bool pretrain_run(PretrainOutcome *out, const PretrainSpec *spec, bool restart,
                           const PretrainHooks *hooks, Err *err);

#endif
