/* How published files call the parameters of our networks, besides our own names. */
#ifndef NET_NAMINGS_H
#define NET_NAMINGS_H

#include "params_names.h"

/* Of transformers' CLIPModel; ours are OpenCLIP's. */
extern const ParamNaming NAMING_HUGGING_FACE_CLIP;

/* Of torchvision's VisionTransformer since version 0.13, and of its published weights, which are
 * older; ours are timm's. */
extern const ParamNaming NAMING_TORCHVISION_VIT, NAMING_OLD_TORCHVISION_VIT;

/* Of transformers' ViTForImageClassification (whose norms have another eps, 1e-12). */
extern const ParamNaming NAMING_HUGGING_FACE_VIT;

#endif
