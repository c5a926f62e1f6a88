/* Learned positions of a grid of tokens, for a grid of another size: separable cubic interpolation
 * (Keys 1981, a = -1/2) whose filter widens when the grid shrinks, as
 * torch.nn.functional.interpolate(mode="bicubic", antialias=True), with which timm does it
 * (resample_abs_pos_embed).
 */
#ifndef NN_POSITIONS_H
#define NN_POSITIONS_H

#include "real.h"

/* from [from_side * from_side, width], row by row -> to [to_side * to_side, width]. */
void positions_resize(Real *to, int to_side, const Real *from, int from_side, int width);

#endif
