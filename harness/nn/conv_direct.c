/* Convolutions without gathering: a kernel keeps a block of results in registers and reads patches
 * where they lie. Taps that fall outside the image for a whole block of rows are left out. */
#include "conv_kernels.h"

#ifdef CONV_HAS_KERNELS

#include "err.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { BLOCKS = 16 }; /* of rows in a task: their patches stay in L2 while panels go by */

bool conv_has_kernels(const Gather *g)
{
    return __builtin_cpu_supports("avx512f") && g->taps_h <= MAX_TAPS && g->taps_w <= MAX_TAPS;
}

bool conv_is_gathered(int channels)
{
    return channels < MIN_CHANNELS;
}

size_t conv_aligned(size_t n)
{
    enum { LINE = 16 };
    return (n + LINE - 1) / LINE * LINE;
}

size_t conv_reals_of(size_t n, size_t size)
{
    return conv_aligned((n * size + sizeof(Real) - 1) / sizeof(Real));
}

/* One tap of a block of rows: where each row's channels lie, and where its weights begin in a
 * panel. */
typedef struct {
    const Real *row[ROWS];
    size_t weights;
} Tap;

typedef struct {
    int n_taps, n_rows;
    Real *out[ROWS]; /* first output of each row */
} Block;

typedef struct {
    const ConvProduct *product;
    int columns, n_panels, channels, max_taps;
    int n_tiles, n_groups; /* tasks: tiles of rows x groups of panels */
    Real *panels;          /* [n_panels, columns, PANEL] weights, zeros where outputs end */
    Real *zeros;           /* [channels] */
    char *tables;          /* per thread: Block[BLOCKS], Tap[BLOCKS * max_taps], patches */
    size_t tables_bytes, taps_offset, patches_offset;
} Direct;

/* out [ROWS, PANEL] = sum over taps and channels. */
KERNEL
static void product_kernel(Real *out, const Tap *taps, int n_taps, int channels, const Real *panel)
{
    __m512 sum[ROWS][2];
    UNROLL for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int t = 0; t < n_taps; t++) {
        const Real *const *row = taps[t].row;
        const Real *w = panel + taps[t].weights;
        for (int i = 0; i < channels; i++, w += PANEL) {
            __m512 w0 = _mm512_loadu_ps(w), w1 = _mm512_loadu_ps(w + PANEL / 2);
            UNROLL for (int r = 0; r < ROWS; r++)
            {
                __m512 x = _mm512_set1_ps(row[r][i]);
                sum[r][0] = _mm512_fmadd_ps(x, w0, sum[r][0]);
                sum[r][1] = _mm512_fmadd_ps(x, w1, sum[r][1]);
            }
        }
    }
    UNROLL for (int r = 0; r < ROWS; r++, out += PANEL)
    {
        _mm512_storeu_ps(out, sum[r][0]);
        _mm512_storeu_ps(out + PANEL / 2, sum[r][1]);
    }
}

/* A block of results [ROWS, PANEL] to its place: outputs [begin, begin + n). */
KERNEL
static void finish_block(const ConvProduct *p, const Block *b, Real *restrict v, int begin, int n)
{
    for (int r = 0; r < b->n_rows; r++, v += PANEL) {
        Real *restrict out = b->out[r] + begin;
        if (p->bias != NULL) {
            for (int i = 0; i < n; i++) v[i] += p->bias[begin + i];
        }
        if (p->relu) {
            for (int i = 0; i < n; i++) v[i] = v[i] < 0 ? 0 : v[i]; /* NaN stays */
        }
        if (p->add) {
            for (int i = 0; i < n; i++) out[i] += v[i];
        } else {
            for (int i = 0; i < n; i++) out[i] = v[i];
        }
    }
}

/* Position of a block's rows: first tap relative to the source, and which taps are inside. */
typedef struct {
    ptrdiff_t at[ROWS];
    uint32_t inside_h[ROWS], inside_w[ROWS];
} Positions;

static uint32_t taps_inside(int first, int delta, int n_taps, int size)
{
    uint32_t mask = 0;
    for (int a = 0; a < n_taps; a++) {
        int v = first + a * delta;
        mask |= (uint32_t)(v >= 0 && v < size) << a;
    }
    return mask;
}

static void block_positions(const Gather *g, int n_images, Positions *at, int first_row)
{
    int j = first_row % g->grid_w, i = first_row / g->grid_w % g->grid_h;
    int n = first_row / g->grid_w / g->grid_h;
    for (int r = 0; r < ROWS; r++) {
        int h = i * g->step + g->begin_h, w = j * g->step + g->begin_w;
        at->at[r] = ((ptrdiff_t)(n * g->h + h) * g->w + w) * g->pixel_stride;
        at->inside_h[r] = n < n_images ? taps_inside(h, g->delta, g->taps_h, g->h) : 0;
        at->inside_w[r] = taps_inside(w, g->delta, g->taps_w, g->w);
        if (++j < g->grid_w) continue;
        j = 0;
        if (++i < g->grid_h) continue;
        i = 0;
        n++;
    }
}

