/* Rank statistics of weighted points: see association_curve.h. */
#include "association_curve.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>

static const double ROUNDING = 1e-12; /* of a sum of squares: a variance below it is none */

typedef struct AssociationPoint {
    double x; /* from the mean of all: sums then lose fewer digits */
    int unit;
    uint8_t right;           /* bit s: series s says so */
    bool new_stratum, new_x; /* than the point before */
} Point;

/* The bits of `right` as numbers, one lane for each. */
static const double LANES[1 << CURVE_LANES][CURVE_LANES] = {
    {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 0}, {1, 0, 1, 0},
    {0, 1, 1, 0}, {1, 1, 1, 0}, {0, 0, 0, 1}, {1, 0, 0, 1}, {0, 1, 0, 1}, {1, 1, 0, 1},
    {0, 0, 1, 1}, {1, 0, 1, 1}, {0, 1, 1, 1}, {1, 1, 1, 1}};

/* ---- building
 * ------------------------------------------------------------------------------------------------
 */

typedef struct {
    AssociationRow row;
    int unit;
} Indexed;

static int compare_int64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_points(const AssociationRow *x, const AssociationRow *y)
{
    int order = compare_int64(x->stratum, y->stratum);
    if (order == 0) order = (x->x > y->x) - (x->x < y->x);
    return order != 0 ? order : compare_int64(x->unit, y->unit);
}

static int compare_rows(const void *a, const void *b)
{
    const AssociationRow *x = &((const Indexed *)a)->row, *y = &((const Indexed *)b)->row;
    int order = compare_int64(x->side, y->side);
    if (order == 0) order = compare_int64(x->series, y->series);
    if (order == 0) order = compare_points(x, y);
    return order != 0 ? order : compare_int64(x->right, y->right);
}

static bool is_same_series(const AssociationRow *x, const AssociationRow *y)
{
    return x->side == y->side && x->series == y->series;
}

static bool have_same_points(const Indexed *a, const Indexed *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (compare_points(&a[i].row, &b[i].row) != 0) return false;
    }
    return true;
}

/* n_series lists of n rows each, with the same points. */
static Curve curve_new(const Indexed *rows, int n, int n_series, double mean)
{
    Curve c = {.points = mem_alloc((size_t)n, sizeof *c.points),
               .n = n,
               .n_series = n_series,
               .side = rows[0].row.side};
    for (int i = 0; i < n; i++) {
        const AssociationRow *row = &rows[i].row, *before = &rows[i > 0 ? i - 1 : 0].row;
        bool new_stratum = i == 0 || row->stratum != before->stratum;
        c.points[i] = (Point){.x = row->x - mean,
                              .unit = rows[i].unit,
                              .new_stratum = new_stratum,
                              .new_x = new_stratum || row->x != before->x};
        for (int s = 0; s < n_series; s++)
            c.points[i].right |= (uint8_t)(rows[s * n + i].row.right << s);
    }
    return c;
}

static Indexed *sorted_rows(const AssociationRow *rows, const int *units, int n)
{
    Indexed *sorted = mem_alloc((size_t)n, sizeof *sorted);
    for (int i = 0; i < n; i++) sorted[i] = (Indexed){rows[i], units[i]};
    qsort(sorted, (size_t)n, sizeof *sorted, compare_rows);
    return sorted;
}

/* Rows of the series that begins at `first`. */
static int series_length(const Indexed *rows, int first, int n)
{
    int end = first + 1;
    while (end < n && is_same_series(&rows[end].row, &rows[first].row)) end++;
    return end - first;
}

Curves curves_new(const AssociationRow *rows, const int *units, int n)
{
    Indexed *sorted = sorted_rows(rows, units, n);
    Curves curves = {.items = mem_alloc((size_t)n, sizeof *curves.items)};
    double mean = 0.0;
    for (int i = 0; i < n; i++) mean += sorted[i].row.x / n;
    for (int first = 0; first < n;) {
        int length = series_length(sorted, first, n), n_series = 1;
        for (int next = first + length; next + length <= n; next += length, n_series++) {
            if (n_series == CURVE_LANES || sorted[next].row.side != sorted[first].row.side ||
                series_length(sorted, next, n) != length ||
                !have_same_points(sorted + first, sorted + next, length))
                break;
        }
        curves.items[curves.n++] = curve_new(sorted + first, length, n_series, mean);
        first += length * n_series;
    }
    free(sorted);
    return curves;
}

void curves_done(Curves *curves)
{
    for (int i = 0; i < curves->n; i++) free(curves->items[i].points);
    free(curves->items);
}

/* ---- measuring
 * -----------------------------------------------------------------------------------------------
 */

/* Of a stratum: rows as often as they were drawn, squared ranks, x, x^2; and sums over the right
 * rows of each series. */
