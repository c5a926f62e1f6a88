/* Changes of weights: taken from an adapter, given to one. */
#include "low_rank_adapter.h"

#include "differences.h"
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- from an adapter ---- */

static const Real *values_of(Params *params, int id)
{
    return params_values(params) + params_get(params, id)->offset;
}

static void take_part(LowRankSet *set, const AdapterPart *part, Params *params)
{
    bool has_magnitude = part->magnitude >= 0;
    LowRankChange shape = {.weight = part->weight,
                           .row = part->row,
                           .n_rows = part->n_rows,
                           .rank = part->rank,
                           .alpha = part->alpha};
    LowRankChange *c = low_rank_set_add(set, params, &shape, has_magnitude);
    const Param *a = params_get(params, part->a), *b = params_get(params, part->b);
    memcpy(c->a, values_of(params, part->a), a->size * sizeof *c->a);
    memcpy(c->b, values_of(params, part->b), b->size * sizeof *c->b);
    if (!has_magnitude) return;
    memcpy(c->magnitude, values_of(params, part->magnitude),
           (size_t)part->n_rows * sizeof *c->magnitude);
}

static void take_back(LowRankSet *set, const LowRankChange *initial, const Params *params)
{
    LowRankChange *c = low_rank_set_add(set, params, initial, false);
    size_t rank = (size_t)c->rank, n_rows = (size_t)c->n_rows;
    size_t columns = (size_t)low_rank_columns(params_get(params, c->weight));
    memcpy(c->a, initial->a, rank * columns * sizeof *c->a);
    for (size_t i = 0; i < rank * n_rows; i++) c->b[i] = -initial->b[i];
}

void low_rank_set_take(LowRankSet *set, const Adapter *adapter, Params *params,
                       const LowRankSet *initial)
{
    check(set->n == 0, "%d changes in the set already", set->n);
    set->is_rank_stabilised = adapter_scaling(adapter) == ADAPTER_SCALING_RSLORA;
    for (int i = 0; i < adapter_n_parts(adapter); i++) {
        take_part(set, adapter_part(adapter, i), params);
        if (initial != NULL) take_back(set, &initial->items[i], params);
    }
}

/* ---- into an adapter ---- */

typedef struct {
    const LowRankSet *set;
    const Adapter *adapter;
    Params *params;
    Difference missing, unexpected, other_rank, other_scale, not_diagonal;
    bool *used; /* [set->n] */
} Put;

static bool contains(const LowRankChange *c, const AdapterPart *part)
{
    return c->weight == part->weight && c->row <= part->row &&
           part->row + part->n_rows <= c->row + c->n_rows;
}

/* The change of the part's rows; *first: ranks of the parts of that change before it. */
static int find_change(const Put *p, int part_index, int *first)
{
    const AdapterPart *part = adapter_part(p->adapter, part_index);
    int found = -1;
    for (int i = 0; i < p->set->n && found < 0; i++) {
        if (contains(&p->set->items[i], part)) found = i;
    }
    *first = 0;
    for (int i = 0; found >= 0 && i < part_index; i++) {
        const AdapterPart *before = adapter_part(p->adapter, i);
        if (contains(&p->set->items[found], before)) *first += before->rank;
    }
    return found;
}

static int rank_of_parts(const Put *p, const LowRankChange *c)
{
    int rank = 0;
    for (int i = 0; i < adapter_n_parts(p->adapter); i++) {
        const AdapterPart *part = adapter_part(p->adapter, i);
        if (contains(c, part)) rank += part->rank;
    }
    return rank;
}

static bool is_zero(const Real *values, int n)
{
    for (int i = 0; i < n; i++) {
        if (values[i] != 0) return false;
    }
    return true;
}

/* B's rows of the part hold nothing outside its own columns. */
static bool is_block(const LowRankChange *c, const AdapterPart *part, int first)
{
    for (int o = part->row - c->row; o < part->row - c->row + part->n_rows; o++) {
        const Real *row = c->b + (size_t)o * c->rank;
        int end = first + part->rank;
        if (!is_zero(row, first) || !is_zero(row + end, c->rank - end)) return false;
    }
    return true;
}

/* The rank without what is there only to have the rank of other layers. */
static int rank_in_use(const LowRankChange *c, int columns)
{
    int rank = c->rank;
    for (; rank > 0; rank--) {
        if (!is_zero(c->a + (size_t)(rank - 1) * columns, columns)) break;
    }
    return rank;
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b);
}

