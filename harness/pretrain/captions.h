/* Texts of pairs: which words, in which template, as tokens.
 *
 * A caption is one phrase of the pair in one template. The kind of phrase is drawn by weight among
 * those that the pair has (label, keywords, subgroup, group), then one phrase of the kind, then a
 * template, each as likely. A caption given in the CSV stands as it is.
 */
#ifndef PRETRAIN_CAPTIONS_H
#define PRETRAIN_CAPTIONS_H

#include "pairs.h"
#include "rng.h"
#include "str.h"
#include "thread_pool.h"
#include "tokenizer.h"

typedef struct {
    int phrase;
    int template_id; /* -1: the phrase as it is */
} Caption;

typedef struct {
    const Pairs *pairs;         /* kept */
    const Tokenizer *tokenizer; /* kept */
    const PretrainSpec *spec;   /* kept: its captions */
    int context;
    ThreadPool *pool; /* for the counting; NULL: one thread */
} CaptionsOptions;

typedef struct Captions Captions;

/* Counts the tokens of every caption that there can be: longer than the context is refused with the
 * longest one, or counted (captions.too_long). */
MUST_USE bool captions_new(Captions **out, const CaptionsOptions *options, Err *err);
void captions_free(Captions *c); /* NULL is fine */

int captions_count(const Captions *c); /* that there can be, all different */
int captions_n_cut(const Captions *c); /* of them: longer than the context */

Caption captions_draw(const Captions *c, int pair, RngStream stream, uint64_t draw);
void captions_text(const Captions *c, Caption caption, Str *out); /* appends */

/* tokens: context ids. One that is too long keeps its first context - 1 and the end token, as
 * OpenCLIP's tokenizer does. Thread-safe. */
void captions_tokens(const Captions *c, Caption caption, int *tokens);

#endif
