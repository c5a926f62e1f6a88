/* A cell of a table as text: see cell_text.h. */
#include "cell_text.h"

#include "str.h"

#include <math.h>

static CellUnit unit_of(const Cell *cell, CellUnit unit)
{
    static const struct {
        const char *name;
        CellUnit unit;
    } UNITS[] = {{"count", {1.0, 0, false}},
                 {"percent", {100.0, 1, false}},
                 {"score", {1.0, 3, false}},
                 {"number", {1.0, 4, true}}};
    for (size_t i = 0; cell != NULL && i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (str_equal(cell->unit, UNITS[i].name)) return UNITS[i].unit;
    }
    return unit;
}

static void add_number(Str *text, const char *before, double value, CellUnit unit)
{
    str_addf(text, unit.significant ? "%s%.*g" : "%s%.*f", before, unit.digits, unit.scale * value);
}

const char *cell_text(Arena *arena, double value, const Cell *cell, CellUnit unit)
{
    if (isnan(value)) return "-";
    CellUnit own = unit_of(cell, unit);
    Str text = {0};
    add_number(&text, "", value, own);
    if (cell != NULL && !isnan(cell->error)) add_number(&text, " +/- ", cell->error, own);
    if (cell != NULL && !isnan(cell->low) && !isnan(cell->high)) {
        add_number(&text, " [", cell->low, own);
        add_number(&text, ", ", cell->high, own);
        str_add(&text, "]");
    }
    if (cell != NULL && cell->n > 0) str_addf(&text, " (%lld)", (long long)cell->n);
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}
