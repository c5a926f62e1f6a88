/* Products of gathered patches: tiles of rows that stay in cache, one gemm per tile. */
#include "conv_product.h"
#include "err.h"
#include "gemm.h"

#include <string.h>

enum {
    TILE_ELEMENTS = 96 * 1024, /* of patches: 384 KiB, so that a tile stays in a 1 MiB L2 */
    TILE_ROWS_MIN = 64,
    TILE_ROWS_MAX = 1024,
    TILE_ROWS_MULTIPLE = 16
};

/* A thread gets at least one tile. */
static int tile_rows(int columns, int n_rows, ThreadPool *threads)
{
    int rows = TILE_ELEMENTS / columns / TILE_ROWS_MULTIPLE * TILE_ROWS_MULTIPLE;
    rows = rows < TILE_ROWS_MIN ? TILE_ROWS_MIN : conv_min(rows, TILE_ROWS_MAX);
    int share = conv_ceil_div(n_rows, thread_pool_size(threads));
    return conv_min(rows, conv_ceil_div(share, TILE_ROWS_MULTIPLE) * TILE_ROWS_MULTIPLE);
}

static size_t tile_size(int columns)
{
    size_t least = (size_t)TILE_ROWS_MIN * (size_t)columns;
    return least > TILE_ELEMENTS ? least : (size_t)TILE_ELEMENTS;
}

/* ---- rows times weights ---- */

typedef struct {
    const ConvProduct *product;
    const Real *w; /* [n_out, columns] when transposed, else [columns, n_out] */
    bool w_transposed;
    Real *patches, *results; /* per thread */
    size_t patches_size, results_size;
    int tile;
} GemmTiles;

size_t conv_gemm_scratch(int columns, int n_out, ThreadPool *threads)
{
    size_t per_thread = tile_size(columns) + (size_t)TILE_ROWS_MAX * (size_t)n_out;
    return (size_t)thread_pool_size(threads) * per_thread + (size_t)columns * (size_t)n_out;
}

/* Weights whose outputs are neighbours as [taps, channels, n_out]. */
static void copy_weights(const ConvProduct *p, Real *out)
{
    const Gather *g = &p->gather;
    const ConvWeights *w = &p->weights;
    for (int a = 0; a < g->taps_h; a++) {
        for (int b = 0; b < g->taps_w; b++) {
            const Real *tap =
                w->w + (w->first_h + a * w->step) * w->line + (w->first_w + b * w->step) * w->pixel;
            for (int i = 0; i < g->channels; i++, out += p->n_out) {
                memcpy(out, tap + i * w->in, (size_t)p->n_out * sizeof *out);
            }
        }
    }
}

SIMD_CLONES
static void finish_rows(const ConvProduct *p, Real *out, int stride, int n_rows)
{
    for (int r = 0; r < n_rows; r++, out += stride) {
        for (int i = 0; i < p->n_out && p->bias != NULL; i++) out[i] += p->bias[i];
        for (int i = 0; i < p->n_out && p->relu; i++)
            out[i] = out[i] < 0 ? 0 : out[i]; /* NaN stays */
    }
}

/* Rows of a tile to their places between the pixels of other residues. */
static void scatter_rows(const ConvProduct *p, const Real *rows, int row_begin, int row_end)
{
    for (int row = row_begin; row < row_end; row++, rows += p->n_out) {
        Real *out = conv_product_pixel(p, row);
        if (p->add) {
            for (int c = 0; c < p->n_out; c++) out[c] += rows[c];
        } else {
            memcpy(out, rows, (size_t)p->n_out * sizeof *out);
        }
    }
}

static void tile_task(void *context, int task, int thread)
{
    const GemmTiles *t = context;
    const ConvProduct *p = t->product;
    int begin = task * t->tile, end = conv_min(conv_product_rows(p), begin + t->tile);
    Real *patches = t->patches + (size_t)thread * t->patches_size;
    Real *results = t->results + (size_t)thread * t->results_size;
    bool in_place = p->out_step == 1;
    Gemm g = {.transpose_b = t->w_transposed,
              .m = end - begin,
              .n = p->n_out,
              .k = gather_columns(&p->gather),
              .alpha = 1,
              .beta = in_place && p->add ? 1 : 0,
              .a = patches,
              .b = t->w,
              .c = in_place ? conv_product_pixel(p, begin) : results,
              .ldc = in_place ? p->out_stride : p->n_out};
    if (gather_is_identity(&p->gather)) {
        g.a = p->source + (size_t)begin * (size_t)p->gather.pixel_stride;
        g.lda = p->gather.pixel_stride;
    } else {
        gather_rows(&p->gather, patches, p->source, begin, end);
    }
    gemm(&g);
    finish_rows(p, g.c, g.ldc, end - begin);
    if (!in_place) scatter_rows(p, results, begin, end);
}

