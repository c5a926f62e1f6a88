/* The block that vision and text transformers are made of (Vaswani et al. 2017, with the norms
 * first as in Dosovitskiy et al. 2021): x + attention(norm1(x)), then x + mlp(norm2(x)). Names are
 * timm's: "<block>.norm1", ".attn.qkv", ".attn.proj", ".norm2", ".mlp.fc1", ".mlp.fc2"; so are the
 * initial values.
 */
#ifndef NET_TRANSFORMER_H
#define NET_TRANSFORMER_H

#include "net_family.h"

typedef struct {
    int width, heads, mlp_ratio; /* the hidden layer is mlp_ratio * width wide */
    double eps;                  /* of the norms */
    Tensor *(*activation)(Tape *t, Tensor *x);
} TransformerSpec;

typedef struct {
    TransformerSpec spec;
    NormLayer norm1, norm2;
    LinearLayer qkv, projection, fc1, fc2; /* qkv: rows of queries, then keys, then values */
} TransformerBlock;

/* name: of the block, "blocks.0". */
TransformerBlock net_add_transformer(Net *net, const char *name, const TransformerSpec *spec);

/* x [N,T,width] -> [N,n_out,width]: the first n_out tokens of the result, which see all T; who
 * reads the class token only need not compute the others in the last block. */
Tensor *net_transformer(Net *net, Tape *t, const TransformerBlock *b, Tensor *x, int n_out);

#endif
