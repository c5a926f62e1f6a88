/* Statistics of a few numbers: see stats.h. */
#include "stats.h"

#include "err.h"
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1 };

double stats_mean(const double *x, int n)
{
    check(n >= 1, "mean of %d numbers", n);
    double sum = 0.0;
    for (int i = 0; i < n; i++) sum += x[i];
    return sum / n;
}

double stats_stderr(const double *x, int n, bool population)
{
    double mean = stats_mean(x, n), squares = 0.0;
    for (int i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    if (!population && n == 1) return NAN;
    return sqrt(squares / (population ? n : n - 1)) / sqrt(n);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, int n, double q)
{
    check(n >= 1 && q >= 0.0 && q <= 1.0, "quantile %g of %d numbers", q, n);
    double at = q * (n - 1);
    int below = (int)floor(at);
    if (below >= n - 1) return sorted[n - 1];
    return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

double stats_t_quantile(int degrees)
{
    static const double FEW[] = {12.70620, 4.30265, 3.18245, 2.77645, 2.57058,
                                 2.44691,  2.36462, 2.30600, 2.26216, 2.22814};
    check(degrees >= 1, "%d degrees of freedom", degrees);
    if (degrees <= 10) return FEW[degrees - 1];
    const double x = 1.959964, d = degrees; /* Abramowitz and Stegun 26.7.5 */
    return x + (pow(x, 3) + x) / (4 * d) + (5 * pow(x, 5) + 16 * pow(x, 3) + 3 * x) / (96 * d * d) +
           (3 * pow(x, 7) + 19 * pow(x, 5) + 17 * pow(x, 3) - 15 * x) / (384 * d * d * d);
}

/* ---- bootstrap
 * -----------------------------------------------------------------------------------------------
 */

/* The values sorted by group: group g is values[starts[g]] .. values[starts[g + 1] - 1]. */
typedef struct {
    double *values;
    int *starts;
    int n_groups, n;
} Groups;

typedef struct {
    int group;
    double value;
} Member;

static int compare_members(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    int by_group = (x->group > y->group) - (x->group < y->group);
    return by_group != 0 ? by_group : (x->value > y->value) - (x->value < y->value);
}

/* Sorted inside the groups too, so that the order of the values does not matter. */
static Groups groups_new(const double *x, const int *groups, int n)
{
    Member *members = mem_alloc((size_t)n, sizeof *members);
    for (int i = 0; i < n; i++) members[i] = (Member){groups[i], x[i]};
    qsort(members, (size_t)n, sizeof *members, compare_members);
    Groups g = {.values = mem_alloc((size_t)n, sizeof *g.values),
                .starts = mem_alloc((size_t)n + 1, sizeof *g.starts),
                .n = n};
    for (int i = 0; i < n; i++) {
        if (i == 0 || members[i].group != members[i - 1].group) g.starts[g.n_groups++] = i;
        g.values[i] = members[i].value;
    }
    g.starts[g.n_groups] = n;
    free(members);
    return g;
}

/* 0..n-1 from 32 random bits (Lemire 2019; the bias, n / 2^32, is far below what is drawn). */
static int below(uint32_t word, int n)
{
    return (int)(((uint64_t)word * (uint64_t)n) >> 32);
}

/* One resample; words: one for each draw of a group and of a value, at most n_groups + n_groups *
 * the largest group. */
static double resample(const Groups *g, const uint32_t *words)
{
    double sum = 0.0;
    for (int i = 0; i < g->n_groups; i++) {
        int group = below(*words++, g->n_groups), first = g->starts[group];
        int size = g->starts[group + 1] - first;
        double inside = 0.0;
        for (int k = 0; k < size; k++) inside += g->values[first + below(*words++, size)];
        sum += inside / size;
    }
    return sum / g->n_groups;
}

StatsInterval stats_bootstrap(const double *x, const int *groups, int n, double level)
{
    check(n >= 1 && level > 0.0 && level < 1.0, "%d values, level %g", n, level);
    Groups g = groups_new(x, groups, n);
    int largest = 0;
    for (int i = 0; i < g.n_groups; i++) {
        if (g.starts[i + 1] - g.starts[i] > largest) largest = g.starts[i + 1] - g.starts[i];
    }
    size_t n_words = (size_t)g.n_groups * ((size_t)largest + 1);
    uint32_t *words = mem_alloc(n_words, sizeof *words);
    double *means = mem_alloc(STATS_RESAMPLES, sizeof *means);
    RngStream stream = rng_stream(SEED, "bootstrap");
    for (int i = 0; i < STATS_RESAMPLES; i++) {
        rng_fill_u32(words, stream, (uint64_t)i, 0, n_words);
        means[i] = resample(&g, words);
    }
    qsort(means, STATS_RESAMPLES, sizeof *means, compare_numbers);
    StatsInterval interval = {stats_quantile(means, STATS_RESAMPLES, (1.0 - level) / 2.0),
                              stats_quantile(means, STATS_RESAMPLES, (1.0 + level) / 2.0)};
    free(means);
    free(words);
    free(g.values);
    free(g.starts);
    return interval;
}

/* ---- paired permutation test
 * -----------------------------------------------------------------------------------------------
 */

/* Sums of x[0..n) under all 2^n sign patterns. */
static double *signed_sums(const double *x, int n)
{
    double *sums = mem_alloc((size_t)1 << n, sizeof *sums);
    for (int i = 0; i < n; i++) {
        size_t half = (size_t)1 << i;
        for (size_t k = 0; k < half; k++) {
            sums[half + k] = sums[k] - x[i];
            sums[k] += x[i];
        }
    }
    return sums;
}

/* Every pattern is a pattern of the first half and one of the second. */
static double exact_p(const double *x, int n, double threshold)
{
    int n_low = n / 2, n_high = n - n / 2;
    double *low = signed_sums(x, n_low), *high = signed_sums(x + n_low, n_high);
    size_t hits = 0;
    for (size_t i = 0; i < (size_t)1 << n_low; i++) {
        for (size_t k = 0; k < (size_t)1 << n_high; k++)
            hits += fabs(low[i] + high[k]) >= threshold;
    }
    free(low);
    free(high);
    return (double)hits / (double)((size_t)1 << n);
}

static double sampled_p(const double *x, int n, double threshold)
{
    RngStream stream = rng_stream(SEED, "sign-flip");
    size_t n_words = ((size_t)n + 31) / 32;
    uint32_t *words = mem_alloc(n_words, sizeof *words);
    int hits = 0;
    for (int i = 0; i < STATS_SIGN_SAMPLES; i++) {
        double sum = 0.0;
        rng_fill_u32(words, stream, (uint64_t)i, 0, n_words);
        for (int k = 0; k < n; k++) sum += (words[k / 32] >> (k % 32) & 1) != 0 ? x[k] : -x[k];
        hits += fabs(sum) >= threshold;
    }
    free(words);
    return (hits + 1.0) / (STATS_SIGN_SAMPLES + 1.0);
}

double stats_sign_flip_p(const double *differences, int n)
{
    check(n >= 1, "paired test of %d differences", n);
    double sum = 0.0, size = 0.0;
    for (int i = 0; i < n; i++) {
        sum += differences[i];
        size += fabs(differences[i]);
    }
    double threshold = fabs(sum) - 1e-12 * size; /* equal sums, rounded differently, are equal */
    return n <= STATS_EXACT_SIGNS ? exact_p(differences, n, threshold)
                                  : sampled_p(differences, n, threshold);
}

/* ---- many tests
 * -----------------------------------------------------------------------------------------------
 */

void stats_holm(double *p, int n)
{
    double *sorted = mem_alloc((size_t)n, sizeof *sorted);
    double *adjusted = mem_alloc((size_t)n, sizeof *adjusted);
    memcpy(sorted, p, (size_t)n * sizeof *p);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
    double largest = 0.0;
    for (int k = 0; k < n;
         k++) { /* the k-th smallest counts n - k times, and no less than before */
        largest = fmax(largest, fmin(1.0, sorted[k] * (n - k)));
        adjusted[k] = largest;
    }
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (sorted[k] != p[i]) k++;
        p[i] = adjusted[k];
    }
    free(sorted);
    free(adjusted);
}
