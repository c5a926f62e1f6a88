/* In/out splits of a domain: pure functions of sizes, seeds and concept ids. "in" trains (or is the
 * target's scored part), "out" validates; "uda" is what is set aside of a target as images without
 * labels.
 *
 *     DomainSplit s;
 *     SplitOptions o = {.kind = SPLIT_IMAGE, .trial_seed = 0, .holdout_fraction = 0.2};
 *     if (!split_domain(&s, dataset, domain, &o, arena, err)) return false;
 */
#ifndef DATASETS_SPLIT_H
#define DATASETS_SPLIT_H

#include "arena.h"
#include "dataset.h"

typedef enum {
    SPLIT_IMAGE,   /* DomainBed's rule: a shuffle seeded by (trial seed, domain index) */
    SPLIT_CONCEPT, /* a fifth of the concepts, the same in every domain and every trial, is "out" */
    SPLIT_TAGGED   /* as the manifest's split column says: train/in, val/validation/test/out */
} SplitKind;

extern const char *const SPLIT_KIND_NAMES[]; /* "image", "concept", "tagged", NULL */

typedef struct {
    SplitKind kind;
    int trial_seed;          /* SPLIT_IMAGE */
    double holdout_fraction; /* SPLIT_IMAGE: share of "out", in [0,1); 0.2 in DomainBed */
    double uda_fraction;     /* SPLIT_IMAGE: share of "in" that becomes "uda", in [0,1) */
} SplitOptions;

typedef struct {
    const int *in, *out, *uda; /* dataset image indices, in the arena given */
    int n_in, n_out, n_uda;
} DomainSplit;

/* ERR_FORMAT when the dataset has no concepts (tags), or an unknown tag. */
MUST_USE bool split_domain(DomainSplit *split, const Dataset *dataset, int domain,
                           const SplitOptions *options, Arena *arena, Err *err);

/* DomainBed's split_dataset (lib/misc.py) with its seed rule: keys = a permutation of 0..n-1 of
 * which the first *n_out = int(n * fraction) are "out" and the rest "in", to the bit. */
void split_keys(int *keys, int *n_out, int n, int trial_seed, int domain, double fraction);

/* DomainBed's second split, of a held-out domain's "in" (scripts/train.py): shuffles the n keys by
 * the same seed as the first; the first *n_uda = int(n * fraction) are "uda", the rest stays "in".
 */
void split_uda(int *keys, int *n_uda, int n, int trial_seed, int domain, double fraction);

/* Is this concept held out by SPLIT_CONCEPT? True when the MD5 of its text, read as one big-endian
 * integer, is a multiple of 5. */
bool split_concept_is_out(const char *concept);

#endif
