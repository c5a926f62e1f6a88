/* Separable triangle filter in fixed point: weights are computed once per axis, then two passes
 * over 8-bit rows. */
#include "transform.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_BITS = 22 }; /* 255 * 2^22 fits 31 bits; PIL uses the same */

/* The taps of every output position of one axis: out[i] = sum_k weights[i * n_taps + k] * in[first
 * + k] */
typedef struct {
    int n_taps;
    int32_t *weights;
    int32_t *first, *count;
} Axis;

void resize_scratch_done(ResizeScratch *scratch)
{
    free(scratch->weights);
    free(scratch->rows);
    *scratch = (ResizeScratch){0};
}

static int taps_for(int n_in, int n_out)
{
    double scale = (double)n_in / n_out;
    return 2 * (int)ceil(scale > 1 ? scale : 1) + 1;
}

/* Weights of one output position; distances are measured in source pixels, widened when shrinking.
 */
static void fill_taps(const Axis *axis, int i, int n_in, double scale)
{
    double width = scale > 1 ? scale : 1, centre = (i + 0.5) * scale, sum = 0;
    int first = (int)(centre - width + 0.5), end = (int)(centre + width + 0.5);
    if (first < 0) first = 0;
    if (end > n_in) end = n_in;
    int32_t *weights = axis->weights + (ptrdiff_t)i * axis->n_taps;
    for (int pass = 0; pass < 2; pass++) { /* first the sum, then the normalised weights */
        for (int k = first; k < end; k++) {
            double distance = fabs((k - centre + 0.5) / width);
            double weight = distance < 1 ? 1 - distance : 0;
            if (pass == 0) sum += weight;
            if (pass == 1) weights[k - first] = (int32_t)(weight / sum * (1 << WEIGHT_BITS) + 0.5);
        }
    }
    axis->first[i] = first;
    axis->count[i] = end - first;
}

/* Lays an axis out in the scratch's weights from *at on. */
static Axis axis_make(ResizeScratch *scratch, int *at, int n_in, int n_out)
{
    Axis axis = {.n_taps = taps_for(n_in, n_out)};
    axis.weights = scratch->weights + *at;
    axis.first = axis.weights + (ptrdiff_t)n_out * axis.n_taps;
    axis.count = axis.first + n_out;
    *at += n_out * (axis.n_taps + 2);
    double scale = (double)n_in / n_out;
    for (int i = 0; i < n_out; i++) fill_taps(&axis, i, n_in, scale);
    return axis;
}

static uint8_t weight_sum_to_8bit(int32_t sum)
{
    int v =
        sum >>
        WEIGHT_BITS; /* weights are not negative: only the upper end can be passed, by rounding */
    return (uint8_t)(v > 255 ? 255 : v);
}

/* One row of three channels; in points at the box's first pixel. */
static void shrink_row_rgb(uint8_t *out, const uint8_t *in, const Axis *axis, int n_out)
{
    for (int i = 0; i < n_out; i++) {
        const int32_t *weights = axis->weights + (ptrdiff_t)i * axis->n_taps;
        const uint8_t *p = in + (ptrdiff_t)3 * axis->first[i];
        int32_t r = 1 << (WEIGHT_BITS - 1), g = r, b = r;
        for (int k = 0; k < axis->count[i]; k++, p += 3) {
            r += weights[k] * p[0];
            g += weights[k] * p[1];
            b += weights[k] * p[2];
        }
        *out++ = weight_sum_to_8bit(r);
        *out++ = weight_sum_to_8bit(g);
        *out++ = weight_sum_to_8bit(b);
    }
}

static void shrink_row(uint8_t *out, const uint8_t *in, const Axis *axis, int n_out, int channels)
{
    for (int i = 0; i < n_out; i++) {
        const int32_t *weights = axis->weights + (ptrdiff_t)i * axis->n_taps;
        for (int c = 0; c < channels; c++) {
            const uint8_t *p = in + (ptrdiff_t)channels * axis->first[i] + c;
            int32_t sum = 1 << (WEIGHT_BITS - 1);
            for (int k = 0; k < axis->count[i]; k++) sum += weights[k] * p[(ptrdiff_t)k * channels];
            out[channels * i + c] = weight_sum_to_8bit(sum);
        }
    }
}

