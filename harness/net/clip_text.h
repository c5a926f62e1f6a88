/* The text tower of a CLIP: token and position embeddings, causal transformer, ln_final, the token
 * with the highest id (the end of the text), projection. For clip.c.
 */
#ifndef NET_CLIP_TEXT_H
#define NET_CLIP_TEXT_H

#include "clip_config.h"
#include "transformer.h"

typedef struct {
    ClipTextConfig config;
    int tokens, positions; /* [vocabulary,width], [context,width] */
    TransformerBlock *blocks;
    NormLayer norm;
    int projection; /* [width,embed_dim] */
} ClipText;

/* Adds its parameters, under OpenCLIP's names, with OpenCLIP's initial values. */
ClipText *clip_text_new(Net *net, const ClipConfig *config);

/* tokens: n * context ids -> [n,embed_dim] */
Tensor *clip_text(Net *net, Tape *t, const ClipText *tower, const int *tokens, int n);

#endif
