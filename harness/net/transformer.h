/* The block that vision and text transformers are made of (Vaswani et al. 2017, with the norms
 * first as in Dosovitskiy et al. 2021): x + attention(norm1(x)), then x + mlp(norm2(x)).
 */
#ifndef NET_TRANSFORMER_H
#define NET_TRANSFORMER_H

#include "net_family.h"

/* What a block's layers are called. */
typedef struct {
    const char *norm1, *qkv, *projection, *norm2, *fc1, *fc2;
    const char *qkv_join; /* "_": "in_proj_weight" */
} TransformerNames;

extern const TransformerNames TRANSFORMER_TIMM;     /* norm1, attn.qkv, attn.proj, mlp.fc1, ... */
extern const TransformerNames TRANSFORMER_OPENCLIP; /* ln_1, attn.in_proj_, mlp.c_fc, ... */

/* Initial values of the weights and of the mlp's biases; the attention's biases begin as 0. */
typedef struct {
    WeightInit qkv, projection, fc1, fc2;
    InitKind mlp_bias;
} TransformerInit;

typedef struct {
    int width, heads, hidden; /* the hidden layer of the mlp is `hidden` wide */
    double eps;               /* of the norms */
    Tensor *(*activation)(Tape *t, Tensor *x);
    bool causal; /* a token sees those before it only */
    const TransformerNames *names;
    TransformerInit init;
} TransformerSpec;

typedef struct {
    TransformerSpec spec;
    NormLayer norm1, norm2;
    LinearLayer qkv, projection, fc1, fc2; /* qkv: rows of queries, then keys, then values */
} TransformerBlock;

/* n blocks, called "<name>.0", "<name>.1", ...; in the net's arena. */
TransformerBlock *net_add_transformers(Net *net, const char *name, int n,
                                       const TransformerSpec *spec);

/* x [N,T,width] -> [N,n_out,width]: the first n_out tokens of the result, which see all T; who
 * reads the class token only need not compute the others in the last block. Causal: n_out is T. */
Tensor *net_transformer(Net *net, Tape *t, const TransformerBlock *b, Tensor *x, int n_out);

#endif
