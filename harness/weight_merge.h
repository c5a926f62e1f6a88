/* Several stored runs become one: the mean of their final weights (DiWA: Rame et al. 2022), a
 * greedy mean, or the sum of their logits. The result is a run of its own whose spec names its
 * members (keys merge.kind and merge.members). */
#ifndef HARNESS_WEIGHT_MERGE_H
#define HARNESS_WEIGHT_MERGE_H

#include "err.h"
#include "member_runs.h"
#include "run_spec.h"

typedef struct {
    const RunKeys *keys;
    const char *results; /* where the merge is stored */
    const char *output;  /* folder that holds the members' weights; NULL: as each run's spec says */
    const char *label;   /* what tables call it */
    MergeKind kind;      /* not MERGE_NONE */
} WeightMergeOptions;

typedef struct {
    char key[SHA256_HEX_SIZE];
    bool was_stored;
    int n_merged; /* members in the result: fewer than all when greedy */
} WeightMergeResult;

/* members: n of one group, the best validation first, which is the order of the greedy search
 * (DiWA, restricted selection: a member stays when the validation accuracy of the mean is no less
 * with it). Checked before anything is computed: that the members' weights are saved, and that
 * their settings still give their keys; for means, that they began with the same weights, bit for
 * bit. Where batch norm is live, the running statistics of a mean are estimated anew over
 * method.averaging_bn_batches training batches; the authors freeze it. */
MUST_USE bool weight_merge(WeightMergeResult *out, const MemberRun *members, int n,
                           const WeightMergeOptions *options, Err *err);

#endif