typedef struct {
    double n, ranks_sq, x, xx;
    double n_right[CURVE_LANES], ranks_right[CURVE_LANES], x_right[CURVE_LANES];
} Stratum;

/* Of a series, over its strata. */
typedef struct {
    double pairs, concordant;        /* auc */
    double n_correlated, correlated; /* spearman: rows; their strata's correlation times rows */
    double n, xx, x_right;           /* slope: rows; sums of deviations */
    double squares;                  /* of x, to tell rounding from deviations */
} Sums;

static void add_stratum(Sums *sums, const Stratum *s, int lane)
{
    double n_right = s->n_right[lane], ranks_right = s->ranks_right[lane];
    double n_wrong = s->n - n_right, mean_rank = (s->n + 1.0) / 2.0;
    sums->pairs += n_right * n_wrong;
    sums->concordant += ranks_right - n_right * (n_right + 1.0) / 2.0;
    double covariance = ranks_right - n_right * mean_rank;
    double of_ranks = s->ranks_sq - s->n * mean_rank * mean_rank;
    double of_right = n_right * n_wrong / s->n;
    if (of_ranks > ROUNDING * s->ranks_sq && of_right > 0.0) {
        sums->n_correlated += s->n;
        sums->correlated += s->n * covariance / sqrt(of_ranks * of_right);
    }
    sums->n += s->n;
    sums->xx += fmax(s->xx - s->x * s->x / s->n, 0.0);
    sums->x_right += s->x_right[lane] - s->x * n_right / s->n;
    sums->squares += s->xx;
}

static double count_of(const Curve *c, const double *counts, int i)
{
    return counts == NULL ? 1.0 : counts[c->points[i].unit];
}

/* The points [i, end) share x: their rank is the mean of those that they take up. */
static void add_tie(Stratum *s, const Curve *c, const double *counts, int i, int end)
{
    double n = 0.0, x = c->points[i].x;
    for (int k = i; k < end; k++) n += count_of(c, counts, k);
    double rank = s->n + (n + 1.0) / 2.0;
    s->n += n;
    s->ranks_sq += rank * rank * n;
    s->x += x * n;
    s->xx += x * x * n;
    for (int k = i; k < end; k++) {
        double count = count_of(c, counts, k);
        const double *right = LANES[c->points[k].right];
        for (int lane = 0; lane < CURVE_LANES; lane++) {
            double n_right = count * right[lane];
            s->n_right[lane] += n_right;
            s->ranks_right[lane] += rank * n_right;
            s->x_right[lane] += x * n_right;
        }
    }
}

/* sums: one for each series, zeroed. */
static void sum_curve(Sums sums[CURVE_LANES], const Curve *c, const double *counts)
{
    Stratum stratum = {0};
    for (int i = 0, end; i < c->n; i = end) {
        for (end = i + 1; end < c->n && !c->points[end].new_x;) end++;
        add_tie(&stratum, c, counts, i, end);
        if (end < c->n && !c->points[end].new_stratum) continue;
        for (int lane = 0; stratum.n > 0.0 && lane < c->n_series; lane++)
            add_stratum(&sums[lane], &stratum, lane);
        stratum = (Stratum){0};
    }
}

static void set_statistics(double out[N_STATISTICS], const Sums *sums)
{
    bool correlated = sums->n_correlated > 0.0, both = sums->pairs > 0.0;
    bool sloped = both && sums->xx > ROUNDING * sums->squares;
    out[SPEARMAN] = correlated ? sums->correlated / sums->n_correlated : (double)NAN;
    out[AUC] = both ? sums->concordant / sums->pairs : (double)NAN;
    out[SLOPE] = sloped ? sums->x_right / sqrt(sums->xx * sums->n) : (double)NAN;
}

typedef struct {
    double sum, n;
} Mean;

static void add_curve(Mean means[N_STATISTICS], const Curve *c, const double *counts)
{
    Sums sums[CURVE_LANES] = {{0}};
    sum_curve(sums, c, counts);
    for (int i = 0; i < c->n_series; i++) {
        double one[N_STATISTICS];
        set_statistics(one, &sums[i]);
        for (int k = 0; k < N_STATISTICS; k++) {
            if (isnan(one[k])) continue;
            means[k].sum += one[k];
            means[k].n += 1.0;
        }
    }
}

void curves_measure(double out[N_STATISTICS], const Curves *curves, const double *counts)
{
    Mean means[2][N_STATISTICS] = {{{0}}};
    for (int i = 0; i < curves->n; i++)
        add_curve(means[curves->items[i].side], &curves->items[i], counts);
    bool first = curves->items[0].side, last = curves->items[curves->n - 1].side; /* 0 before 1 */
    for (int k = 0; k < N_STATISTICS; k++) {
        double value = means[last][k].sum / means[last][k].n; /* NAN: 0 / 0 */
        out[k] = first == last ? value : value - means[first][k].sum / means[first][k].n;
    }
}
