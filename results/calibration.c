/* Forecasts from scores: see calibration.h. */
#include "calibration.h"

#include "err.h"
#include "isotonic.h"
#include "mem.h"
#include "rng.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>

/* All images of the sources together, by ascending score, as isotonic_fit takes them. */
typedef struct {
    double *x, *y, *w;
    int *place; /* [n]: image i of all is here; images of source s are place[first[s]] and on */
    int *first; /* [n_sources + 1] */
    int n;
} Pool;

typedef struct {
    const CalibrationDomain *sources;
    int n_sources;
    const CalibrationDomain *target;
    Pool pool;
    Isotonic fit;
    RngStream draws;
    uint32_t *words; /* scratch: one for each image of the largest domain */
    int *counts;     /* scratch of the same size */
} Work;

double calibration_accuracy(const CalibrationDomain *domain)
{
    double right = 0, total = 0;
    for (int i = 0; i < domain->n; i++) {
        right += domain->images[i].weight * domain->images[i].correct;
        total += domain->images[i].weight;
    }
    return right / total;
}

/* ---- images of all sources in one order ------------------------------------------------------ */

typedef struct {
    double score, correct;
    int image; /* of all */
} Entry;

static int compare_entries(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    int by_score = (x->score > y->score) - (x->score < y->score);
    return by_score != 0 ? by_score : (x->image > y->image) - (x->image < y->image);
}

static Pool pool_new(const CalibrationDomain *sources, int n_sources)
{
    Pool p = {.first = mem_alloc((size_t)n_sources + 1, sizeof *p.first)};
    for (int s = 0; s < n_sources; s++) p.first[s + 1] = p.first[s] + sources[s].n;
    p.n = p.first[n_sources];
    size_t n = (size_t)p.n;
    Entry *entries = mem_alloc(n, sizeof *entries);
    for (int s = 0; s < n_sources; s++) {
        for (int i = 0; i < sources[s].n; i++)
            entries[p.first[s] + i] =
                (Entry){sources[s].images[i].score, sources[s].images[i].correct, p.first[s] + i};
    }
    qsort(entries, n, sizeof *entries, compare_entries);
    p.x = mem_alloc(n, sizeof *p.x);
    p.y = mem_alloc(n, sizeof *p.y);
    p.w = mem_alloc(n, sizeof *p.w);
    p.place = mem_alloc(n, sizeof *p.place);
    for (int i = 0; i < p.n; i++) {
        p.x[i] = entries[i].score;
        p.y[i] = entries[i].correct;
        p.place[entries[i].image] = i;
    }
    free(entries);
    return p;
}

static void pool_done(Pool *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
    free(p->place);
    free(p->first);
}

/* One source's images get weights that sum to 1; counts (NULL: 1 each): how often each is drawn. */
static void add_weights(Work *work, int s, const int *counts)
{
    const CalibrationDomain *source = &work->sources[s];
    double total = 0;
    for (int i = 0; i < source->n; i++)
        total += source->images[i].weight * (counts != NULL ? counts[i] : 1);
    for (int i = 0; i < source->n; i++) {
        double w = source->images[i].weight * (counts != NULL ? counts[i] : 1) / total;
        work->pool.w[work->pool.place[work->pool.first[s] + i]] += w;
    }
}

static void clear_weights(Work *work)
{
    for (int i = 0; i < work->pool.n; i++) work->pool.w[i] = 0;
}

/* Mean over a domain of what the fit says, with the weights that are there now. */
static double predict(Work *work, const CalibrationDomain *domain, const int *counts)
{
    double total = 0, weights = 0;
    isotonic_fit(&work->fit, work->pool.x, work->pool.y, work->pool.w, work->pool.n);
    for (int i = 0; i < domain->n; i++) {
        double w = domain->images[i].weight * (counts != NULL ? counts[i] : 1);
        if (w > 0) total += w * isotonic_at(&work->fit, domain->images[i].score);
        weights += w;
    }
    return total / weights;
}

