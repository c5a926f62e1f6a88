/* How published files call the parameters of our networks, besides our own names. */
#ifndef NET_NAMINGS_H
#define NET_NAMINGS_H

#include "params_names.h"

extern const ParamNaming NAMING_HUGGING_FACE_CLIP; /* of transformers' CLIPModel; ours: OpenCLIP */
extern const ParamNaming
    NAMING_TORCHVISION_VIT; /* of torchvision's VisionTransformer; ours: timm */

#endif