enum { COLUMN_BLOCK = 256 };

/* out[x] = sum_k weights[k] * rows[k][x], for n samples */
SIMD_CLONES
static void shrink_columns(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights,
                           int n_taps, int n)
{
    for (int begin = 0; begin < n; begin += COLUMN_BLOCK) {
        int32_t sums[COLUMN_BLOCK];
        int size = n - begin < COLUMN_BLOCK ? n - begin : COLUMN_BLOCK;
        for (int x = 0; x < size; x++) sums[x] = 1 << (WEIGHT_BITS - 1);
        for (int k = 0; k < n_taps; k++) {
            const uint8_t *row = rows + (size_t)k * stride + begin;
            for (int x = 0; x < size; x++) sums[x] += weights[k] * row[x];
        }
        for (int x = 0; x < size; x++) {
            int32_t v = sums[x] >> WEIGHT_BITS;
            out[begin + x] = (uint8_t)(v > 255 ? 255 : v);
        }
    }
}

static void box_copy(Image *out, const ImageView *image, Box box)
{
    size_t channels = (size_t)image->channels, stride = (size_t)image->width * channels;
    size_t n = (size_t)box.width * channels;
    const uint8_t *in = image->data + (size_t)box.y * stride + (size_t)box.x * channels;
    for (int y = 0; y < box.height; y++)
        memcpy(out->data + (size_t)y * n, in + (size_t)y * stride, n);
}

static void scratch_reserve(ResizeScratch *scratch, int n_weights, size_t n_rows)
{
    if (n_weights > scratch->n_weights) {
        scratch->weights =
            mem_resize(scratch->weights, (size_t)n_weights, sizeof *scratch->weights);
        scratch->n_weights = n_weights;
    }
    if (n_rows > scratch->n_rows) {
        scratch->rows = mem_resize(scratch->rows, n_rows, 1);
        scratch->n_rows = n_rows;
    }
}

void transform_resize(Image *out, const ImageView *image, Box box, ResizeScratch *scratch)
{
    int channels = image->channels;
    check(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0 &&
              box.width <= image->width - box.x && box.height <= image->height - box.y,
          "box %d,%d %dx%d in %dx%d", box.x, box.y, box.width, box.height, image->width,
          image->height);
    check(out->channels == channels, "%d channels into %d", channels, out->channels);
    if (box.width == out->width && box.height == out->height) {
        box_copy(out, image, box);
        return;
    }
    size_t stride = (size_t)out->width * (size_t)channels;
    scratch_reserve(scratch,
                    out->width * (taps_for(box.width, out->width) + 2) +
                        out->height * (taps_for(box.height, out->height) + 2),
                    stride * (size_t)box.height);
    int at = 0;
    Axis across = axis_make(scratch, &at, box.width, out->width);
    Axis down = axis_make(scratch, &at, box.height, out->height);
    size_t in_stride = (size_t)image->width * (size_t)channels;
    const uint8_t *in = image->data + (size_t)box.y * in_stride + (size_t)box.x * (size_t)channels;
    for (int y = 0; y < box.height; y++) {
        uint8_t *row = scratch->rows + (size_t)y * stride;
        if (channels == 3) shrink_row_rgb(row, in + (size_t)y * in_stride, &across, out->width);
        if (channels != 3)
            shrink_row(row, in + (size_t)y * in_stride, &across, out->width, channels);
    }
    for (int y = 0; y < out->height; y++) {
        shrink_columns(out->data + (size_t)y * stride,
                       scratch->rows + (size_t)down.first[y] * stride, stride,
                       down.weights + (ptrdiff_t)y * down.n_taps, down.count[y], (int)stride);
    }
}
