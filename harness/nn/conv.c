/* Convolutions as products of gathered patches: tiles of rows that stay in cache, one gemm per
 * tile. What is cut into which part depends on shapes and the number of threads only, and sums are
 * added in a fixed order: results are bit-identical for the same number of threads. */
#include "conv.h"

#include "conv_gather.h"
#include "err.h"
#include "gemm.h"

#include <limits.h>
#include <string.h>

enum {
    TILE_ELEMENTS =
        96 * 1024, /* of gathered patches: 384 KiB, so that a tile stays in a 1 MiB L2 */
    TILE_ROWS_MIN = 64,
    TILE_ROWS_MAX = 1024,
    TILE_ROWS_MULTIPLE = 16
};

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

static int tile_rows(int columns)
{
    int rows = TILE_ELEMENTS / columns / TILE_ROWS_MULTIPLE * TILE_ROWS_MULTIPLE;
    return rows < TILE_ROWS_MIN ? TILE_ROWS_MIN : rows > TILE_ROWS_MAX ? TILE_ROWS_MAX : rows;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* ---- out = gathered rows * weights: forward, and the gradient of x ---- */

typedef struct {
    Gather gather;
    const Real *source; /* first channel of the group */
    int n_images;
    const Real *w; /* [n_out, columns] when transposed, else [columns, n_out] */
    bool w_transposed;
    int n_out;
    const Real *bias; /* [n_out] or NULL */
    bool relu;
    Real *out;      /* first channel of the group of pixel (0,0) of the grid */
    int out_stride; /* elements from one pixel to the next */
    bool add;
    /* Grid position (i,j) of image n is pixel (n * out_h + i * out_step) * out_w + j * out_step. */
    int out_h, out_w, out_step;
    int tile;
    Real *scratch; /* per thread: tile * (columns + n_out) */
} Product;

/* Enough for any number of taps up to these columns. */
static size_t product_scratch(int columns, int n_out)
{
    int patches = columns * TILE_ROWS_MIN > TILE_ELEMENTS ? columns * TILE_ROWS_MIN : TILE_ELEMENTS;
    return (size_t)patches + (size_t)TILE_ROWS_MAX * (size_t)n_out;
}

SIMD_CLONES
static void add_bias(Real *restrict out, int stride, const Real *restrict bias, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += stride) {
        for (int i = 0; i < n; i++) out[i] += bias[i];
    }
}

SIMD_CLONES
static void relu_rows(Real *out, int stride, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += stride) {
        for (int i = 0; i < n; i++) out[i] = out[i] < 0 ? 0 : out[i]; /* NaN stays NaN, as in PyTorch */
    }
}

/* Rows of a tile to their places between the pixels of other residues. */
static void scatter_rows(const Product *p, const Real *rows, int row_begin, int row_end)
{
    int grid_h = p->gather.grid_h, grid_w = p->gather.grid_w;
    for (int row = row_begin; row < row_end; row++, rows += p->n_out) {
        int j = row % grid_w, i = row / grid_w % grid_h, n = row / grid_w / grid_h;
        size_t pixel =
            (size_t)(n * p->out_h + i * p->out_step) * (size_t)p->out_w + (size_t)(j * p->out_step);
        Real *out = p->out + pixel * (size_t)p->out_stride;
        if (p->add) {
            for (int c = 0; c < p->n_out; c++) out[c] += rows[c];
        } else {
            memcpy(out, rows, (size_t)p->n_out * sizeof *out);
        }
    }
}

static void product_tile(void *context, int task, int thread)
{
    const Product *p = context;
    int columns = gather_columns(&p->gather);
    int n_rows = p->n_images * p->gather.grid_h * p->gather.grid_w;
    int begin = task * p->tile, end = min_int(n_rows, begin + p->tile);
    Real *patches = p->scratch + (size_t)thread * product_scratch(columns, p->n_out);
    Real *result = patches + (size_t)p->tile * (size_t)columns;
    bool in_place = p->out_step == 1;
    Gemm g = {.transpose_b = p->w_transposed,
              .m = end - begin,
              .n = p->n_out,
              .k = columns,
              .alpha = 1,
              .beta = in_place && p->add ? 1 : 0,
              .b = p->w};
    if (gather_is_identity(&p->gather)) {
        g.a = p->source + (size_t)begin * (size_t)p->gather.pixel_stride;
        g.lda = p->gather.pixel_stride;
    } else {
        gather_rows(&p->gather, patches, p->source, begin, end);
        g.a = patches;
    }
    g.c = in_place ? p->out + (size_t)begin * (size_t)p->out_stride : result;
    g.ldc = in_place ? p->out_stride : p->n_out;
    gemm(&g);
    if (p->bias != NULL) add_bias(g.c, g.ldc, p->bias, end - begin, p->n_out);
    if (p->relu) relu_rows(g.c, g.ldc, end - begin, p->n_out);
    if (!in_place) scatter_rows(p, result, begin, end);
}

