/* Convolutions as products of patches: what is gathered from where. Each product goes to the way
 * that suits its shape. What is cut into which part depends on shapes and the number of threads
 * only, and sums are added in a fixed order: results are bit-identical for the same number of
 * threads. */
#include "conv.h"

#include "conv_product.h"
#include "err.h"

#include <limits.h>
#include <string.h>

void conv_shape_complete(ConvShape *s)
{
    check(s->stride >= 1 && s->dilation >= 1 && s->groups >= 1 && s->pad_h >= 0 && s->pad_w >= 0,
          "conv2d: stride %d, padding %d x %d, dilation %d, groups %d", s->stride, s->pad_h,
          s->pad_w, s->dilation, s->groups);
    check(s->c % s->groups == 0 && s->m % s->groups == 0, "conv2d: %d -> %d channels in %d groups",
          s->c, s->m, s->groups);
    int reach_h = s->dilation * (s->kernel_h - 1) + 1,
        reach_w = s->dilation * (s->kernel_w - 1) + 1;
    check(s->h + 2 * s->pad_h >= reach_h && s->w + 2 * s->pad_w >= reach_w,
          "conv2d: kernel reaches %d x %d in an image of %d x %d with padding %d x %d", reach_h,
          reach_w, s->h, s->w, s->pad_h, s->pad_w);
    s->out_h = (s->h + 2 * s->pad_h - reach_h) / s->stride + 1;
    s->out_w = (s->w + 2 * s->pad_w - reach_w) / s->stride + 1;
    check((double)s->n * s->h * s->w <= INT_MAX && (double)s->n * s->out_h * s->out_w <= INT_MAX,
          "conv2d: more than 2^31 pixels");
}

/* Elements of one output channel's weights. */
static int weight_columns(const ConvShape *s)
{
    return s->kernel_h * s->kernel_w * (s->c / s->groups);
}

