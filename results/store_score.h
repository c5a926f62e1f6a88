/* What image-text models say of images: scorers, class prompts, scores per image, and the IP/OOP
 * rules that cut them. Part of the store (store.h): the same rules for kills and other writers.
 */
#ifndef RESULTS_STORE_SCORE_H
#define RESULTS_STORE_SCORE_H

#include "store.h"
#include "str.h"

/* What a score is a function of, besides the image. */
typedef struct {
    const char *name;    /* wanted; see fixed_name */
    bool fixed_name;     /* a person chose it: no other will do */
    const char *model;   /* architecture, in words */
    const char *weights; /* digest */
    const char *template_text;
    const char *preprocessing;
    int64_t run; /* whose fine-tuned weights these are; 0: pretrained */
} StoreScorer;

/* Finds the scorer by its content (all but the name), or writes it. A wanted name that another
 * content has is ERR_USAGE when it is fixed, else "name@12345678". out_name: what it is called. */
MUST_USE bool store_scorer(Store *store, int64_t *out, Str *out_name, const StoreScorer *scorer,
                           Err *err);

/* One image. What was not measured stays what it was. */
typedef struct {
    int image;              /* index into StoreDataset.images */
    double score;           /* cosine with the prompt of the true class; NAN: not measured */
    double zero_shot_score; /* with the prompt of zero_shot; NAN */
    int zero_shot;          /* class index; -1 */
    int rank;               /* of the true class, from 1; 0 */
    double similarity;      /* cosine with the nearest pretraining image; NAN */
    const char *nearest;    /* that image's path; NULL */
} StoreAlignment;

typedef struct {
    int64_t scorer, dataset;
    const char *const *prompts; /* [classes of the dataset]; NULL: not known */
    const StoreAlignment *images;
    int n_images;
} StoreScores;

/* All of it in one transaction. Numbers that differ by no more than STORE_SCORE_ROUNDING from the
 * stored ones (threads and machines differ in the last digits) change nothing, so that images do
 * not move between buckets when they are scored again. out_changed: rows written or changed. */
#define STORE_SCORE_ROUNDING 1e-5
MUST_USE bool store_scores(Store *store, int64_t *out_changed, const StoreScores *scores, Err *err);

/* Both of the above in one transaction (scores->scorer is not read): for the scores of a run's
 * weights, of which a kill must leave all or nothing. Other weights of the same run are forgotten.
 */
MUST_USE bool store_run_scores(Store *store, const StoreScorer *scorer, const StoreScores *scores,
                               Err *err);

/* A row of ip_oop_rule (schema.sql says what it means). low <= split <= high; quantiles in [0,1].
 */
typedef struct {
    const char *name;
    const char *scorer; /* GLOB pattern of the scorers it is meant for */
    bool quantile;
    double low, split, high;
    const char *source;
} StoreRule;

/* Writes the rule, or replaces the one of this name. */
MUST_USE bool store_rule(Store *store, const StoreRule *rule, Err *err);

#endif
