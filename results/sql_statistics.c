/* Statistics as SQL aggregates: see sql_statistics.h. */
#include "sql_statistics.h"

#include "err.h"
#include "mem.h"
#include "sql_aggregate.h"
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an aggregate has seen so far; zeroed by SQLite. */
typedef struct {
    double *x;
    int *groups;
    int n, x_capacity, groups_capacity;
    double own;      /* holm_p */
    bool population; /* standard_error */
} Sample;

static void add_value(Sample *sample, sqlite3_value *value, int group)
{
    if (sqlite3_value_type(value) == SQLITE_NULL) return;
    mem_reserve(sample->x, sample->x_capacity, sample->n + 1);
    mem_reserve(sample->groups, sample->groups_capacity, sample->n + 1);
    sample->x[sample->n] = sqlite3_value_double(value);
    sample->groups[sample->n++] = group;
}

static Sample *sample_of(sqlite3_context *context)
{
    Sample *sample = sqlite3_aggregate_context(context, sizeof *sample);
    check(sample != NULL, "out of memory in a statistic");
    return sample;
}

static void step_plain(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    add_value(sample_of(context), values[0], 0);
}

static void step_grouped(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    add_value(sample_of(context), values[0], sqlite3_value_int(values[1]));
}

static void step_kind(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    Sample *sample = sample_of(context);
    const char *kind = (const char *)sqlite3_value_text(values[1]);
    sample->population = kind != NULL && strcmp(kind, "population") == 0;
    add_value(sample, values[0], 0);
}

static void step_own(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    Sample *sample = sample_of(context);
    sample->own = sqlite3_value_double(values[0]);
    add_value(sample, values[1], 0);
}

static void sample_done(Sample *sample) /* NULL: no rows */
{
    if (sample == NULL) return;
    free(sample->x);
    free(sample->groups);
}

/* Gives the result (NULL where it is not finite) and frees the sample. */
static void finish(sqlite3_context *context, double (*statistic)(const Sample *))
{
    Sample *sample = sqlite3_aggregate_context(context, 0);
    double result = sample != NULL && sample->n > 0 ? statistic(sample) : NAN;
    if (isfinite(result))
        sqlite3_result_double(context, result);
    else
        sqlite3_result_null(context);
    sample_done(sample);
}

static double sign_flip(const Sample *sample)
{
    return stats_sign_flip_p(sample->x, sample->n);
}

static double standard_error(const Sample *sample)
{
    return stats_stderr(sample->x, sample->n, sample->population);
}

static double holm(const Sample *sample)
{
    double adjusted = NAN, *p = mem_alloc((size_t)sample->n, sizeof *p);
    memcpy(p, sample->x, (size_t)sample->n * sizeof *p);
    stats_holm(p, sample->n);
    for (int i = 0; i < sample->n; i++) {
        if (sample->x[i] == sample->own) adjusted = p[i];
    }
    free(p);
    return adjusted;
}

static void final_interval(sqlite3_context *context)
{
    Sample *sample = sqlite3_aggregate_context(context, 0);
    char text[64];
    if (sample == NULL || sample->n == 0) {
        sqlite3_result_null(context);
        sample_done(sample);
        return;
    }
    StatsInterval interval = stats_bootstrap(sample->x, sample->groups, sample->n, 0.95);
    snprintf(text, sizeof text, "[%.17g,%.17g]", interval.low, interval.high);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    sample_done(sample);
}

static void final_sign_flip(sqlite3_context *context)
{
    finish(context, sign_flip);
}

static void final_standard_error(sqlite3_context *context)
{
    finish(context, standard_error);
}

static void final_holm(sqlite3_context *context)
{
    finish(context, holm);
}

void sql_statistics_register(sqlite3 *handle)
{
    static const SqlAggregate AGGREGATES[] = {
        {"bootstrap_interval", 2, step_grouped, final_interval},
        {"sign_flip_p", 1, step_plain, final_sign_flip},
        {"standard_error", 2, step_kind, final_standard_error},
        {"holm_p", 2, step_own, final_holm},
    };
    sql_aggregates_register(handle, AGGREGATES, sizeof AGGREGATES / sizeof AGGREGATES[0]);
}
