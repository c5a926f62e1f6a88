/* Gradients of the factors of a low-rank weight, from what was multiplied by it. */
#include "low_rank_internal.h"

#include "err.h"
#include "gemm.h"
#include "ranges.h"

#include <math.h>
#include <string.h>

/* Magnitudes smaller than this share of their row's norm do not divide (magnitude_gradient). */
static const double SMALL_RATIO = 1e-3;

enum { ALIGN = 16 }; /* elements: pieces of scratch begin on a cache line */

/* Where everything lies in scratch; sizes in Reals. R: l->rank, n: rows of the largest part. */
typedef struct {
    size_t u, e;     /* [rows,R] each: x A^T and s dy' B */
    size_t a, da;    /* [R,size] each: the factors A one after the other; none for a single part */
    size_t small;    /* [n,rank] */
    size_t column;   /* [rows] */
    size_t row, sum; /* [size] each */
    size_t conv;
    size_t total;
} Layout;

static size_t take(Layout *l, size_t n)
{
    size_t at = l->total;
    l->total += (n + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static ConvShape with_channels(const SinkProduct *p, int m)
{
    ConvShape s = *p->conv;
    check(s.groups == 1, "low rank: convolution of %d groups", s.groups);
    s.m = m;
    return s;
}

static size_t conv_scratch(const LowRank *l, const SinkProduct *p, ThreadPool *threads)
{
    if (p->conv == NULL) return 0;
    ConvShape all = with_channels(p, l->rank), one = with_channels(p, 1);
    size_t size_all = conv_scratch_size(&all, threads), size_one = conv_scratch_size(&one, threads);
    return size_all > size_one ? size_all : size_one;
}

static Layout layout(const LowRank *l, const SinkProduct *p, ThreadPool *threads)
{
    Layout out = {0};
    size_t rows = (size_t)p->rows, size = (size_t)l->size, largest = 0;
    bool has_magnitudes = false;
    for (int i = 0; i < l->n_parts; i++) {
        size_t n = (size_t)l->parts[i].n * (size_t)l->parts[i].rank;
        if (n > largest) largest = n;
        has_magnitudes = has_magnitudes || l->parts[i].m != NULL;
    }
    out.u = take(&out, rows * (size_t)l->rank);
    out.e = take(&out, rows * (size_t)l->rank);
    size_t stacked = l->n_parts > 1 ? (size_t)l->rank * size : 0;
    out.a = take(&out, stacked);
    out.da = take(&out, stacked);
    out.small = take(&out, largest);
    out.column = take(&out, has_magnitudes ? rows : 0);
    out.row = take(&out, has_magnitudes ? size : 0);
    out.sum = take(&out, has_magnitudes ? size : 0);
    out.conv = take(&out, conv_scratch(l, p, threads));
    return out;
}

static size_t sink_scratch_size(const Tensor *w, const SinkProduct *p, ThreadPool *threads)
{
    return layout(w->aux, p, threads).total;
}

static Tensor *factor(const Tensor *w, int part, int which)
{
    return w->inputs[1 + 3 * part + which];
}

static bool wants(const Tensor *x)
{
    return x != NULL && x->needs_grad;
}

/* Which parts' A, B, m have gradients: all or none of a kind, as far as the products go. */
static bool any_wants(const Tensor *w, int which)
{
    const LowRank *l = w->aux;
    for (int i = 0; i < l->n_parts; i++) {
        if (wants(factor(w, i, which))) return true;
    }
    return false;
}

static double sink_flops(const Tensor *w, const SinkProduct *p)
{
    const LowRank *l = w->aux;
    double rows = p->rows, flops = 0;
    for (int which = 0; which < 2; which++) {
        if (!any_wants(w, which)) continue;
        flops += 2 * rows * l->size * l->rank; /* with x */
        for (int i = 0; i < l->n_parts; i++) {
            if (wants(factor(w, i, which))) flops += 2 * rows * l->parts[i].n * l->parts[i].rank;
        }
    }
    for (int i = 0; i < l->n_parts; i++) {
        if (wants(factor(w, i, 2))) flops += 3 * rows * l->parts[i].n;
    }
    return flops;
}

/* ---- one product ---- */

typedef struct {
    ThreadPool *threads;
    const Tensor *w;
    const LowRank *l;
    const SinkProduct *p;
    Layout at;
    Real *scratch;
} Work;

/* The factors A, one after the other: [R,size]. */
static const Real *stacked_a(const Work *k)
{
    const LowRank *l = k->l;
    if (l->n_parts == 1) return l->parts[0].a;
    Real *next = k->scratch + k->at.a;
    for (int i = 0; i < l->n_parts; i++) {
        size_t n = (size_t)l->parts[i].rank * (size_t)l->size;
        memcpy(next, l->parts[i].a, n * sizeof *next);
        next += n;
    }
    return k->scratch + k->at.a;
}

/* u = x A^T, of all parts: [rows,R] */
static void multiply_x(const Work *k)
{
    const SinkProduct *p = k->p;
    Real *u = k->scratch + k->at.u;
    const Real *a = stacked_a(k);
    if (p->conv != NULL) {
        ConvShape s = with_channels(p, k->l->rank);
        ConvWork work = {k->scratch + k->at.conv, k->threads};
        conv_forward(&s, &work, u, p->x, a, &(ConvAfter){NULL, false});
        return;
    }
    gemm_threads(k->threads, &(Gemm){.transpose_b = true,
                                     .m = p->rows,
                                     .n = k->l->rank,
                                     .k = k->l->size,
                                     .alpha = 1,
                                     .a = p->x,
                                     .b = a,
                                     .c = u});
}

/* dB += s diag(m / n) dy^T u */
static void add_db(const Work *k, const LowRankPart *part, int column, Real *db)
{
    Real *product = k->scratch + k->at.small;
    gemm_threads(k->threads, &(Gemm){.transpose_a = true,
                                     .m = part->n,
                                     .n = part->rank,
                                     .k = k->p->rows,
                                     .alpha = part->scale,
                                     .a = k->p->dy + part->row,
                                     .lda = k->p->out,
                                     .b = k->scratch + k->at.u + column,
                                     .ldb = k->l->rank,
                                     .c = product});
    for (int i = 0; i < part->n; i++) {
        Real ratio = low_rank_ratio(part, i);
        for (int j = 0; j < part->rank; j++) *db++ += ratio * *product++;
    }
}

/* e = s dy diag(m / n) B: the columns of this part in [rows,R] */
static void multiply_dy(const Work *k, const LowRankPart *part, int column)
{
    Real *scaled = k->scratch + k->at.small;
    const Real *b = part->b;
    for (int i = 0; i < part->n; i++) {
        Real ratio = part->scale * low_rank_ratio(part, i);
        for (int j = 0; j < part->rank; j++) *scaled++ = ratio * *b++;
    }
    gemm_threads(k->threads, &(Gemm){.m = k->p->rows,
                                     .n = part->rank,
                                     .k = part->n,
                                     .alpha = 1,
                                     .a = k->p->dy + part->row,
                                     .lda = k->p->out,
                                     .b = k->scratch + k->at.small,
                                     .c = k->scratch + k->at.e + column,
                                     .ldc = k->l->rank});
}

/* da += e^T x, of all parts: [R,size] */
static void add_da(const Work *k, Real *da)
{
    const SinkProduct *p = k->p;
    const Real *e = k->scratch + k->at.e;
    if (p->conv != NULL) {
        ConvShape s = with_channels(p, k->l->rank);
        ConvWork work = {k->scratch + k->at.conv, k->threads};
        conv_backward_weight(&s, &work, da, p->x, e);
        return;
    }
    gemm_threads(k->threads, &(Gemm){.transpose_a = true,
                                     .m = k->l->rank,
                                     .n = k->l->size,
                                     .k = p->rows,
                                     .alpha = 1,
                                     .beta = 1,
                                     .a = e,
                                     .b = p->x,
                                     .c = da});
}

static void add_all_da(Tape *t, const Work *k)
{
    const LowRank *l = k->l;
    if (l->n_parts == 1) {
        add_da(k, tape_grad(t, factor(k->w, 0, 0)));
        return;
    }
    Real *next = k->scratch + k->at.da;
    memset(next, 0, (size_t)l->rank * (size_t)l->size * sizeof *next);
    add_da(k, next);
    for (int i = 0; i < l->n_parts; i++) {
        Real *da = tape_grad(t, factor(k->w, i, 0));
        size_t n = (size_t)l->parts[i].rank * (size_t)l->size;
        for (size_t j = 0; da != NULL && j < n; j++) da[j] += next[j];
        next += n;
    }
}

/* ---- magnitudes ---- */

typedef struct {
    const SinkProduct *p;
    const LowRankPart *part;
    Real *dm;
} Magnitudes;

static bool divides(const LowRankPart *part, size_t i)
{
    return fabs((double)part->m[i]) > SMALL_RATIO * (double)part->norms[i];
}

enum { BLOCK = 128 }; /* columns that are summed together */

/* sums += dy * (y - bias), of n columns of one row */
SIMD_CLONES static void add_products(double *sums, const Real *dy, const Real *y, const Real *bias,
                                     size_t n)
{
    for (size_t i = 0; i < n; i++) sums[i] += (double)(dy[i] * (y[i] - bias[i]));
}

/* With v = (W0 + s B A) of row o: y_o - bias_o = m_o / n_o (x v_o), so that sum dy_o (x v_o) / n_o
 * = sum dy_o (y_o - bias_o) / m_o, which costs one look at y. */
static void magnitudes_from_y(const void *context, size_t begin, size_t end)
{
    static const Real no_bias[BLOCK] = {0};
    const Magnitudes *g = context;
    const SinkProduct *p = g->p;
    for (size_t from = begin; from < end; from += BLOCK) {
        double sums[BLOCK] = {0};
        size_t n = end - from < BLOCK ? end - from : BLOCK, first = (size_t)g->part->row + from;
        const Real *bias = p->bias != NULL ? p->bias + first : no_bias;
        for (int r = 0; r < p->rows; r++) {
            size_t at = (size_t)r * (size_t)p->out + first;
            add_products(sums, p->dy + at, p->y + at, bias, n);
        }
        for (size_t i = 0; i < n; i++) {
            if (divides(g->part, from + i))
                g->dm[from + i] += (Real)(sums[i] / (double)g->part->m[from + i]);
        }
    }
}

/* row = W0 + s B A of row i of the part */
static void unscaled_row(const LowRank *l, const LowRankPart *part, int i, Real *row)
{
    memcpy(row, part->w0 + (size_t)i * (size_t)l->size, (size_t)l->size * sizeof *row);
    for (int j = 0; j < part->rank; j++) {
        Real b = part->scale * part->b[(size_t)i * (size_t)part->rank + (size_t)j];
        const Real *a = part->a + (size_t)j * (size_t)l->size;
        for (int d = 0; d < l->size; d++) row[d] += b * a[d];
    }
}

/* sum = dy_o^T x, the gradient of one row of W / (m / n) */
static void row_gradient(const Work *k, int o, Real *sum)
{
    const SinkProduct *p = k->p;
    Real *column = k->scratch + k->at.column;
    for (int r = 0; r < p->rows; r++) column[r] = p->dy[(size_t)r * (size_t)p->out + (size_t)o];
    memset(sum, 0, (size_t)k->l->size * sizeof *sum);
    if (p->conv != NULL) {
        ConvShape s = with_channels(p, 1);
        ConvWork work = {k->scratch + k->at.conv, k->threads};
        conv_backward_weight(&s, &work, sum, p->x, column);
        return;
    }
    for (int r = 0; r < p->rows; r++) {
        const Real *x = p->x + (size_t)r * (size_t)k->l->size;
        for (int d = 0; d < k->l->size; d++) sum[d] += column[r] * x[d];
    }
}

/* A magnitude near 0 leaves nothing in y to divide: the gradient of its row is made. */
static void magnitude_gradient(const Work *k, const LowRankPart *part, int i, Real *dm)
{
    Real *row = k->scratch + k->at.row, *sum = k->scratch + k->at.sum;
    if (part->norms[i] == 0) return;
    unscaled_row(k->l, part, i, row);
    row_gradient(k, part->row + i, sum);
    double product = 0;
    for (int d = 0; d < k->l->size; d++) product += (double)row[d] * (double)sum[d];
    *dm += (Real)(product / (double)part->norms[i]);
}

static void add_dm(const Work *k, const LowRankPart *part, Real *dm)
{
    Magnitudes g = {k->p, part, dm};
    ranges_run(k->threads, (size_t)part->n, BLOCK, magnitudes_from_y, &g);
    for (int i = 0; i < part->n; i++) {
        if (!divides(part, (size_t)i)) magnitude_gradient(k, part, i, &dm[i]);
    }
}

static void sink_add(Tape *t, Tensor *w, const SinkProduct *p, Real *scratch)
{
    const LowRank *l = w->aux;
    Work k = {tape_threads(t), w, l, p, layout(l, p, tape_threads(t)), NULL};
    k.scratch = scratch;
    if (any_wants(w, 1)) multiply_x(&k);
    for (int i = 0, column = 0; i < l->n_parts; i++) {
        Real *db = tape_grad(t, factor(w, i, 1)), *dm = tape_grad(t, factor(w, i, 2));
        if (db != NULL) add_db(&k, &l->parts[i], column, db);
        if (dm != NULL) add_dm(&k, &l->parts[i], dm);
        if (any_wants(w, 0)) multiply_dy(&k, &l->parts[i], column);
        column += l->parts[i].rank;
    }
    if (any_wants(w, 0)) add_all_da(t, &k);
}

const TensorSink LOW_RANK_SINK = {sink_scratch_size, sink_flops, sink_add};