/* The fit on all sources but `without` (-1: on all), asked about a domain. */
static double predict_without(Work *work, int without, const CalibrationDomain *domain)
{
    clear_weights(work);
    for (int s = 0; s < work->n_sources; s++) {
        if (s != without) add_weights(work, s, NULL);
    }
    return predict(work, domain, NULL);
}

/* ---- intervals ------------------------------------------------------------------------------- */

/* Root mean square of the errors when each source is predicted from the others. */
static double error_of_sources(Work *work)
{
    double squares = 0;
    for (int s = 0; s < work->n_sources; s++) {
        const CalibrationDomain *source = &work->sources[s];
        double error = predict_without(work, s, source) - calibration_accuracy(source);
        squares += error * error;
    }
    return sqrt(squares / work->n_sources);
}

/* How often each of n images is drawn in n draws with replacement. */
static const int *draw_images(Work *work, int n, RngStream stream, uint64_t step)
{
    rng_fill_u32(work->words, stream, step, 0, (size_t)n);
    for (int i = 0; i < n; i++) work->counts[i] = 0;
    for (int i = 0; i < n; i++)
        work->counts[(int)(((uint64_t)work->words[i] * (uint64_t)n) >> 32)]++;
    return work->counts;
}

static double resample(Work *work, uint64_t step)
{
    clear_weights(work);
    for (int i = 0; i < work->n_sources; i++) {
        int s = rng_below(work->draws, step, (uint64_t)i, work->n_sources);
        RngStream own = rng_sub(work->draws, (uint64_t)i + 1);
        add_weights(work, s, draw_images(work, work->sources[s].n, own, step));
    }
    RngStream own = rng_sub(work->draws, 0);
    return predict(work, work->target, draw_images(work, work->target->n, own, step));
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bootstrap(Work *work, double *low, double *high)
{
    double *means = mem_alloc(CALIBRATION_RESAMPLES, sizeof *means);
    for (int i = 0; i < CALIBRATION_RESAMPLES; i++) means[i] = resample(work, (uint64_t)i);
    qsort(means, CALIBRATION_RESAMPLES, sizeof *means, compare_numbers);
    *low = stats_quantile(means, CALIBRATION_RESAMPLES, 0.025);
    *high = stats_quantile(means, CALIBRATION_RESAMPLES, 0.975);
    free(means);
}

static int largest(const CalibrationDomain *sources, int n_sources, const CalibrationDomain *target)
{
    int n = target->n;
    for (int s = 0; s < n_sources; s++) n = sources[s].n > n ? sources[s].n : n;
    return n;
}

Calibrated calibration_predict(const CalibrationDomain *sources, int n_sources,
                               const CalibrationDomain *target, unsigned long seed)
{
    check(n_sources >= 1 && target->n >= 1, "%d sources, %d images", n_sources, target->n);
    size_t most = (size_t)largest(sources, n_sources, target);
    Work work = {.sources = sources,
                 .n_sources = n_sources,
                 .target = target,
                 .pool = pool_new(sources, n_sources),
                 .draws = rng_stream(seed, "forecast"),
                 .words = mem_alloc(most + 3, sizeof *work.words),
                 .counts = mem_alloc(most, sizeof *work.counts)};
    Calibrated c = {.predicted = predict_without(&work, -1, target), .low = NAN, .high = NAN};
    for (int s = 0; s < n_sources; s++)
        c.source_accuracy += calibration_accuracy(&sources[s]) / n_sources;
    if (n_sources > 1) {
        double half = stats_t_quantile(n_sources) * error_of_sources(&work);
        c.low = fmax(c.predicted - half, 0);
        c.high = fmin(c.predicted + half, 1);
    }
    bootstrap(&work, &c.fit_low, &c.fit_high);
    isotonic_done(&work.fit);
    pool_done(&work.pool);
    free(work.words);
    free(work.counts);
    return c;
}
