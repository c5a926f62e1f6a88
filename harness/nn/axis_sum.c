/* Work is cut by blocks of columns (inner), and, where there are few sums of great length, by
 * length too: then partial sums are added up in order. */
#include "axis_sum.h"

#include "err.h"
#include "ranges.h"

#include <string.h>

enum { COLUMNS = 64, MAX_PARTS = 32, LANES = 8 };

static void finish(const AxisSum *s, const double *sums, size_t o, size_t column, size_t n)
{
    Real *out = s->out + o * s->inner + column;
    for (size_t i = 0; i < n; i++) {
        double v = s->scale * sums[i];
        if (s->divisor != NULL) v /= s->divisor[column + i];
        out[i] = (Real)(s->fresh ? v : out[i] + v);
    }
}

/* ---- sums of up to COLUMNS neighbouring columns ---- */

/* Rows of n columns, a stride apart. The usual full block has a fixed width, so that its sums stay
 * in registers. */
SIMD_CLONES
static void add_rows(double *sums, const Real *x, size_t stride, size_t n_rows, size_t n)
{
    double full[COLUMNS] = {0};
    if (n == COLUMNS) {
        for (size_t l = 0; l < n_rows; l++) {
            for (int i = 0; i < COLUMNS; i++) full[i] += x[l * stride + (size_t)i];
        }
        for (int i = 0; i < COLUMNS; i++) sums[i] += full[i];
        return;
    }
    for (size_t l = 0; l < n_rows; l++) {
        for (size_t i = 0; i < n; i++) sums[i] += x[l * stride + i];
    }
}

SIMD_CLONES
static void add_row_product(double *sums, const Real *x, const Real *f, size_t n)
{
    for (size_t i = 0; i < n; i++) sums[i] += (double)x[i] * f[i];
}

/* ---- sums of contiguous elements (inner = 1) ---- */

SIMD_CLONES
static double contiguous_sum(const Real *x, size_t n)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) lanes[k] += x[i + k];
    }
    double sum = 0;
    for (; i < n; i++) sum += x[i];
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

SIMD_CLONES
static double contiguous_product_sum(const Real *x, const Real *f, size_t n)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) lanes[k] += (double)x[i + k] * f[i + k];
    }
    double sum = 0;
    for (; i < n; i++) sum += (double)x[i] * f[i];
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

/* ---- the cut ---- */

/* Adds n_rows rows from element `first` on, n <= COLUMNS columns, into sums. */
static void add_block(const AxisSum *s, double *sums, size_t first, size_t n_rows, size_t n)
{
    if (s->inner > 1 && s->factor == NULL) {
        add_rows(sums, s->x + first, s->inner, n_rows, n);
    } else if (s->inner > 1) {
        for (size_t at = first; at < first + n_rows * s->inner; at += s->inner) {
            add_row_product(sums, s->x + at, s->factor + at, n);
        }
    } else if (s->factor == NULL) {
        sums[0] += contiguous_sum(s->x + first, n_rows);
    } else {
        sums[0] += contiguous_product_sum(s->x + first, s->factor + first, n_rows);
    }
}

static size_t n_blocks(const AxisSum *s)
{
    return (s->inner + COLUMNS - 1) / COLUMNS;
}

/* Tasks: (outer, block of columns) pairs [begin, end). */
static void sum_blocks(const void *context, size_t begin, size_t end)
{
    const AxisSum *s = context;
    size_t blocks = n_blocks(s);
    for (size_t task = begin; task < end; task++) {
        size_t o = task / blocks, column = task % blocks * COLUMNS;
        size_t n = s->inner - column < COLUMNS ? s->inner - column : (size_t)COLUMNS;
        double sums[COLUMNS] = {0};
        add_block(s, sums, o * s->length * s->inner + column, s->length, n);
        finish(s, sums, o, column, n);
    }
}

typedef struct {
    const AxisSum *s;
    size_t part_length;
    double (*partial)[COLUMNS];
} Parts;

/* Tasks: parts of the length, for outer = 1 and at most COLUMNS columns. */
static void sum_parts(const void *context, size_t begin, size_t end)
{
    const Parts *parts = context;
    const AxisSum *s = parts->s;
    for (size_t part = begin; part < end; part++) {
        size_t first = part * parts->part_length;
        size_t left = s->length > first ? s->length - first : 0;
        size_t n_rows = left < parts->part_length ? left : parts->part_length;
        add_block(s, parts->partial[part], first * s->inner, n_rows, s->inner);
    }
}

void axis_sum(ThreadPool *threads, const AxisSum *s)
{
    size_t blocks = n_blocks(s), size = s->length * s->inner;
    if (s->outer > 1 || blocks > 1 || size <= RANGE_GRAIN) {
        size_t columns = s->inner < COLUMNS ? s->inner : (size_t)COLUMNS;
        ranges_run(threads, s->outer * blocks, ranges_grain(s->length * columns), sum_blocks, s);
        return;
    }
    double partial[MAX_PARTS][COLUMNS];
    memset(partial, 0, sizeof partial);
    size_t n_parts = size / RANGE_GRAIN + 1 < MAX_PARTS ? size / RANGE_GRAIN + 1 : MAX_PARTS;
    Parts parts = {s, (s->length + n_parts - 1) / n_parts, partial};
    ranges_run(threads, n_parts, 1, sum_parts, &parts);
    for (size_t part = 1; part < n_parts; part++) {
        for (size_t i = 0; i < s->inner; i++) partial[0][i] += partial[part][i];
    }
    finish(s, partial[0], 0, 0, s->inner);
}
