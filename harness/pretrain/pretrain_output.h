/* The output folder of a pretraining: what is in it, and how it is written. For pretrainer.c. */
#ifndef PRETRAIN_PRETRAIN_OUTPUT_H
#define PRETRAIN_PRETRAIN_OUTPUT_H

#include "pretrain_setup.h"

/* What training goes on from besides values and moments. */
typedef struct {
    int64_t next_step;           /* updates done */
    double loss_sum, shared_sum; /* since the last line of the log */
    int64_t n_losses;
    double seconds; /* of training */
} PretrainState;

char *pretrain_path(const PretrainSpec *spec, const char *name, Arena *arena);

MUST_USE bool pretrain_checkpoint_save(const PretrainSetup *s, const PretrainState *state,
                                       Err *err);

/* ERR_NOT_FOUND when there is none. */
MUST_USE bool pretrain_checkpoint_load(PretrainSetup *s, PretrainState *state, Err *err);

/* The key of the finished pretraining whose model lies in the folder; false: none. */
bool pretrain_finished_key(const PretrainSpec *spec, char out[SHA256_HEX_SIZE]);

/* From now on nothing in the folder says that a pretraining is finished, or begun. */
MUST_USE bool pretrain_forget(const PretrainSpec *spec, Err *err);

/* Weights, config.json, tokenizer: a model directory. */
MUST_USE bool pretrain_write_model(const PretrainSetup *s, Err *err);

/* pretraining.yaml and pretraining.json, which says that all is done: after everything else. Then
 * the checkpoint goes. */
MUST_USE bool pretrain_write_report(const PretrainSetup *s, const PretrainState *state,
                                    const ZeroShotResult *results, int n, Err *err);

#endif
