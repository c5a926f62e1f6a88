/* Rank statistics with bootstrap intervals: see association.h. */
#include "association.h"

#include "err.h"
#include "mem.h"
#include "rng.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1 };
static const double ROUNDING = 1e-12; /* of a sum of squares: a variance below it is none */

enum { SPEARMAN, AUC, SLOPE, N_STATISTICS };

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

/* ---- one series
 * ----------------------------------------------------------------------------------------------
 */

/* A row ready for resampling. Rows are in the order of series and side, stratum, x. */
typedef struct {
    double x, right;
    int unit;
    bool new_stratum, new_x; /* than the row before */
} Point;

/* What one stratum, or the sum of all so far, has. */
typedef struct {
    double n, n_right;            /* rows, as often as they were drawn */
    double ranks_right, ranks_sq; /* sum of ranks of the right ones; of all squared ranks */
    double x, xx, x_right;        /* sums of x, x^2, x of the right ones */
} Stratum;

typedef struct {
    double pairs, concordant;        /* auc */
    double n_correlated, correlated; /* spearman: rows; their strata's correlation times rows */
    double n, xx, x_right;           /* slope: rows; sums of deviations */
    double squares;                  /* of x, to tell rounding from deviations */
} Sums;

static void add_stratum(Sums *sums, const Stratum *s)
{
    if (s->n <= 0.0) return;
    double n_wrong = s->n - s->n_right, mean_rank = (s->n + 1.0) / 2.0;
    sums->pairs += s->n_right * n_wrong;
    sums->concordant += s->ranks_right - s->n_right * (s->n_right + 1.0) / 2.0;
    double covariance = s->ranks_right - s->n_right * mean_rank;
    double of_ranks = s->ranks_sq - s->n * mean_rank * mean_rank;
    double of_right = s->n_right * n_wrong / s->n;
    if (of_ranks > ROUNDING * s->ranks_sq && of_right > 0.0) {
        sums->n_correlated += s->n;
        sums->correlated += s->n * covariance / sqrt(of_ranks * of_right);
    }
    sums->n += s->n;
    sums->xx += fmax(s->xx - s->x * s->x / s->n, 0.0);
    sums->x_right += s->x_right - s->x * s->n_right / s->n;
    sums->squares += s->xx;
}

/* The rows [i, end) that share x: their rank is the mean of those that they take up. */
static void add_tie(Stratum *s, const Point *points, int i, int end, const double *counts)
{
    double n = 0.0, n_right = 0.0, x = points[i].x;
    for (; i < end; i++) {
        double count = counts == NULL ? 1.0 : counts[points[i].unit];
        n += count;
        n_right += count * points[i].right;
    }
    double rank = s->n + (n + 1.0) / 2.0;
    s->n += n;
    s->n_right += n_right;
    s->ranks_right += rank * n_right;
    s->ranks_sq += rank * rank * n;
    s->x += x * n;
    s->xx += x * x * n;
    s->x_right += x * n_right;
}

/* The statistics of a series; counts NULL: every unit once. */
static void measure_series(double out[N_STATISTICS], const Point *points, int n,
                           const double *counts)
{
    Sums sums = {0};
    Stratum stratum = {0};
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !points[end].new_x;) end++;
        if (points[i].new_stratum) {
            add_stratum(&sums, &stratum);
            stratum = (Stratum){0};
        }
        add_tie(&stratum, points, i, end, counts);
    }
    add_stratum(&sums, &stratum);
    bool correlated = sums.n_correlated > 0.0, both = sums.pairs > 0.0;
    bool sloped = both && sums.xx > ROUNDING * sums.squares;
    out[SPEARMAN] = correlated ? sums.correlated / sums.n_correlated : (double)NAN;
    out[AUC] = both ? sums.concordant / sums.pairs : (double)NAN;
    out[SLOPE] = sloped ? sums.x_right / sqrt(sums.xx * sums.n) : (double)NAN;
}

/* ---- all series
 * ---------------------------------------------------------------------------------------------
 */

typedef struct {
    Point *points; /* of all series, one after the other */
    int *starts;   /* series i is points [starts[i], starts[i + 1]) */
    bool *on_side_1;
    int n_series;
} Curves;

static int compare_rows(const void *a, const void *b)
{
    const AssociationRow *x = a, *y = b;
    int order = compare_int64(x->side, y->side);
    if (order == 0) order = compare_int64(x->series, y->series);
    if (order == 0) order = compare_int64(x->stratum, y->stratum);
    if (order == 0) order = (x->x > y->x) - (x->x < y->x);
    if (order == 0) order = compare_int64(x->unit, y->unit);
    return order != 0 ? order : compare_int64(x->right, y->right);
}

/* Sums lose fewer digits when x is taken from its mean. */
static double mean_x(const AssociationRow *rows, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) sum += rows[i].x;
    return sum / n;
}

/* Of sorted rows. */
static Curves curves_new(const AssociationRow *rows, int n, const Units *units)
{
    Curves c = {.points = mem_alloc((size_t)n, sizeof *c.points),
                .starts = mem_alloc((size_t)n + 1, sizeof *c.starts),
                .on_side_1 = mem_alloc((size_t)n, sizeof *c.on_side_1)};
    double mean = mean_x(rows, n);
    for (int i = 0; i < n; i++) {
        const AssociationRow *row = &rows[i], *before = &rows[i > 0 ? i - 1 : 0];
        bool new_series = i == 0 || row->series != before->series || row->side != before->side;
        bool new_stratum = new_series || row->stratum != before->stratum;
        c.points[i] = (Point){.x = row->x - mean,
                              .right = row->right,
                              .unit = units->of_row[i],
                              .new_stratum = new_stratum,
                              .new_x = new_stratum || row->x != before->x};
        if (!new_series) continue;
        c.on_side_1[c.n_series] = row->side;
        c.starts[c.n_series++] = i;
    }
    c.starts[c.n_series] = n;
    return c;
}

static void curves_done(Curves *c)
{
    free(c->points);
    free(c->starts);
    free(c->on_side_1);
}

/* Mean over the series of a side that have the statistic, side 1 minus side 0 when there are both.
 */
static void measure(double out[N_STATISTICS], const Curves *c, const double *counts)
{
    double sum[2][N_STATISTICS] = {{0}}, n[2][N_STATISTICS] = {{0}}, one[N_STATISTICS];
    for (int i = 0; i < c->n_series; i++) {
        int side = c->on_side_1[i];
        measure_series(one, c->points + c->starts[i], c->starts[i + 1] - c->starts[i], counts);
        for (int k = 0; k < N_STATISTICS; k++) {
            if (isnan(one[k])) continue;
            sum[side][k] += one[k];
            n[side][k] += 1.0;
        }
    }
    bool two_sides = c->on_side_1[0] != c->on_side_1[c->n_series - 1]; /* side 0 comes first */
    for (int k = 0; k < N_STATISTICS; k++) {
        double mean0 = sum[0][k] / n[0][k], mean1 = sum[1][k] / n[1][k]; /* NAN: 0 / 0 */
        out[k] = two_sides ? mean1 - mean0 : c->on_side_1[0] ? mean1 : mean0;
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
        measure(one, c, counts);
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

Association association_measure(AssociationRow *rows, int n, int resamples)
{
    check(n >= 1 && resamples >= 0, "%d rows, %d resamples", n, resamples);
    qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    Units units = units_new(rows, n);
    Curves curves = curves_new(rows, n, &units);
    Association result = {.n_units = units.n_units};
    Estimate *estimates[] = {&result.spearman, &result.auc, &result.slope};
    double values[N_STATISTICS];
    measure(values, &curves, NULL);
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
