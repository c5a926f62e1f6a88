/* Rank statistics with bootstrap intervals: see association.h. */
#include "association.h"

#include "association_curve.h"
#include "err.h"
#include "mem.h"
#include "rng.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1 };
/* ---- units
 * ---------------------------------------------------------------------------------------------------
 */

typedef struct {
    int64_t block, unit;
    int row;
} UnitOfRow;

/* The units by block and number: block b is units [starts[b], starts[b + 1]). */
typedef struct {
    int *of_row; /* [n rows] */
    int *starts;
    int n_units, n_blocks;
} Units;

static int compare_int64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_units(const void *a, const void *b)
{
    const UnitOfRow *x = a, *y = b;
    int by_block = compare_int64(x->block, y->block);
    return by_block != 0 ? by_block : compare_int64(x->unit, y->unit);
}

static Units units_new(const AssociationRow *rows, int n)
{
    UnitOfRow *sorted = mem_alloc((size_t)n, sizeof *sorted);
    for (int i = 0; i < n; i++) sorted[i] = (UnitOfRow){rows[i].block, rows[i].unit, i};
    qsort(sorted, (size_t)n, sizeof *sorted, compare_units);
    Units units = {.of_row = mem_alloc((size_t)n, sizeof *units.of_row),
                   .starts = mem_alloc((size_t)n + 1, sizeof *units.starts)};
    for (int i = 0; i < n; i++) {
        bool new_block = i == 0 || sorted[i].block != sorted[i - 1].block;
        if (new_block) units.starts[units.n_blocks++] = units.n_units;
        if (new_block || sorted[i].unit != sorted[i - 1].unit) units.n_units++;
        units.of_row[sorted[i].row] = units.n_units - 1;
    }
    units.starts[units.n_blocks] = units.n_units;
    free(sorted);
    return units;
}

/* counts[u]: how often unit u is drawn in this resample; words: n_units of scratch. */
static void draw(double *counts, uint32_t *words, const Units *units, RngStream stream,
                 int resample)
{
    memset(counts, 0, (size_t)units->n_units * sizeof *counts);
    rng_fill_u32(words, stream, (uint64_t)resample, 0, (size_t)units->n_units);
    for (int b = 0; b < units->n_blocks; b++) {
        int first = units->starts[b];
        uint64_t size = (uint64_t)(units->starts[b + 1] - first);
        for (int u = first; u < units->starts[b + 1]; u++) /* Lemire 2019, see stats.c */
            counts[first + (int)((words[u] * size) >> 32)] += 1.0;
    }
}

/* ---- intervals
 * ----------------------------------------------------------------------------------------------
 */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of what the resamples have a number for; none when most have not. */
static void set_interval(Estimate *out, double *values, int n_resamples)
{
    int n = 0;
    for (int i = 0; i < n_resamples; i++) {
        if (!isnan(values[i])) values[n++] = values[i];
    }
    if (isnan(out->value) || n == 0 || 2 * n < n_resamples) return;
    qsort(values, (size_t)n, sizeof *values, compare_numbers);
    out->low = stats_quantile(values, n, 0.025);
    out->high = stats_quantile(values, n, 0.975);
}

static void add_intervals(Estimate *out[N_STATISTICS], const Curves *c, const Units *units,
                          int resamples)
{
    double *counts = mem_alloc((size_t)units->n_units, sizeof *counts);
    uint32_t *words = mem_alloc((size_t)units->n_units, sizeof *words);
    double *values = mem_alloc((size_t)resamples * N_STATISTICS, sizeof *values);
    RngStream stream = rng_stream(SEED, "association");
    for (int i = 0; i < resamples; i++) {
        double one[N_STATISTICS];
        draw(counts, words, units, stream, i);
        curves_measure(one, c, counts);
        for (int k = 0; k < N_STATISTICS; k++) values[k * resamples + i] = one[k];
    }
    for (int k = 0; k < N_STATISTICS; k++)
        set_interval(out[k], values + (size_t)k * (size_t)resamples, resamples);
    free(counts);
    free(words);
    free(values);
}

/* ---- public
 * -------------------------------------------------------------------------------------------------
 */

Association association_measure(const AssociationRow *rows, int n, int resamples)
{
    check(n >= 1 && resamples >= 0, "%d rows, %d resamples", n, resamples);
    Units units = units_new(rows, n);
    Curves curves = curves_new(rows, units.of_row, n);
    Association result = {.n_units = units.n_units};
    Estimate *estimates[] = {&result.spearman, &result.auc, &result.slope};
    double values[N_STATISTICS];
    curves_measure(values, &curves, NULL);
    for (int k = 0; k < N_STATISTICS; k++) *estimates[k] = (Estimate){values[k], NAN, NAN};
    if (resamples > 0) add_intervals(estimates, &curves, &units, resamples);
    curves_done(&curves);
    free(units.of_row);
    free(units.starts);
    return result;
}

typedef struct {
    double value;
    int index;
} Ranked;

static int compare_ranked(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* ranks[i]: place of x[i], 1 to n; those that are equal share the mean of theirs. */
static void set_ranks(double *ranks, const double *x, int n)
{
    Ranked *sorted = mem_alloc((size_t)n, sizeof *sorted);
    for (int i = 0; i < n; i++) sorted[i] = (Ranked){x[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, compare_ranked);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value;) end++;
        for (int k = i; k < end; k++) ranks[sorted[k].index] = (i + 1 + end) / 2.0;
    }
    free(sorted);
}

double association_spearman(const double *x, const double *y, int n)
{
    check(n >= 1, "rank correlation of %d numbers", n);
    double *ranks = mem_alloc(2 * (size_t)n, sizeof *ranks);
    double xy = 0.0, xx = 0.0, yy = 0.0, mean = (n + 1) / 2.0;
    set_ranks(ranks, x, n);
    set_ranks(ranks + n, y, n);
    for (int i = 0; i < n; i++) {
        double a = ranks[i] - mean, b = ranks[n + i] - mean;
        xy += a * b;
        xx += a * a;
        yy += b * b;
    }
    free(ranks);
    return xx > 0.0 && yy > 0.0 ? xy / sqrt(xx * yy) : (double)NAN;
}
