/* How well a model that is being trained knows images it never saw: zero-shot accuracy on named
 * datasets, domain by domain (nearest class prompt by cosine; Radford et al. 2021, 3.1).
 */
#ifndef PRETRAIN_ZERO_SHOT_H
#define PRETRAIN_ZERO_SHOT_H

#include "clip.h"
#include "input_spec.h"
#include "pretrain_spec.h"
#include "tokenizer.h"

typedef struct ZeroShot ZeroShot;

typedef struct {
    const PretrainSpec *spec; /* kept: its evaluate */
    const Tokenizer *tokenizer;
    InputSpec input;
    int context, embed_dim;
    ThreadPool *pool; /* kept */
} ZeroShotOptions;

/* Opens the datasets and checks their prompts. */
MUST_USE bool zero_shot_new(ZeroShot **out, const ZeroShotOptions *options, Err *err);
void zero_shot_free(ZeroShot *z); /* NULL is fine */

/* One result per domain of every dataset, in their order. */
typedef struct {
    const char *dataset, *domain;
    int n_classes, n, correct;
} ZeroShotResult;

int zero_shot_count(const ZeroShot *z);

/* results [zero_shot_count]. Uses steps of the tape. */
MUST_USE bool zero_shot_evaluate(ZeroShot *z, ZeroShotResult *results, Clip *clip, Tape *t,
                                 Err *err);

/* Names and sizes without numbers, for the head of a log. */
void zero_shot_describe(const ZeroShot *z, ZeroShotResult *results);

#endif
