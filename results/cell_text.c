/* A cell of a table as text: see cell_text.h. */
#include "cell_text.h"

#include "str.h"

#include <math.h>

static CellUnit unit_of(const Cell *cell, CellUnit unit)
{
    static const struct {
        const char *name;
        CellUnit unit;
    } UNITS[] = {{"count", {1.0, 0}}, {"percent", {100.0, 1}}, {"score", {1.0, 3}}};
    for (size_t i = 0; cell != NULL && i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (str_equal(cell->unit, UNITS[i].name)) return UNITS[i].unit;
    }
    return unit;
}

const char *cell_text(Arena *arena, double value, const Cell *cell, CellUnit unit)
{
    if (isnan(value)) return "-";
    CellUnit own = unit_of(cell, unit);
    Str text = {0};
    str_addf(&text, "%.*f", own.digits, own.scale * value);
    if (cell != NULL && !isnan(cell->error))
        str_addf(&text, " +/- %.*f", own.digits, own.scale * cell->error);
    if (cell != NULL && !isnan(cell->low) && !isnan(cell->high))
        str_addf(&text, " [%.*f, %.*f]", own.digits, own.scale * cell->low, own.digits,
                 own.scale * cell->high);
    if (cell != NULL && cell->n > 0) str_addf(&text, " (%lld)", (long long)cell->n);
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}
