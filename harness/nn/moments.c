/* Column statistics, vectorised over columns. */
#include "moments.h"

#include "err.h"

#include <string.h>

enum { BLOCK_ELEMENTS = 8192, BLOCK_ROWS_MIN = 16, BLOCK_ROWS_MAX = 64 };

/* Few enough rows that their second reading comes from the nearest cache. */
static size_t block_rows(size_t columns)
{
    size_t rows = BLOCK_ELEMENTS / columns;
    return rows < BLOCK_ROWS_MIN ? BLOCK_ROWS_MIN : rows > BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : rows;
}

SIMD_CLONES
static void block_mean(Real *restrict mean, const Real *restrict x, size_t rows, size_t columns)
{
    memset(mean, 0, columns * sizeof *mean);
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * columns) {
        for (size_t c = 0; c < columns; c++) {
            mean[c] += x[c] + x[columns + c] + (x[2 * columns + c] + x[3 * columns + c]);
        }
    }
    for (; r < rows; r++, x += columns) {
        for (size_t c = 0; c < columns; c++) mean[c] += x[c];
    }
    Real share = (Real)1 / (Real)rows;
    for (size_t c = 0; c < columns; c++) mean[c] *= share;
}

SIMD_CLONES
static void block_squares(Real *restrict squares, const Real *restrict mean, const Real *restrict x,
                          size_t rows, size_t columns)
{
    memset(squares, 0, columns * sizeof *squares);
    size_t r = 0;
    for (; r + 2 <= rows; r += 2, x += 2 * columns) {
        for (size_t c = 0; c < columns; c++) {
            Real a = x[c] - mean[c], b = x[columns + c] - mean[c];
            squares[c] += a * a + b * b;
        }
    }
    for (; r < rows; r++, x += columns) {
        for (size_t c = 0; c < columns; c++) {
            squares[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
        }
    }
}

SIMD_CLONES
static void merge_block(double *restrict mean, double *restrict squares, const Real *restrict block,
                        size_t columns, double n_before, double n_block)
{
    double share = n_block / (n_before + n_block), weight = n_before * share;
    for (size_t c = 0; c < columns; c++) {
        double d = (double)block[c] - mean[c];
        mean[c] += d * share;
        squares[c] += (double)block[columns + c] + d * d * weight;
    }
}

void moments_of_columns(double *mean, double *squares, const Real *x, size_t rows, size_t columns,
                        Real *scratch)
{
    memset(mean, 0, columns * sizeof *mean);
    memset(squares, 0, columns * sizeof *squares);
    size_t step = block_rows(columns);
    for (size_t r = 0; r < rows; r += step) {
        size_t n = rows - r < step ? rows - r : step;
        block_mean(scratch, x + r * columns, n, columns);
        block_squares(scratch + columns, scratch, x + r * columns, n, columns);
        merge_block(mean, squares, scratch, columns, (double)r, (double)n);
    }
}

Moments moments_merge(Moments a, Moments b)
{
    if (a.n + b.n == 0) return a;
    double d = b.mean - a.mean, share = b.n / (a.n + b.n);
    return (Moments){a.n + b.n, a.mean + d * share, a.squares + b.squares + d * d * a.n * share};
}

SIMD_CLONES
static void block_gradient(Real *restrict block, const MomentsGradient *m, size_t begin, size_t end)
{
    size_t columns = m->columns;
    const Real *restrict center = m->center;
    Real *restrict sums = block, *restrict products = block + columns;
    memset(block, 0, 2 * columns * sizeof *block);
    size_t r = begin;
    for (; r + 2 <= end; r += 2) {
        const Real *restrict g = m->g + r * columns, *restrict x = m->x + r * columns;
        for (size_t c = 0; c < columns; c++) {
            sums[c] += g[c] + g[columns + c];
            products[c] +=
                g[c] * (x[c] - center[c]) + g[columns + c] * (x[columns + c] - center[c]);
        }
    }
    for (; r < end; r++) {
        const Real *restrict g = m->g + r * columns, *restrict x = m->x + r * columns;
        for (size_t c = 0; c < columns; c++) {
            sums[c] += g[c];
            products[c] += g[c] * (x[c] - center[c]);
        }
    }
}

void moments_gradient(double *sums, double *products, const MomentsGradient *m, Real *scratch)
{
    memset(sums, 0, m->columns * sizeof *sums);
    memset(products, 0, m->columns * sizeof *products);
    size_t step = block_rows(m->columns);
    for (size_t r = 0; r < m->rows; r += step) {
        block_gradient(scratch, m, r, m->rows - r < step ? m->rows : r + step);
        for (size_t c = 0; c < m->columns; c++) {
            sums[c] += (double)scratch[c];
            products[c] += (double)scratch[m->columns + c];
        }
    }
}