static void product_run(Product *p, ThreadPool *threads)
{
    int n_rows = p->n_images * p->gather.grid_h * p->gather.grid_w;
    p->tile = tile_rows(gather_columns(&p->gather));
    int per_thread = ceil_div(n_rows, thread_pool_size(threads));
    p->tile = min_int(p->tile, ceil_div(per_thread, TILE_ROWS_MULTIPLE) * TILE_ROWS_MULTIPLE);
    thread_pool_run(threads, ceil_div(n_rows, p->tile), product_tile, p);
}

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
    int channels = s->c / s->groups, outputs = s->m / s->groups;
    for (int group = 0; group < s->groups; group++) {
        Product p = {.gather = forward_gather(s),
                     .source = x + group * channels,
                     .n_images = s->n,
                     .w = w + (size_t)(group * outputs) * (size_t)weight_columns(s),
                     .w_transposed = true,
                     .n_out = outputs,
                     .bias = after->bias != NULL ? after->bias + group * outputs : NULL,
                     .relu = after->relu,
                     .out = y + group * outputs,
                     .out_stride = s->m,
                     .out_step = 1,
                     .scratch = work->scratch};
        product_run(&p, work->threads);
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

/* out: [taps_h, taps_w, outputs, channels] of one group and residue, out of w [outputs, kh, kw,
 * channels].
 */
static void flip_weights(const ConvShape *s, Real *out, const Real *w, const Residue *rh,
                         const Residue *rw)
{
    size_t channels = (size_t)(s->c / s->groups), outputs = (size_t)(s->m / s->groups);
    for (int a = 0; a < rh->taps; a++) {
        for (int b = 0; b < rw->taps; b++) {
            size_t tap = (size_t)((rh->k - a * rh->k_step) * s->kernel_w + rw->k - b * rw->k_step);
            for (size_t m = 0; m < outputs; m++, out += channels) {
                memcpy(out, w + m * (size_t)weight_columns(s) + tap * channels,
                       channels * sizeof *out);
            }
        }
    }
}

/* Pixels that no tap reaches. */
static void zero_residue(const Product *p)
{
    int n_rows = p->n_images * p->gather.grid_h * p->gather.grid_w;
    for (int row = 0; row < n_rows && !p->add; row++) {
        int j = row % p->gather.grid_w, i = row / p->gather.grid_w % p->gather.grid_h;
        int n = row / p->gather.grid_w / p->gather.grid_h;
        size_t pixel =
            (size_t)(n * p->out_h + i * p->out_step) * (size_t)p->out_w + (size_t)(j * p->out_step);
        memset(p->out + pixel * (size_t)p->out_stride, 0, (size_t)p->n_out * sizeof *p->out);
    }
}

typedef struct {
    const ConvShape *s;
    const ConvWork *work;
    Real *dx;
    bool fresh;
    const Real *dy, *w;
} BackwardInput;

static void backward_residue(const BackwardInput *b, int group, int residue_h, int residue_w)
{
    const ConvShape *s = b->s;
    Residue rh = residue_of(residue_h, s->h, s->kernel_h, s->pad_h, s);
    Residue rw = residue_of(residue_w, s->w, s->kernel_w, s->pad_w, s);
    if (rh.grid == 0 || rw.grid == 0) return;
    int channels = s->c / s->groups, outputs = s->m / s->groups;
    Product p = {.gather = {.h = s->out_h,
                            .w = s->out_w,
                            .pixel_stride = s->m,
                            .channels = outputs,
                            .grid_h = rh.grid,
                            .grid_w = rw.grid,
                            .step = 1,
                            .delta = rh.taps > 1 ? rh.delta : rw.delta,
                            .begin_h = rh.begin,
                            .begin_w = rw.begin,
                            .taps_h = rh.taps,
                            .taps_w = rw.taps},
                 .source = b->dy + group * outputs,
                 .n_images = s->n,
                 .w = b->work->scratch,
                 .n_out = channels,
                 .out = b->dx +
                        ((size_t)residue_h * (size_t)s->w + (size_t)residue_w) * (size_t)s->c +
                        group * channels,
                 .out_stride = s->c,
                 .add = !b->fresh,
                 .out_h = s->h,
                 .out_w = s->w,
                 .out_step = s->stride};
    if (rh.taps == 0 || rw.taps == 0) {
        zero_residue(&p);
        return;
    }
    size_t group_weights = (size_t)outputs * (size_t)weight_columns(s);
    flip_weights(s, b->work->scratch, b->w + (size_t)group * group_weights, &rh, &rw);
    p.scratch = b->work->scratch + group_weights;
    product_run(&p, b->work->threads);
}

void conv_backward_input(const ConvShape *s, const ConvWork *work, Real *dx, bool fresh,
                         const Real *dy, const Real *w)
{
    BackwardInput b = {s, work, dx, fresh, dy, w};
    for (int group = 0; group < s->groups; group++) {
        for (int residue = 0; residue < s->stride * s->stride; residue++) {
            backward_residue(&b, group, residue / s->stride, residue % s->stride);
        }
    }
}

/* ---- gradient of w ---- */

/* Cut over rows when these are many: every part sums its own copy, and the copies are added in
 * order. Else over outputs: every part gathers all rows. */
typedef struct {
    Gather gather;
    const Real *x, *dy; /* first channel of the group */
    int n_rows, n_outputs, dy_stride;
    Real *dw;
    Real *copies; /* of parts 1, 2, ...: [n_outputs, columns] each */
    Real *scratch;
    int tile, n_parts;
    bool cut_rows;
} WeightProduct;

static void weight_tile(const WeightProduct *p, Gemm *g, Real *patches, int begin, int end)
{
    g->k = end - begin;
    g->a += (size_t)begin * (size_t)p->dy_stride;
    if (gather_is_identity(&p->gather)) {
        g->b = p->x + (size_t)begin * (size_t)p->gather.pixel_stride;
        g->ldb = p->gather.pixel_stride;
    } else {
        gather_rows(&p->gather, patches, p->x, begin, end);
        g->b = patches;
    }
    gemm(g);
}

static int cut_at(int n, int n_parts, int i)
{
    return (int)((long long)n * i / n_parts);
}

static void weight_part(void *context, int part, int thread)
{
    (void)thread;
    const WeightProduct *p = context;
    int columns = gather_columns(&p->gather);
    int n_tiles = ceil_div(p->n_rows, p->tile);
    int tile_begin = p->cut_rows ? cut_at(n_tiles, p->n_parts, part) : 0;
    int tile_end = p->cut_rows ? cut_at(n_tiles, p->n_parts, part + 1) : n_tiles;
    int m_begin = p->cut_rows ? 0 : cut_at(p->n_outputs, p->n_parts, part);
    int m_end = p->cut_rows ? p->n_outputs : cut_at(p->n_outputs, p->n_parts, part + 1);
    bool own_copy = p->cut_rows && part > 0;
    size_t copy_size = (size_t)p->n_outputs * (size_t)columns;
    Gemm g = {.transpose_a = true,
              .m = m_end - m_begin,
              .n = columns,
              .alpha = 1,
              .beta = own_copy ? 0 : 1,
              .lda = p->dy_stride,
              .c = own_copy ? p->copies + (size_t)(part - 1) * copy_size
                            : p->dw + (size_t)m_begin * (size_t)columns};
    Real *patches = p->scratch + (size_t)part * (size_t)p->tile * (size_t)columns;
    for (int tile = tile_begin; tile < tile_end; tile++) {
        int begin = tile * p->tile;
        g.a = p->dy + m_begin;
        weight_tile(p, &g, patches, begin, min_int(p->n_rows, begin + p->tile));
        g.beta = 1;
    }
}

static void weight_product_run(WeightProduct *p, ThreadPool *threads)
{
    int columns = gather_columns(&p->gather);
    p->tile = tile_rows(columns);
    p->n_parts = thread_pool_size(threads);
    int n_tiles = ceil_div(p->n_rows, p->tile);
    p->cut_rows = p->n_rows >= 4 * p->n_outputs && n_tiles >= p->n_parts;
    if (!p->cut_rows) p->n_parts = min_int(p->n_parts, p->n_outputs);
    thread_pool_run(threads, p->n_parts, weight_part, p);
    size_t copy_size = (size_t)p->n_outputs * (size_t)columns;
    for (int part = 1; part < p->n_parts && p->cut_rows; part++) {
        const Real *copy = p->copies + (size_t)(part - 1) * copy_size;
        for (size_t i = 0; i < copy_size; i++) p->dw[i] += copy[i];
    }
}

void conv_backward_weight(const ConvShape *s, const ConvWork *work, Real *dw, const Real *x,
                          const Real *dy)
{
    int channels = s->c / s->groups, outputs = s->m / s->groups, columns = weight_columns(s);
    size_t n_parts = (size_t)thread_pool_size(work->threads);
    for (int group = 0; group < s->groups; group++) {
        WeightProduct p = {.gather = forward_gather(s),
                           .x = x + group * channels,
                           .dy = dy + group * outputs,
                           .n_rows = s->n * s->out_h * s->out_w,
                           .n_outputs = outputs,
                           .dy_stride = s->m,
                           .dw = dw + (size_t)(group * outputs) * (size_t)columns,
                           .scratch = work->scratch,
                           .copies = work->scratch +
                                     n_parts * (size_t)tile_rows(columns) * (size_t)columns};
        weight_product_run(&p, work->threads);
    }
}

size_t conv_scratch_size(const ConvShape *s, ThreadPool *threads)
{
    size_t n = (size_t)thread_pool_size(threads);
    int channels = s->c / s->groups, outputs = s->m / s->groups;
    size_t weights = (size_t)outputs * (size_t)weight_columns(s);
    size_t forward = product_scratch(weight_columns(s), outputs);
    size_t backward = product_scratch(s->kernel_h * s->kernel_w * outputs, channels);
    size_t larger = forward > backward ? forward : backward;
    return n * (larger + weights);
}
