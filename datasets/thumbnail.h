/* Small pictures of images for HTML pages. */
#ifndef DATASETS_THUMBNAIL_H
#define DATASETS_THUMBNAIL_H

#include "image.h"
#include "str.h"

/* Appends "data:image/png;base64,..." or "data:image/jpeg;...": the image, made smaller when a side
 * is above max_side (shape kept), in the format that takes fewer bytes. */
void thumbnail_data_uri(Str *out, const ImageView *image, int max_side);

#endif
