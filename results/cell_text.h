/* A cell of a table as text: "51.2 +/- 0.8 (3)", "0.71 [0.66, 0.78]", "-". Internal to results/. */
#ifndef RESULTS_CELL_TEXT_H
#define RESULTS_CELL_TEXT_H

#include "pivot.h"

typedef struct {
    double scale;     /* what is shown for 1 */
    int digits;       /* after the point */
    bool significant; /* no: so many significant ones */
} CellUnit;

/* value: NAN: missing. cell: NULL for an average, else what stands beside the value and the unit:
 * "count" (no digits), "percent" (times 100, one digit), "score" (three digits), "number" (four
 * significant digits), anything else: as `unit` says. In the arena. */
const char *cell_text(Arena *arena, double value, const Cell *cell, CellUnit unit);

#endif
