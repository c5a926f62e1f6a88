/* Patches of images as rows of a matrix. A gather describes, for every position (n, i, j) of a grid
 * over the images, which source pixels stand in its row: tap (a, b) reads pixel
 *
 *     (i * step + begin_h + a * delta, j * step + begin_w + b * delta)     of image n,
 *
 * zeros when that lies outside. A forward convolution gathers from x; the gradient of x gathers
 * from dy (one grid per residue modulo the stride), so both are the same product. Row layout:
 * [taps_h, taps_w, channels].
 */
#ifndef NN_CONV_GATHER_H
#define NN_CONV_GATHER_H

#include "real.h"

#include <stdbool.h>

typedef struct {
    int h, w;           /* of a source image */
    int pixel_stride;   /* elements from one source pixel to the next */
    int channels;       /* taken from each pixel, from the given pointer on */
    int grid_h, grid_w; /* positions per image */
    int step, delta;    /* pixels between positions, between taps */
    int begin_h, begin_w;
    int taps_h, taps_w;
} Gather;

int gather_columns(const Gather *g);

/* Rows of the gathered matrix are consecutive pixels of the source: no copy is needed. */
bool gather_is_identity(const Gather *g);

/* rows: [row_end - row_begin, gather_columns], rows [row_begin, row_end) of the gathered matrix. */
void gather_rows(const Gather *g, Real *rows, const Real *source, int row_begin, int row_end);

#endif