double conv_flops(const ConvShape *s)
{
    return 2.0 * s->n * s->out_h * s->out_w * s->m * weight_columns(s);
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t conv_scratch_size(const ConvShape *s, ThreadPool *threads)
{
    int channels = s->c / s->groups, outputs = s->m / s->groups, columns = weight_columns(s);
    int taps = s->kernel_h * s->kernel_w, back_columns = taps * outputs;
    size_t gemm = max_size(conv_gemm_scratch(columns, outputs, threads),
                           conv_gemm_scratch(back_columns, channels, threads));
    size_t direct = max_size(conv_direct_scratch(taps, channels, outputs, threads),
                             conv_direct_scratch(taps, outputs, channels, threads));
    size_t weight = max_size(conv_gemm_weight_scratch(columns, outputs, threads),
                             conv_direct_weight_scratch(taps, channels, outputs, threads));
    return max_size(weight, max_size(gemm, direct));
}

/* ---- shared by both ways ---- */

int conv_min(int a, int b)
{
    return a < b ? a : b;
}

int conv_ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

int conv_cut_at(int n, int n_parts, int i)
{
    return (int)((long long)n * i / n_parts);
}

int conv_product_rows(const ConvProduct *p)
{
    return p->n_images * p->gather.grid_h * p->gather.grid_w;
}

Real *conv_product_pixel(const ConvProduct *p, int row)
{
    if (p->out_step == 1) return p->out + (size_t)row * (size_t)p->out_stride;
    int grid_h = p->gather.grid_h, grid_w = p->gather.grid_w;
    int j = row % grid_w, i = row / grid_w % grid_h, n = row / grid_w / grid_h;
    size_t pixel =
        (size_t)(n * p->out_h + i * p->out_step) * (size_t)p->out_w + (size_t)(j * p->out_step);
    return p->out + pixel * (size_t)p->out_stride;
}

ConvWeightCut conv_weight_cut(const ConvWeightProduct *p, ThreadPool *threads)
{
    enum { ROWS_PER_OUTPUT = 4, ROWS_PER_PART = 256 }; /* worth a copy of dw and its sum */
    int n = thread_pool_size(threads);
    bool rows = p->n_rows >= ROWS_PER_OUTPUT * p->n_outputs && p->n_rows >= ROWS_PER_PART * n;
    return (ConvWeightCut){rows || n < p->n_outputs ? n : p->n_outputs, rows};
}

SIMD_CLONES
void conv_add_copies(Real *restrict dw, const Real *restrict copies, int n_copies, size_t size)
{
    for (int copy = 0; copy < n_copies; copy++, copies += size) {
        for (size_t i = 0; i < size; i++) dw[i] += copies[i];
    }
}

static void run_product(const ConvProduct *p, ThreadPool *threads)
{
    if (conv_direct_suits(p)) {
        conv_direct(p, threads);
    } else {
        conv_gemm(p, threads);
    }
}

/* ---- forward ---- */

static Gather forward_gather(const ConvShape *s)
{
    return (Gather){.h = s->h,
                    .w = s->w,
                    .pixel_stride = s->c,
                    .channels = s->c / s->groups,
                    .grid_h = s->out_h,
                    .grid_w = s->out_w,
                    .step = s->stride,
                    .delta = s->dilation,
                    .begin_h = -s->pad_h,
                    .begin_w = -s->pad_w,
                    .taps_h = s->kernel_h,
                    .taps_w = s->kernel_w};
}

void conv_forward(const ConvShape *s, const ConvWork *work, Real *y, const Real *x, const Real *w,
                  const ConvAfter *after)
{
    int channels = s->c / s->groups, outputs = s->m / s->groups, columns = weight_columns(s);
    for (ptrdiff_t group = 0; group < s->groups; group++) {
        ConvProduct p = {.gather = forward_gather(s),
                         .source = x + group * channels,
                         .n_images = s->n,
                         .weights = {.w = w + group * outputs * columns,
                                     .step = 1,
                                     .line = (ptrdiff_t)s->kernel_w * channels,
                                     .pixel = channels,
                                     .in = 1,
                                     .out = columns},
                         .n_out = outputs,
                         .bias = after->bias != NULL ? after->bias + group * outputs : NULL,
                         .relu = after->relu,
                         .out_stride = s->m,
                         .out_h = s->out_h,
                         .out_w = s->out_w,
                         .out_step = 1,
                         .scratch = work->scratch};
        p.out = y + group * outputs;
        run_product(&p, work->threads);
    }
}

/* ---- gradient of x ---- */

/* Along one axis: pixels of x with position = residue (mod stride) receive from y through the taps
 * k with (residue + pad - dilation * k) divisible by the stride. Listed from the last k down, their
 * sources lie `delta` pixels of y apart, from `begin` on. */
typedef struct {
    int grid;            /* pixels of this residue */
    int taps, k, k_step; /* n taps: k, k - k_step, ... */
    int begin, delta;
} Residue;

static Residue residue_of(int residue, int size, int kernel, int pad, const ConvShape *s)
{
    Residue r = {.grid = residue < size ? (size - residue - 1) / s->stride + 1 : 0, .delta = 1};
    int first = -1;
    for (int k = 0; k < kernel; k++) {
        if ((residue + pad - s->dilation * k) % s->stride != 0) continue;
        if (first < 0) first = k;
        if (r.taps == 1) {
            r.k_step = k - first;
            r.delta = s->dilation * r.k_step / s->stride;
        }
        r.k = k;
        r.taps++;
    }
    r.begin = (residue + pad - s->dilation * r.k) / s->stride;
    return r;
}

/* Pixels that no tap reaches. */
static void zero_pixels(const ConvProduct *p)
{
    int n_rows = conv_product_rows(p);
    for (int row = 0; row < n_rows && !p->add; row++) {
        memset(conv_product_pixel(p, row), 0, (size_t)p->n_out * sizeof *p->out);
    }
}

typedef struct {
    const ConvShape *s;
    const ConvWork *work;
    Real *dx;
    bool fresh;
    const Real *dy, *w;
} BackwardInput;

static void backward_residue(const BackwardInput *b, ptrdiff_t group, int residue_h, int residue_w)
{
    const ConvShape *s = b->s;
    Residue rh = residue_of(residue_h, s->h, s->kernel_h, s->pad_h, s);
    Residue rw = residue_of(residue_w, s->w, s->kernel_w, s->pad_w, s);
    if (rh.grid == 0 || rw.grid == 0) return;
    int channels = s->c / s->groups, outputs = s->m / s->groups, columns = weight_columns(s);
    const Residue *with_step = rh.taps > 1 ? &rh : &rw;
    ConvProduct p = {.gather = {.h = s->out_h,
                                .w = s->out_w,
                                .pixel_stride = s->m,
                                .channels = outputs,
                                .grid_h = rh.grid,
                                .grid_w = rw.grid,
                                .step = 1,
                                .delta = with_step->delta,
                                .begin_h = rh.begin,
                                .begin_w = rw.begin,
                                .taps_h = rh.taps,
                                .taps_w = rw.taps},
                     .source = b->dy + group * outputs,
                     .n_images = s->n,
                     .weights = {.w = b->w + group * outputs * columns,
                                 .first_h = rh.k,
                                 .first_w = rw.k,
                                 .step = -with_step->k_step,
                                 .line = (ptrdiff_t)s->kernel_w * channels,
                                 .pixel = channels,
                                 .in = columns,
                                 .out = 1},
                     .n_out = channels,
                     .out = b->dx + ((ptrdiff_t)residue_h * s->w + residue_w) * s->c +
                            group * channels,
                     .out_stride = s->c,
                     .add = !b->fresh,
                     .out_h = s->h,
                     .out_w = s->w,
                     .out_step = s->stride,
                     .scratch = b->work->scratch};
    if (rh.taps == 0 || rw.taps == 0) {
        zero_pixels(&p);
    } else {
        run_product(&p, b->work->threads);
    }
}

void conv_backward_input(const ConvShape *s, const ConvWork *work, Real *dx, bool fresh,
                         const Real *dy, const Real *w)
{
    BackwardInput b = {.s = s, .work = work, .fresh = fresh, .dy = dy, .w = w};
    b.dx = dx;
    for (ptrdiff_t group = 0; group < s->groups; group++) {
        for (int residue = 0; residue < s->stride * s->stride; residue++) {
            backward_residue(&b, group, residue / s->stride, residue % s->stride);
        }
    }
}

/* ---- gradient of w ---- */

void conv_backward_weight(const ConvShape *s, const ConvWork *work, Real *dw, const Real *x,
                          const Real *dy)
{
    int channels = s->c / s->groups, outputs = s->m / s->groups;
    for (ptrdiff_t group = 0; group < s->groups; group++) {
        ConvWeightProduct p = {.gather = forward_gather(s),
                               .x = x + group * channels,
                               .dy = dy + group * outputs,
                               .n_rows = s->n * s->out_h * s->out_w,
                               .n_outputs = outputs,
                               .dy_stride = s->m,
                               .scratch = work->scratch};
        p.dw = dw + group * outputs * weight_columns(s);
        if (conv_direct_weight_suits(&p)) {
            conv_direct_weight(&p, work->threads);
        } else {
            conv_gemm_weight(&p, work->threads);
        }
    }
}
