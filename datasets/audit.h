/* What `dgbench data check` finds out before anyone trains: the class map, counts, unreadable
 * files, what the decoding policy changed, identical and near-identical images.
 *
 *     DatasetOptions o = {.keep_broken = true, .allow_missing_classes = true, .pool = pool};
 *     if (!dataset_open(&d, name, &o, err)) return false;
 *     Audit *audit;
 *     if (audit_run(&audit, d, pool, err)) audit_print(audit, stdout);
 *     audit_free(audit);
 */
#ifndef DATASETS_AUDIT_H
#define DATASETS_AUDIT_H

#include "dataset.h"
#include "thread_pool.h"

#include <stdio.h>

/* Two images are near-identical when their 16 x 16 thumbnails (samples in [0,1]) differ by less
 * than this mean squared error: the figure used when the shipped trees were checked for copies. */
#define AUDIT_NEAR_MSE 0.0015
enum { AUDIT_THUMBNAIL = 16, AUDIT_MAX_PAIRS = 10000 };

typedef struct {
    int a, b; /* image indices, a < b */
    double mse;
} ImagePair;

typedef struct {
    int image;
    const char *reason;
} BrokenImage;

typedef struct {
    const Dataset *dataset; /* borrowed */
    int *counts;            /* [n_domains, n_classes] readable images */
    int n_gaps;             /* (domain, class) pairs without a readable image */
    int n_broken;
    BrokenImage *broken;          /* all of them */
    int n_grey, n_alpha, n_16bit; /* images that the decoding policy changed */
    /* An image whose bytes are those of an earlier one, paired with the first of its kind. */
    int n_identical_within, n_identical_across; /* domains */
    int n_identical_conflicts;                  /* the two have different labels */
    ImagePair *identical; /* n_identical_within + n_identical_across, at most AUDIT_MAX_PAIRS */
    int64_t n_near;       /* near-identical pairs across domains, identical ones left out */
    ImagePair *near;      /* nearest first, at most AUDIT_MAX_PAIRS */
    Arena *arena;
} Audit;

/* Fails only when an image that opened well cannot be read any more. pool may be NULL. */
MUST_USE bool audit_run(Audit **out, const Dataset *dataset, ThreadPool *pool, Err *err);
void audit_free(Audit *audit); /* NULL is fine */

/* Nothing that has to be mended before training: no broken image, no gap, no conflict of labels. */
bool audit_is_clean(const Audit *audit);

void audit_print(const Audit *audit, FILE *out);

/* Part of audit_run: fills near and n_near. */
MUST_USE bool audit_find_near(Audit *audit, ThreadPool *pool, Err *err);

#endif
