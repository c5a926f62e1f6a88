/* A CLIP model directory as a scorer: what it makes of images (an encoder) and of classes
 * (prompts).
 */
#ifndef SCORE_MODEL_H
#define SCORE_MODEL_H

#include "clip.h"
#include "dataset.h"
#include "embedding.h"
#include "tokenizer.h"

typedef struct {
    const char *folder;
    bool
        ipoop; /* preprocessing of arXiv 2412.02856's code: squashed, bilinear, ImageNet's values */
    const char *const *preprocess; /* [n_preprocess] words over that (input_spec_change) */
    int n_preprocess;
    ThreadPool *threads; /* kept; NULL: one */
} ScoreModelOptions;

typedef struct {
    ModelDir *dir;
    Clip *clip;
    Tokenizer *tokenizer;
    Tape *tape;
    Str architecture;  /* in words */
    Str preprocessing; /* in words */
    Str key;
    char weights[SHA256_HEX_SIZE];
    ImageEncoder encoder; /* its context is this struct: it must not move */
} ScoreModel;

/* out: the caller's, zeroed by this. */
MUST_USE bool score_model_open(ScoreModel *out, const ScoreModelOptions *options, Err *err);
void score_model_close(ScoreModel *m); /* a zeroed one is fine */

/* Templates of prompts: "{}" stands for the class's text, "{name}" for its plain name. */
typedef struct {
    const char *const *items;
    int n;
} ScoreTemplates;

extern const char SCORE_TEMPLATE[];       /* "a photo of a {}" */
extern const char SCORE_TEMPLATE_IPOOP[]; /* what that paper's code uses */

/* ERR_USAGE for a template with neither. */
MUST_USE bool score_templates_check(const ScoreTemplates *templates, Err *err);

/* "a {} | a photo of a {}": several are joined. Appends. */
void score_templates_join(const ScoreTemplates *templates, Str *out);

/* What stands for the classes of a dataset; in an arena. */
typedef struct {
    float *rows;          /* [n_classes, dim], of length 1 */
    const char **prompts; /* [n_classes]; several are joined */
} ScoreClasses;

/* A prompt that is too long is named with its class. */
MUST_USE bool score_model_classes(ScoreModel *m, ScoreClasses *out, const Dataset *dataset,
                                  const ScoreTemplates *templates, Arena *arena, Err *err);

#endif
