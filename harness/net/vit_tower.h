/* The trunk of vision transformers (Dosovitskiy et al. 2021), whatever its parameters are called:
 * patches and a class token, learned positions, transformer blocks, norm of the class token. Who
 * builds one adds the parameters (vit.c: timm's, clip_vision.c: OpenCLIP's).
 */
#ifndef NET_VIT_TOWER_H
#define NET_VIT_TOWER_H

#include "transformer.h"

typedef struct {
    int width;
    ConvLayer patches;
    int class_token, positions; /* [...,width], [...,1 + patches,width] */
    const NormLayer *norm_pre;  /* before the blocks; NULL: none */
    TransformerBlock *blocks;
    int n_blocks;
    NormLayer norm;
    double eps; /* of the norms */
} VitTower;

/* x [N,size,size,C] -> [N,width]: the normed class token. */
Tensor *net_vit_tower(Net *net, Tape *t, const VitTower *m, Tensor *x);

#endif