void conv_gemm(const ConvProduct *p, ThreadPool *threads)
{
    int columns = gather_columns(&p->gather), n_rows = conv_product_rows(p);
    size_t n_threads = (size_t)thread_pool_size(threads);
    GemmTiles t = {.product = p,
                   .w = p->weights.w,
                   .w_transposed = p->weights.in == 1,
                   .patches = p->scratch,
                   .patches_size = tile_size(columns),
                   .results_size = (size_t)TILE_ROWS_MAX * (size_t)p->n_out,
                   .tile = tile_rows(columns, n_rows, threads)};
    t.results = t.patches + n_threads * t.patches_size;
    if (!t.w_transposed) {
        Real *w = t.results + n_threads * t.results_size;
        copy_weights(p, w);
        t.w = w;
    }
    thread_pool_run(threads, conv_ceil_div(n_rows, t.tile), tile_task, &t);
}

/* ---- gradient of weights ---- */

typedef struct {
    const ConvWeightProduct *product;
    ConvWeightCut cut;
    Real *patches; /* per part */
    size_t patches_size;
    Real *copies; /* of parts 1, 2, ... */
    int tile;
} GemmWeightTiles;

size_t conv_gemm_weight_scratch(int columns, int n_outputs, ThreadPool *threads)
{
    size_t n_threads = (size_t)thread_pool_size(threads);
    return n_threads * tile_size(columns) + (n_threads - 1) * (size_t)columns * (size_t)n_outputs;
}

static void weight_tile(const ConvWeightProduct *p, Gemm *g, Real *patches, int begin, int end)
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

static void weight_part(void *context, int part, int thread)
{
    (void)thread;
    const GemmWeightTiles *t = context;
    const ConvWeightProduct *p = t->product;
    int columns = gather_columns(&p->gather), n_tiles = conv_ceil_div(p->n_rows, t->tile);
    int n_parts = t->cut.n_parts, tile_begin = 0, tile_end = n_tiles, m = 0, m_end = p->n_outputs;
    if (t->cut.rows) {
        tile_begin = conv_cut_at(n_tiles, n_parts, part);
        tile_end = conv_cut_at(n_tiles, n_parts, part + 1);
    } else {
        m = conv_cut_at(p->n_outputs, n_parts, part);
        m_end = conv_cut_at(p->n_outputs, n_parts, part + 1);
    }
    size_t copy_size = (size_t)p->n_outputs * (size_t)columns;
    bool own_copy = t->cut.rows && part > 0;
    Gemm g = {.transpose_a = true,
              .m = m_end - m,
              .n = columns,
              .alpha = 1,
              .beta = 1,
              .lda = p->dy_stride,
              .c = own_copy ? t->copies + (size_t)(part - 1) * copy_size
                            : p->dw + (size_t)m * (size_t)columns};
    if (own_copy) memset(g.c, 0, copy_size * sizeof *g.c);
    for (int tile = tile_begin; tile < tile_end; tile++) {
        int begin = tile * t->tile;
        g.a = p->dy + m;
        weight_tile(p, &g, t->patches + (size_t)part * t->patches_size, begin,
                    conv_min(p->n_rows, begin + t->tile));
    }
}

void conv_gemm_weight(const ConvWeightProduct *p, ThreadPool *threads)
{
    int columns = gather_columns(&p->gather);
    GemmWeightTiles t = {.product = p,
                         .cut = conv_weight_cut(p, threads),
                         .patches = p->scratch,
                         .patches_size = tile_size(columns),
                         .tile = tile_rows(columns, p->n_rows, threads)};
    t.copies = p->scratch + (size_t)thread_pool_size(threads) * t.patches_size;
    thread_pool_run(threads, t.cut.n_parts, weight_part, &t);
    if (!t.cut.rows) return;
    conv_add_copies(p->dw, t.copies, t.cut.n_parts - 1, (size_t)p->n_outputs * (size_t)columns);
}
