/* The image tower of a CLIP: OpenCLIP's ViT (class token, ln_pre, blocks, ln_post of the class
 * token), or a network of net_list without its classifier; then a projection, "proj" [D,embed_dim].
 * For clip.c, and for networks that are an image tower.
 */
#ifndef NET_CLIP_VISION_H
#define NET_CLIP_VISION_H

#include "clip_config.h"
#include "vit_tower.h"

typedef struct {
    VitTower vit;
    Net trunk; /* of another kind: shares params, arena, weights */
    bool is_vit;
    int projection; /* [D,embed_dim] */
} ClipVision;

/* Adds its parameters, under OpenCLIP's names behind net->prefix, with OpenCLIP's initial values.
 * net has params and arena; in it and in the tower nothing else is used but, later, weights. */
ClipVision *clip_vision_new(Net *net, const ClipConfig *config);

/* x [N,size,size,channels] -> [N,embed_dim] */
Tensor *clip_vision(Net *net, Tape *t, ClipVision *tower, Tensor *x);

#endif
