/* The weights of a run on disk: what it keeps, and the adapter that it starts from.
 *
 *     STEM.safetensors           the network as it computes, under its published names (merged)
 *     STEM-adapter.safetensors   with an adapter: its factors (low_rank_adapter.h)
 */
#ifndef HARNESS_RUN_WEIGHTS_H
#define HARNESS_RUN_WEIGHTS_H

#include "learner.h"
#include "model_dir.h"
#include "run_spec.h"

/* The weights in use, into the folder. */
MUST_USE bool run_weights_save(Learner *l, const char *folder, const char *stem, Err *err);

/* Path of a finished run's weights in its folder: stem "model", or "model-raw" where raw ones stand
 * beside those of an average. */
const char *run_weights_path(const char *folder, const char *stem, Arena *arena);
const char *run_weights_adapter_path(const char *folder, const char *stem, Arena *arena);

/* What an adapter directory calls the network: a model directory's name, or the network's. */
const char *run_base_name(const RunSpec *spec, const ModelDir *model);

/* method.adapter_load: the learner begins with the adapter of that directory, in its own adapter,
 * or, when it has none, merged into its weights. */
MUST_USE bool run_adapter_load_set(LearnerOptions *o, const RunSpec *spec, const ModelDir *model,
                                   Arena *arena, Err *err);

#endif
