/* Rank statistics as SQL aggregates: see sql_association.h. */
#include "sql_association.h"

#include "association.h"
#include "err.h"
#include "mem.h"
#include "sql_aggregate.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>

/* What association and auc have seen so far; zeroed by SQLite. */
typedef struct {
    AssociationRow *rows;
    int n, capacity;
} Rows;

/* What spearman has seen so far. */
typedef struct {
    double *x, *y;
    int n, x_capacity, y_capacity;
} Pairs;

/* Whether a number is missing, or the first one is infinite. */
static bool is_missing(int n, sqlite3_value **values)
{
    for (int i = 0; i < n; i++) {
        if (sqlite3_value_type(values[i]) == SQLITE_NULL) return true;
    }
    return !isfinite(sqlite3_value_double(values[0]));
}

static void *seen(sqlite3_context *context, size_t size)
{
    void *result = sqlite3_aggregate_context(context, (int)size);
    check(result != NULL, "out of memory in a statistic");
    return result;
}

static void give(sqlite3_context *context, double value)
{
    if (isfinite(value))
        sqlite3_result_double(context, value);
    else
        sqlite3_result_null(context);
}

/* ---- spearman
 * ------------------------------------------------------------------------------------------------
 */

static void step_spearman(sqlite3_context *context, int n, sqlite3_value **values)
{
    if (is_missing(n, values)) return;
    Pairs *pairs = seen(context, sizeof *pairs);
    mem_reserve(pairs->x, pairs->x_capacity, pairs->n + 1);
    mem_reserve(pairs->y, pairs->y_capacity, pairs->n + 1);
    pairs->x[pairs->n] = sqlite3_value_double(values[0]);
    pairs->y[pairs->n++] = sqlite3_value_double(values[1]);
}

static void final_spearman(sqlite3_context *context)
{
    Pairs *pairs = sqlite3_aggregate_context(context, 0);
    if (pairs == NULL) return; /* NULL */
    give(context, association_spearman(pairs->x, pairs->y, pairs->n));
    free(pairs->x);
    free(pairs->y);
}

/* ---- auc, association
 * ----------------------------------------------------------------------------------------
 */

static AssociationRow *add_row(sqlite3_context *context, sqlite3_value **values)
{
    Rows *rows = seen(context, sizeof *rows);
    mem_reserve(rows->rows, rows->capacity, rows->n + 1);
    AssociationRow *row = &rows->rows[rows->n++];
    *row = (AssociationRow){.x = sqlite3_value_double(values[0]),
                            .right = sqlite3_value_int(values[1]) != 0,
                            .unit = rows->n};
    return row;
}

static void step_auc(sqlite3_context *context, int n, sqlite3_value **values)
{
    if (!is_missing(n, values)) (void)add_row(context, values);
}

static void step_association(sqlite3_context *context, int n, sqlite3_value **values)
{
    if (is_missing(n, values)) return;
    AssociationRow *row = add_row(context, values);
    row->unit = sqlite3_value_int64(values[2]);
    row->block = sqlite3_value_int64(values[3]);
    row->stratum = sqlite3_value_int64(values[4]);
    row->series = sqlite3_value_int64(values[5]);
    row->side = sqlite3_value_int(values[6]) != 0;
}

static void final_auc(sqlite3_context *context)
{
    Rows *rows = sqlite3_aggregate_context(context, 0);
    if (rows == NULL) return; /* NULL */
    give(context, association_measure(rows->rows, rows->n, 0).auc.value);
    free(rows->rows);
}

static void add_number(Str *out, const char *before, double value)
{
    if (isfinite(value))
        str_addf(out, "%s%.17g", before, value);
    else
        str_addf(out, "%snull", before);
}

static void add_estimate(Str *out, const char *name, Estimate estimate)
{
    str_addf(out, ",\"%s\":", name);
    add_number(out, "[", estimate.value);
    add_number(out, ",", estimate.low);
    add_number(out, ",", estimate.high);
    str_add(out, "]");
}

static void final_association(sqlite3_context *context)
{
    Rows *rows = sqlite3_aggregate_context(context, 0);
    if (rows == NULL) return; /* NULL */
    Association a = association_measure(rows->rows, rows->n, ASSOCIATION_RESAMPLES);
    Str json = {0};
    str_addf(&json, "{\"n\":%d", a.n_units);
    add_estimate(&json, "spearman", a.spearman);
    add_estimate(&json, "auc", a.auc);
    add_estimate(&json, "slope", a.slope);
    str_add(&json, "}");
    sqlite3_result_text(context, str_text(&json), -1, SQLITE_TRANSIENT);
    str_done(&json);
    free(rows->rows);
}

void sql_association_register(sqlite3 *handle)
{
    static const SqlAggregate AGGREGATES[] = {
        {"spearman", 2, step_spearman, final_spearman},
        {"auc", 2, step_auc, final_auc},
        {"association", 7, step_association, final_association},
    };
    sql_aggregates_register(handle, AGGREGATES, sizeof AGGREGATES / sizeof AGGREGATES[0]);
}