/* The taps of a block that any of its rows reaches. Returns their number. */
static int find_taps(const Direct *d, Tap *taps, int first_row)
{
    const ConvProduct *p = d->product;
    const Gather *g = &p->gather;
    Positions at;
    block_positions(g, p->n_images, &at, first_row);
    int n = 0;
    for (int a = 0; a < g->taps_h; a++) {
        for (int b = 0; b < g->taps_w; b++) {
            ptrdiff_t tap = ((ptrdiff_t)a * g->w + b) * g->delta * g->pixel_stride;
            uint32_t any = 0;
            for (int r = 0; r < ROWS; r++) {
                uint32_t inside = (at.inside_h[r] >> a) & (at.inside_w[r] >> b) & 1;
                taps[n].row[r] = inside ? p->source + (at.at[r] + tap) : d->zeros;
                any |= inside;
            }
            taps[n].weights = (size_t)(a * g->taps_w + b) * (size_t)(g->channels * PANEL);
            n += (int)any;
        }
    }
    return n;
}

static void find_gathered(const Direct *d, Tap *tap, const Real *patches, int n_rows)
{
    for (int r = 0; r < ROWS; r++) {
        tap->row[r] = r < n_rows ? patches + (size_t)r * (size_t)d->columns : d->zeros;
    }
    tap->weights = 0;
}

/* What the kernel needs of the blocks of one tile. Returns their number. */
static int prepare_blocks(const Direct *d, char *table, int tile)
{
    const ConvProduct *p = d->product;
    Block *blocks = (Block *)(void *)table;
    Tap *taps = (Tap *)(void *)(table + d->taps_offset);
    Real *patches = (Real *)(void *)(table + d->patches_offset);
    int begin = tile * BLOCKS * ROWS, end = conv_min(conv_product_rows(p), begin + BLOCKS * ROWS);
    if (conv_is_gathered(p->gather.channels))
        gather_rows(&p->gather, patches, p->source, begin, end);
    int n = 0;
    for (int row = begin; row < end; row += ROWS, n++) {
        Block *b = &blocks[n];
        Tap *first = taps + (size_t)n * (size_t)d->max_taps;
        b->n_rows = conv_min(ROWS, end - row);
        for (int r = 0; r < b->n_rows; r++) b->out[r] = conv_product_pixel(p, row + r);
        if (conv_is_gathered(p->gather.channels)) {
            find_gathered(d, first, patches + (size_t)(row - begin) * (size_t)d->columns,
                          b->n_rows);
            b->n_taps = 1;
        } else {
            b->n_taps = find_taps(d, first, row);
        }
    }
    return n;
}

static void direct_task(void *context, int task, int thread)
{
    const Direct *d = context;
    int tile = task / d->n_groups, group = task % d->n_groups;
    char *table = d->tables + (size_t)thread * d->tables_bytes;
    const Block *blocks = (const Block *)(const void *)table;
    const Tap *taps = (const Tap *)(const void *)(table + d->taps_offset);
    int n_blocks = prepare_blocks(d, table, tile);
    int panel_end = d->n_panels * (group + 1) / d->n_groups;
    Real results[ROWS * PANEL];
    for (int panel = d->n_panels * group / d->n_groups; panel < panel_end; panel++) {
        const Real *w = d->panels + (size_t)panel * (size_t)d->columns * PANEL;
        int begin = panel * PANEL, n = conv_min(PANEL, d->product->n_out - begin);
        for (int i = 0; i < n_blocks; i++) {
            const Tap *first = taps + (size_t)i * (size_t)d->max_taps;
            product_kernel(results, first, blocks[i].n_taps, d->channels, w);
            finish_block(d->product, &blocks[i], results, begin, n);
        }
    }
}

/* One tap of one panel: out [channels, PANEL], n outputs. */
static void pack_tap(const ConvWeights *weights, Real *out, const Real *w, int channels, int n)
{
    enum { AT_ONCE = 16 }; /* channels: a cache line of every output */
    for (int begin = 0; begin < channels; begin += AT_ONCE) {
        int end = conv_min(channels, begin + AT_ONCE);
        for (int o = 0; o < n; o++) {
            const Real *from = w + o * weights->out;
            for (int i = begin; i < end; i++) out[i * PANEL + o] = from[i * weights->in];
        }
    }
    for (int i = 0; i < channels && n < PANEL; i++) {
        memset(&out[i * PANEL + n], 0, (size_t)(PANEL - n) * sizeof *out);
    }
}

