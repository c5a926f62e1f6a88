/* Class prompts: what a text tower says of classes, in one template or the mean over several
 * (Radford et al. 2021, 3.1.4: embeddings are normalised, averaged, normalised again).
 */
#ifndef EVAL_PROMPTS_H
#define EVAL_PROMPTS_H

#include "clip.h"
#include "schema.h"
#include "tokenizer.h"

/* The template with the text in place of its first "{}". Appends to out. */
void prompt_fill(Str *out, const char *template_text, const char *text);

typedef struct {
    const char *const *texts; /* of the classes */
    int n_texts;
    const TextList *templates;
} PromptTexts;

/* tokens [n_texts, n_templates, context], in the caller's memory. A prompt that is too long is
 * named. */
MUST_USE bool prompts_tokenize(int *tokens, const Tokenizer *tokenizer, int context,
                               const PromptTexts *prompts, Err *err);

/* tokens [n_texts, n_templates, context] -> out [n_texts, embed_dim], rows of length 1. Begins a
 * step of the tape. */
void prompts_encode(float *out, Clip *clip, Tape *t, const int *tokens, int n_texts,
                    int n_templates);

#endif
