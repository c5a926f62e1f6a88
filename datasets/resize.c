/* Separable filters in fixed point: weights are computed once per axis, then two passes over 8-bit
 * rows. */
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

/* What an axis is to do: n_in pixels become n_full, of which n_out from `skip` on are wanted. */
typedef struct {
    int n_in, n_full, skip, n_out;
    ResampleFilter filter;
} AxisTask;

void resize_scratch_done(ResizeScratch *scratch)
{
    free(scratch->weights);
    free(scratch->rows);
    *scratch = (ResizeScratch){0};
}

/* How far the filter reaches to each side, in pixels of the smaller side's grid. */
static const double FILTER_SUPPORT[] = {[RESAMPLE_BILINEAR] = 1, [RESAMPLE_BICUBIC] = 2};

static int taps_for(const AxisTask *task)
{
    double scale = (double)task->n_in / task->n_full;
    return 2 * (int)ceil(FILTER_SUPPORT[task->filter] * (scale > 1 ? scale : 1)) + 1;
}

static int weights_for(const AxisTask *task)
{
    return task->n_out * (taps_for(task) + 2);
}

/* Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 4 with the
 * parameter a: PIL has Keys' own -1/2 (OpenCV and PyTorch tensors have -3/4). */
static double cubic(double distance)
{
    const double a = -0.5;
    if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
    if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a;
    return 0;
}

static double filter_weight(ResampleFilter filter, double distance)
{
    if (filter == RESAMPLE_BICUBIC) return cubic(distance);
    return distance < 1 ? 1 - distance : 0;
}

static int32_t weight_to_fixed(double weight)
{
    return (int32_t)(weight * (1 << WEIGHT_BITS) + (weight < 0 ? -0.5 : 0.5));
}

/* Weights of one output position; distances are measured in source pixels, widened when shrinking.
 */
static void fill_taps(const Axis *axis, int i, const AxisTask *task)
{
    double scale = (double)task->n_in / task->n_full, width = scale > 1 ? scale : 1;
    double centre = (task->skip + i + 0.5) * scale, sum = 0;
    double reach = FILTER_SUPPORT[task->filter] * width;
    int first = (int)(centre - reach + 0.5), end = (int)(centre + reach + 0.5);
    if (first < 0) first = 0;
    if (end > task->n_in) end = task->n_in;
    int32_t *weights = axis->weights + (ptrdiff_t)i * axis->n_taps;
    for (int pass = 0; pass < 2; pass++) { /* first the sum, then the normalised weights */
        for (int k = first; k < end; k++) {
            double weight = filter_weight(task->filter, fabs((k - centre + 0.5) / width));
            if (pass == 0) sum += weight;
            if (pass == 1) weights[k - first] = weight_to_fixed(weight / sum);
        }
    }
    axis->first[i] = first;
    axis->count[i] = end - first;
}

/* Lays an axis out in the scratch's weights from *at on. */
static Axis axis_make(ResizeScratch *scratch, int *at, const AxisTask *task)
{
    Axis axis = {.n_taps = taps_for(task)};
    axis.weights = scratch->weights + *at;
    axis.first = axis.weights + (ptrdiff_t)task->n_out * axis.n_taps;
    axis.count = axis.first + task->n_out;
    *at += weights_for(task);
    for (int i = 0; i < task->n_out; i++) fill_taps(&axis, i, task);
    return axis;
}

/* Weights sum to 1, up to rounding, and bicubic ones may be negative. */
static uint8_t weight_sum_to_8bit(int32_t sum)
{
    int v = sum >> WEIGHT_BITS;
    return (uint8_t)(v > 255 ? 255 : v < 0 ? 0 : v);
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
            v = v > 255 ? 255 : v;
            out[begin + x] = (uint8_t)(v < 0 ? 0 : v);
        }
    }
}

static void box_copy(Image *out, const ImageView *image, int x, int y)
{
    size_t channels = (size_t)image->channels, stride = (size_t)image->width * channels;
    size_t n = (size_t)out->width * channels;
    const uint8_t *in = image->data + (size_t)y * stride + (size_t)x * channels;
    for (int row = 0; row < out->height; row++)
        memcpy(out->data + (size_t)row * n, in + (size_t)row * stride, n);
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

static void check_resampling(const Image *out, const ImageView *image, const Resampling *r)
{
    const Box *box = &r->box;
    check(box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0 &&
              box->width <= image->width - box->x && box->height <= image->height - box->y,
          "box %d,%d %dx%d in %dx%d", box->x, box->y, box->width, box->height, image->width,
          image->height);
    check(r->x >= 0 && r->y >= 0 && out->width <= r->width - r->x &&
              out->height <= r->height - r->y,
          "window %d,%d %dx%d in %dx%d", r->x, r->y, out->width, out->height, r->width, r->height);
    check(out->channels == image->channels, "%d channels into %d", image->channels, out->channels);
}

/* Rows [first, end) of the box across, into the scratch from row `first` on. */
static void shrink_rows(ResizeScratch *scratch, const ImageView *image, const Resampling *r,
                        const Axis *across, const Axis *down, const Image *out)
{
    int channels = image->channels;
    size_t stride = (size_t)out->width * (size_t)channels;
    size_t in_stride = (size_t)image->width * (size_t)channels;
    const uint8_t *in =
        image->data + (size_t)r->box.y * in_stride + (size_t)r->box.x * (size_t)channels;
    int last = out->height - 1;
    for (int y = down->first[0]; y < down->first[last] + down->count[last]; y++) {
        uint8_t *row = scratch->rows + (size_t)y * stride;
        if (channels == 3) shrink_row_rgb(row, in + (size_t)y * in_stride, across, out->width);
        if (channels != 3)
            shrink_row(row, in + (size_t)y * in_stride, across, out->width, channels);
    }
}

void transform_resample(Image *out, const ImageView *image, const Resampling *r,
                        ResizeScratch *scratch)
{
    check_resampling(out, image, r);
    if (r->box.width == r->width && r->box.height == r->height) {
        box_copy(out, image, r->box.x + r->x, r->box.y + r->y);
        return;
    }
    AxisTask to_width = {r->box.width, r->width, r->x, out->width, r->filter};
    AxisTask to_height = {r->box.height, r->height, r->y, out->height, r->filter};
    size_t stride = (size_t)out->width * (size_t)out->channels;
    scratch_reserve(scratch, weights_for(&to_width) + weights_for(&to_height),
                    stride * (size_t)r->box.height);
    int at = 0;
    Axis across = axis_make(scratch, &at, &to_width);
    Axis down = axis_make(scratch, &at, &to_height);
    shrink_rows(scratch, image, r, &across, &down, out);
    for (int y = 0; y < out->height; y++) {
        shrink_columns(out->data + (size_t)y * stride,
                       scratch->rows + (size_t)down.first[y] * stride, stride,
                       down.weights + (ptrdiff_t)y * down.n_taps, down.count[y], (int)stride);
    }
}

void transform_resize(Image *out, const ImageView *image, Box box, ResizeScratch *scratch)
{
    Resampling r = {.box = box, .width = out->width, .height = out->height};
    transform_resample(out, image, &r, scratch);
}