/* The same where outputs are neighbours. */
static void copy_tap(const ConvWeights *weights, Real *out, const Real *w, int channels, int n)
{
    for (int i = 0; i < channels; i++, out += PANEL) {
        memcpy(out, w + i * weights->in, (size_t)n * sizeof *out);
        memset(out + n, 0, (size_t)(PANEL - n) * sizeof *out);
    }
}

static void pack_task(void *context, int panel, int thread)
{
    (void)thread;
    const Direct *d = context;
    const Gather *g = &d->product->gather;
    const ConvWeights *w = &d->product->weights;
    Real *out = d->panels + (size_t)panel * (size_t)d->columns * PANEL;
    int begin = panel * PANEL, n = conv_min(PANEL, d->product->n_out - begin);
    ptrdiff_t tap_size = (ptrdiff_t)g->channels * PANEL;
    for (int a = 0; a < g->taps_h; a++) {
        for (int b = 0; b < g->taps_w; b++, out += tap_size) {
            const Real *tap = w->w + (w->first_h + a * w->step) * w->line +
                              (w->first_w + b * w->step) * w->pixel + begin * w->out;
            if (w->out == 1) {
                copy_tap(w, out, tap, g->channels, n);
            } else {
                pack_tap(w, out, tap, g->channels, n);
            }
        }
    }
}

bool conv_direct_suits(const ConvProduct *p)
{
    enum {
        MIN_OUTPUTS = 24, /* fewer leave much of a panel empty */
        MIN_IDENTITY =
            256, /* channels of a plain product from which on this is faster (measured) */
    };
    const Gather *g = &p->gather;
    if (gather_is_identity(g) && g->channels < MIN_IDENTITY) return false;
    return p->n_out >= MIN_OUTPUTS && conv_has_kernels(g);
}

static void place_tables(Direct *d, bool gathered, int max_taps)
{
    d->max_taps = max_taps;
    d->taps_offset = conv_reals_of(BLOCKS, sizeof(Block)) * sizeof(Real);
    size_t taps = conv_reals_of(BLOCKS * (size_t)max_taps, sizeof(Tap)) * sizeof(Real);
    d->patches_offset = d->taps_offset + taps;
    size_t patches = gathered ? conv_aligned((size_t)(BLOCKS * ROWS) * (size_t)d->columns) : 0;
    d->tables_bytes = d->patches_offset + patches * sizeof(Real);
}

size_t conv_direct_scratch(int taps, int channels, int n_out, ThreadPool *threads)
{
    bool gathered = conv_is_gathered(channels);
    Direct d = {.columns = taps * channels, .n_panels = conv_ceil_div(n_out, PANEL)};
    place_tables(&d, gathered, gathered ? 1 : taps);
    return (size_t)d.n_panels * (size_t)d.columns * PANEL + conv_aligned((size_t)d.columns) +
           (size_t)thread_pool_size(threads) * d.tables_bytes / sizeof(Real);
}

void conv_direct(const ConvProduct *p, ThreadPool *threads)
{
    const Gather *g = &p->gather;
    bool gathered = conv_is_gathered(g->channels);
    int n_threads = thread_pool_size(threads);
    Direct d = {.product = p,
                .columns = gather_columns(g),
                .n_panels = conv_ceil_div(p->n_out, PANEL),
                .n_tiles = conv_ceil_div(conv_product_rows(p), BLOCKS * ROWS)};
    d.channels = gathered ? d.columns : g->channels;
    d.n_groups = n_threads > 1 && d.n_tiles < 2 * n_threads
                     ? conv_min(d.n_panels, conv_ceil_div(2 * n_threads, d.n_tiles))
                     : 1;
    place_tables(&d, gathered, gathered ? 1 : g->taps_h * g->taps_w);
    d.panels = p->scratch;
    d.zeros = d.panels + (size_t)d.n_panels * (size_t)d.columns * PANEL;
    d.tables = (char *)(d.zeros + conv_aligned((size_t)d.columns));
    memset(d.zeros, 0, (size_t)d.channels * sizeof *d.zeros);
    thread_pool_run(threads, d.n_panels, pack_task, &d);
    thread_pool_run(threads, d.n_tiles * d.n_groups, direct_task, &d);
}

#else

bool conv_direct_suits(const ConvProduct *p)
{
    (void)p;
    return false;
}

size_t conv_direct_scratch(int taps, int channels, int n_out, ThreadPool *threads)
{
    (void)taps, (void)channels, (void)n_out, (void)threads;
    return 0;
}

void conv_direct(const ConvProduct *p, ThreadPool *threads)
{
    conv_gemm(p, threads);
}

#endif