/* Compares; false: the part and the change are not the same thing. */
static bool compare_part(Put *p, int part_index, const LowRankChange *c, int first)
{
    const AdapterPart *part = adapter_part(p->adapter, part_index);
    char detail[96];
    int expected = rank_of_parts(p, c);
    int rank = rank_in_use(c, low_rank_columns(params_get(p->params, c->weight)));
    double scale = low_rank_scale(p->set, c);
    if ((part->magnitude >= 0) != (c->magnitude != NULL)) {
        difference_add(c->magnitude != NULL ? &p->unexpected : &p->missing, part->module,
                       ".lora_magnitude_vector");
        return false;
    }
    if (c->rank < expected || rank > expected) {
        snprintf(detail, sizeof detail, " has %d, expected %d", c->rank, expected);
        difference_add(&p->other_rank, part->module, detail);
        return false;
    }
    if (!is_near(scale, part->scale)) {
        snprintf(detail, sizeof detail, " has %g, expected %g", scale, part->scale);
        difference_add(&p->other_scale, part->module, detail);
        return false;
    }
    if (is_block(c, part, first)) return true;
    difference_add(&p->not_diagonal, part->module, "");
    return false;
}

static void copy_part(const Put *p, const AdapterPart *part, const LowRankChange *c, int first)
{
    Real *values = params_values(p->params);
    const Param *a = params_get(p->params, part->a), *b = params_get(p->params, part->b);
    int columns = low_rank_columns(params_get(p->params, c->weight));
    memcpy(values + a->offset, c->a + (size_t)first * columns, a->size * sizeof *values);
    for (int o = 0; o < part->n_rows; o++) {
        const Real *row = c->b + (size_t)(part->row - c->row + o) * c->rank + first;
        memcpy(values + b->offset + (size_t)o * part->rank, row,
               (size_t)part->rank * sizeof *values);
    }
    if (part->magnitude < 0) return;
    memcpy(values + params_get(p->params, part->magnitude)->offset,
           c->magnitude + (part->row - c->row), (size_t)part->n_rows * sizeof *values);
}

/* Whether the rows that no part has are left as they are in W0. */
static bool rests(const Put *p, const LowRankChange *c)
{
    const Param *w = params_get(p->params, c->weight);
    int columns = low_rank_columns(w);
    for (int o = 0; o < c->n_rows; o++) {
        AdapterPart row = {.weight = c->weight, .row = c->row + o, .n_rows = 1};
        bool has_part = false;
        for (int i = 0; i < adapter_n_parts(p->adapter) && !has_part; i++) {
            const AdapterPart *part = adapter_part(p->adapter, i);
            LowRankChange rows = {.weight = part->weight, .row = part->row, .n_rows = part->n_rows};
            has_part = contains(&rows, &row);
        }
        if (has_part) continue;
        if (!is_zero(c->b + (size_t)o * c->rank, c->rank)) return false;
        if (c->magnitude == NULL) continue;
        Real norm;
        low_rank_row_norms(&norm, values_of(p->params, c->weight) + (size_t)row.row * columns, 1,
                           columns);
        if (fabs((double)(c->magnitude[o] - norm)) > 1e-5 * (double)norm) return false;
    }
    return true;
}

static void compare_all(Put *p)
{
    for (int i = 0; i < adapter_n_parts(p->adapter); i++) {
        int first, found = find_change(p, i, &first);
        if (found < 0) {
            difference_add(&p->missing, adapter_part(p->adapter, i)->module, "");
        } else {
            p->used[found] = true;
            (void)compare_part(p, i, &p->set->items[found], first);
        }
    }
    for (int i = 0; i < p->set->n; i++) {
        const LowRankChange *c = &p->set->items[i];
        char detail[64] = "";
        if (p->used[i] ? rests(p, c) : (is_zero(c->b, c->n_rows * c->rank) && rests(p, c)))
            continue;
        if (c->n_rows < params_get(p->params, c->weight)->dims[0] || p->used[i])
            snprintf(detail, sizeof detail, " rows %d to %d", c->row, c->row + c->n_rows - 1);
        difference_add(&p->unexpected, params_get(p->params, c->weight)->name, detail);
    }
}

static bool report(const Put *p, const char *place, Err *err)
{
    Str text = {0};
    difference_text(&p->missing, "without an adapter there", &text);
    difference_text(&p->unexpected, "with one there only", &text);
    difference_text(&p->other_rank, "of another rank", &text);
    difference_text(&p->other_scale, "of another scale (alpha over rank)", &text);
    difference_text(&p->not_diagonal, "that share factors with others", &text);
    bool same = text.n == 0;
    if (!same) {
        err_set(err, ERR_FORMAT, "%s: is not the adapter that the run asks for: %s", place,
                text.text);
    }
    str_done(&text);
    return same;
}

bool low_rank_set_put(const LowRankSet *set, const Adapter *adapter, Params *params,
                      const char *place, Err *err)
{
    Put p = {.set = set, .adapter = adapter, .params = params};
    p.used = mem_alloc((size_t)set->n, sizeof *p.used);
    compare_all(&p);
    bool ok = report(&p, place, err);
    for (int i = 0; ok && i < adapter_n_parts(adapter); i++) {
        int first, found = find_change(&p, i, &first);
        copy_part(&p, adapter_part(adapter, i), &set->items[found], first);
    }
    difference_done(&p.missing);
    difference_done(&p.unexpected);
    difference_done(&p.other_rank);
    difference_done(&p.other_scale);
    difference_done(&p.not_diagonal);
    free(p.used);
    return ok;
}
