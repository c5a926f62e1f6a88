/* Changes of weights, and merging them. */
#include "low_rank_set.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>

void low_rank_set_done(LowRankSet *set)
{
    free(set->items);
    arena_free(set->arena);
    *set = (LowRankSet){0};
}

int low_rank_columns(const Param *weight)
{
    return (int)(weight->size / (size_t)weight->dims[0]);
}

LowRankChange *low_rank_set_add(LowRankSet *set, const Params *params, const LowRankChange *shape,
                                bool has_magnitude)
{
    const Param *w = params_get(params, shape->weight);
    check(shape->row >= 0 && shape->row + shape->n_rows <= w->dims[0] && shape->rank > 0,
          "%s: rows %d+%d, rank %d", w->name, shape->row, shape->n_rows, shape->rank);
    if (set->arena == NULL) set->arena = arena_new();
    mem_reserve(set->items, set->capacity, set->n + 1);
    LowRankChange *c = &set->items[set->n++];
    *c = *shape;
    size_t rank = (size_t)shape->rank, n_rows = (size_t)shape->n_rows;
    c->a = arena_alloc(set->arena, rank * (size_t)low_rank_columns(w), sizeof *c->a);
    c->b = arena_alloc(set->arena, rank * n_rows, sizeof *c->b);
    c->magnitude = has_magnitude ? arena_alloc(set->arena, n_rows, sizeof *c->magnitude) : NULL;
    return c;
}

double low_rank_scale(const LowRankSet *set, const LowRankChange *c)
{
    return c->alpha / (set->is_rank_stabilised ? sqrt(c->rank) : (double)c->rank);
}

void low_rank_row_norms(Real *out, const Real *rows, int n_rows, int columns)
{
    for (int o = 0; o < n_rows; o++) {
        const Real *row = rows + (size_t)o * columns;
        double sum = 0;
        for (int i = 0; i < columns; i++) sum += (double)row[i] * (double)row[i];
        out[o] = (Real)sqrt(sum);
    }
}

/* ---- merging ---- */

/* row += factor * B's row * A */
static void add_row(double *row, const LowRankChange *c, const Real *b, double scale, int columns)
{
    for (int k = 0; k < c->rank; k++) {
        double factor = scale * (double)b[k];
        const Real *a = c->a + (size_t)k * columns;
        for (int i = 0; factor != 0 && i < columns; i++) row[i] += factor * (double)a[i];
    }
}

static void scale_to(double *row, double length, int columns)
{
    double sum = 0;
    for (int i = 0; i < columns; i++) sum += row[i] * row[i];
    for (int i = 0; sum > 0 && i < columns; i++) row[i] *= length / sqrt(sum);
}

/* Row `row` of a weight with all n changes that it gets. */
static void merge_row(const LowRankSet *set, const LowRankChange *changes, int n, int row,
                      double *values, int columns)
{
    const Real *magnitude = NULL;
    for (int i = 0; i < n; i++) {
        const LowRankChange *c = &changes[i];
        int o = row - c->row;
        if (o < 0 || o >= c->n_rows) continue;
        add_row(values, c, c->b + (size_t)o * c->rank, low_rank_scale(set, c), columns);
        if (c->magnitude != NULL) magnitude = &c->magnitude[o];
    }
    if (magnitude != NULL) scale_to(values, (double)*magnitude, columns);
}

static void merge_weight(const LowRankSet *set, const LowRankChange *changes, int n, Params *params)
{
    const Param *w = params_get(params, changes[0].weight);
    int columns = low_rank_columns(w);
    double *row = mem_alloc((size_t)columns, sizeof *row);
    for (int o = 0; o < w->dims[0]; o++) {
        Real *values = params_values(params) + w->offset + (size_t)o * columns;
        for (int i = 0; i < columns; i++) row[i] = (double)values[i];
        merge_row(set, changes, n, o, row, columns);
        for (int i = 0; i < columns; i++) values[i] = (Real)row[i];
    }
    free(row);
}

void low_rank_set_merge(const LowRankSet *set, Params *params)
{
    for (int first = 0, n; first < set->n; first += n) {
        for (n = 1; first + n < set->n; n++) {
            if (set->items[first + n].weight != set->items[first].weight) break;
        }
        merge_weight(set, set->items + first, n, params);
    }
}
