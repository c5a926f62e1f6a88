/* What is left of a finished run for others: its network with all weights merged, or its adapter
 * alone in PEFT's format (peft_dir.h). */
#ifndef HARNESS_RUN_EXPORT_H
#define HARNESS_RUN_EXPORT_H

#include "finished_run.h"

/* The network under its published names, as net.init reads it. */
MUST_USE bool run_export_merged(FinishedRun *f, const char *stem, const char *path, Err *err);

/* layout: a name of peft_layouts, or NULL. *worst: largest difference of a merged weight to the
 * run's own, over the weight's largest value. A run that has no adapter, or that trained more of
 * the network than adapter and classifier: error. */
MUST_USE bool run_export_adapter(double *worst, FinishedRun *f, const char *stem,
                                 const char *folder, const char *layout, Err *err);

#endif
