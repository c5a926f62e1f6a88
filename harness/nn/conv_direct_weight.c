/* Gradient of weights without gathering: a kernel keeps a block of dw in registers while the rows
 * of a tile go by. Rows whose tap falls outside the image are left out. */
#include "conv_kernels.h"

#ifdef CONV_HAS_KERNELS

#include "err.h"

#include <immintrin.h>
#include <string.h>

enum { TILE_ROWS = 128 }; /* between two visits of a block of dw: their patches stay in L1 */

/* A row that a tap reaches: its gradient, and its channels at that tap. */
typedef struct {
    const Real *dy, *x;
} Pair;

typedef struct {
    const ConvWeightProduct *product;
    ConvWeightCut cut; /* not over rows: over taps and panels */
    int columns, n_taps, channels, n_panels;
    int block;    /* outputs at once, <= ROWS */
    char *tables; /* per part: Pair[TILE_ROWS], patches */
    size_t tables_bytes, patches_offset;
    Real *copies;
} DirectWeight;

/* A block of dw: `block` outputs from m on (the first `skip` were done before), PANEL columns. */
typedef struct {
    Real *dw; /* of output m */
    int columns, m, skip, c;
    __mmask16 mask[2]; /* of the channels that exist */
} WeightBlock;

/* dw += sum over pairs; block is a constant after inlining. */
KERNEL_INLINE void weight_kernel(const WeightBlock *w, int block, const Pair *pairs, int n)
{
    __m512 sum[ROWS][2];
    UNROLL for (int r = 0; r < block; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int i = 0; i < n; i++) {
        const Real *dy = pairs[i].dy + w->m, *x = pairs[i].x + w->c;
        __m512 x0 = _mm512_maskz_loadu_ps(w->mask[0], x);
        __m512 x1 = _mm512_maskz_loadu_ps(w->mask[1], x + PANEL / 2);
        UNROLL for (int r = 0; r < block; r++)
        {
            __m512 g = _mm512_set1_ps(dy[r]);
            sum[r][0] = _mm512_fmadd_ps(g, x0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(g, x1, sum[r][1]);
        }
    }
    UNROLL for (int r = 0; r < block; r++)
    {
        Real *dw = w->dw + (ptrdiff_t)r * w->columns;
        if (r < w->skip) continue;
        __m512 v0 = _mm512_maskz_loadu_ps(w->mask[0], dw);
        __m512 v1 = _mm512_maskz_loadu_ps(w->mask[1], dw + PANEL / 2);
        _mm512_mask_storeu_ps(dw, w->mask[0], _mm512_add_ps(v0, sum[r][0]));
        _mm512_mask_storeu_ps(dw + PANEL / 2, w->mask[1], _mm512_add_ps(v1, sum[r][1]));
    }
}

KERNEL
static void weight_block(const WeightBlock *w, int block, const Pair *pairs, int n)
{
    if (block == 11) {
        weight_kernel(w, 11, pairs, n);
    } else if (block == 12) {
        weight_kernel(w, 12, pairs, n);
    } else if (block == 13) {
        weight_kernel(w, 13, pairs, n);
    } else {
        weight_kernel(w, ROWS, pairs, n);
    }
}

/* The height of blocks that covers n outputs with the least beyond. */
static int block_height(int n)
{
    enum { LEAST = 11 };
    int best = ROWS;
    for (int block = ROWS - 1; block >= LEAST; block--) {
        if (conv_ceil_div(n, block) * block < conv_ceil_div(n, best) * best) best = block;
    }
    return best;
}

static __mmask16 channel_mask(int n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}

/* Every block of outputs for one panel of one tap. */
static void weight_panel(const DirectWeight *d, Real *dw, int unit, const Pair *pairs, int n)
{
    int tap = unit / d->n_panels, c = unit % d->n_panels * PANEL, left = d->channels - c;
    int n_outputs = d->product->n_outputs;
    WeightBlock w = {.columns = d->columns,
                     .c = c,
                     .mask = {channel_mask(left), channel_mask(left - PANEL / 2)}};
    for (int m = 0; m < n_outputs; m += d->block) {
        w.m = conv_min(m, n_outputs - d->block);
        w.skip = m - w.m;
        w.dw = &dw[(ptrdiff_t)w.m * d->columns + (ptrdiff_t)tap * d->channels + c];
        weight_block(&w, d->block, pairs, n);
    }
}

/* Rows [begin, end) that a tap reaches. Returns their number. */
static int find_pairs(const DirectWeight *d, Pair *pairs, int tap, int begin, int end)
{
    const ConvWeightProduct *p = d->product;
    const Gather *g = &p->gather;
    int a = tap / g->taps_w * g->delta + g->begin_h, b = tap % g->taps_w * g->delta + g->begin_w;
    int j = begin % g->grid_w, i = begin / g->grid_w % g->grid_h, n = begin / g->grid_w / g->grid_h;
    int n_pairs = 0;
    for (int row = begin; row < end; row++) {
        int h = i * g->step + a, w = j * g->step + b;
        if (h >= 0 && h < g->h && w >= 0 && w < g->w) {
            ptrdiff_t pixel = (ptrdiff_t)(n * g->h + h) * g->w + w;
            pairs[n_pairs++] =
                (Pair){p->dy + (ptrdiff_t)row * p->dy_stride, p->x + pixel * g->pixel_stride};
        }
        if (++j < g->grid_w) continue;
        j = 0;
        if (++i < g->grid_h) continue;
        i = 0;
        n++;
    }
    return n_pairs;
}

static int find_gathered_pairs(const DirectWeight *d, Pair *pairs, Real *patches, int begin,
                               int end)
{
    const ConvWeightProduct *p = d->product;
    gather_rows(&p->gather, patches, p->x, begin, end);
    for (int row = begin; row < end; row++) {
        pairs[row - begin] = (Pair){p->dy + (ptrdiff_t)row * p->dy_stride,
                                    patches + (ptrdiff_t)(row - begin) * d->columns};
    }
    return end - begin;
}

static void direct_weight_part(void *context, int part, int thread)
{
    (void)thread;
    const DirectWeight *d = context;
    const ConvWeightProduct *p = d->product;
    int n_parts = d->cut.n_parts, row = 0, row_end = p->n_rows, unit_begin = 0;
    int unit_end = d->n_taps * d->n_panels;
    Real *dw = p->dw;
    if (d->cut.rows) {
        row = conv_cut_at(p->n_rows, n_parts, part);
        row_end = conv_cut_at(p->n_rows, n_parts, part + 1);
        size_t copy_size = (size_t)p->n_outputs * (size_t)d->columns;
        if (part > 0) dw = d->copies + (size_t)(part - 1) * copy_size;
        if (part > 0) memset(dw, 0, copy_size * sizeof *dw);
    } else {
        unit_begin = conv_cut_at(d->n_taps * d->n_panels, n_parts, part);
        unit_end = conv_cut_at(d->n_taps * d->n_panels, n_parts, part + 1);
    }
    char *table = d->tables + (size_t)part * d->tables_bytes;
    Pair *pairs = (Pair *)(void *)table;
    Real *patches = (Real *)(void *)(table + d->patches_offset);
    for (; row < row_end; row += TILE_ROWS) {
        int end = conv_min(row + TILE_ROWS, row_end), n_pairs = 0, tap = -1;
        for (int unit = unit_begin; unit < unit_end; unit++) {
            if (unit / d->n_panels != tap) {
                tap = unit / d->n_panels;
                n_pairs = conv_is_gathered(p->gather.channels)
                              ? find_gathered_pairs(d, pairs, patches, row, end)
                              : find_pairs(d, pairs, tap, row, end);
            }
            weight_panel(d, dw, unit, pairs, n_pairs);
        }
    }
}

bool conv_direct_weight_suits(const ConvWeightProduct *p)
{
    return p->n_outputs >= ROWS && !gather_is_identity(&p->gather) && conv_has_kernels(&p->gather);
}

static void place_weight_tables(DirectWeight *d, bool gathered)
{
    d->patches_offset = conv_reals_of(TILE_ROWS, sizeof(Pair)) * sizeof(Real);
    size_t patches = gathered ? conv_aligned((size_t)TILE_ROWS * (size_t)d->columns) : 0;
    d->tables_bytes = d->patches_offset + patches * sizeof(Real);
}

size_t conv_direct_weight_scratch(int taps, int channels, int n_outputs, ThreadPool *threads)
{
    DirectWeight d = {.columns = taps * channels};
    place_weight_tables(&d, conv_is_gathered(channels));
    size_t n = (size_t)thread_pool_size(threads);
    return n * d.tables_bytes / sizeof(Real) + (n - 1) * (size_t)d.columns * (size_t)n_outputs;
}

void conv_direct_weight(const ConvWeightProduct *p, ThreadPool *threads)
{
    const Gather *g = &p->gather;
    bool gathered = conv_is_gathered(g->channels);
    DirectWeight d = {.product = p,
                      .cut = conv_weight_cut(p, threads),
                      .columns = gather_columns(g),
                      .n_taps = gathered ? 1 : g->taps_h * g->taps_w,
                      .block = block_height(p->n_outputs),
                      .tables = (char *)p->scratch};
    d.channels = gathered ? d.columns : g->channels;
    d.n_panels = conv_ceil_div(d.channels, PANEL);
    place_weight_tables(&d, gathered);
    d.copies = p->scratch + (size_t)thread_pool_size(threads) * d.tables_bytes / sizeof(Real);
    thread_pool_run(threads, d.cut.n_parts, direct_weight_part, &d);
    if (!d.cut.rows) return;
    conv_add_copies(p->dw, d.copies, d.cut.n_parts - 1, (size_t)p->n_outputs * (size_t)d.columns);
}

#else

bool conv_direct_weight_suits(const ConvWeightProduct *p)
{
    (void)p;
    return false;
}

size_t conv_direct_weight_scratch(int taps, int channels, int n_outputs, ThreadPool *threads)
{
    (void)taps, (void)channels, (void)n_outputs, (void)threads;
    return 0;
}

void conv_direct_weight(const ConvWeightProduct *p, ThreadPool *threads)
{
    conv_gemm_weight(p, threads);
}

#endif
