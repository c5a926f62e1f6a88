/* `plan --budget`: the largest part of a sweep that fits into a time and still is a whole protocol:
 * every dataset, method, held-out domain, trial and draw of the part is complete. */
#ifndef SWEEP_PLAN_BUDGET_H
#define SWEEP_PLAN_BUDGET_H

#include "err.h"

#include <stdint.h>

/* "30m", "8h", "1.5h", "2d", "90s": seconds, above 0. */
MUST_USE bool budget_parse(double *seconds, const char *text, Err *err);

/* A part of a sweep: its first draws, its first trials, with or without the sets of more than one
 * held-out domain. */
typedef struct {
    int64_t draws, trials;
    bool larger_sets;
} BudgetPart;

/* Time that a part takes; may not fall when a part grows. */
typedef double BudgetSeconds(const void *context, BudgetPart part);

/* The best part of `whole` within the seconds. Draws are cut first (down to one), then trials (down
 * to one; draws are then as many as fit again), then the larger sets; can_drop says whether these
 * may go. False when not even the smallest part fits. */
bool budget_fit(BudgetPart *out, BudgetPart whole, bool can_drop, double seconds,
                BudgetSeconds *time_of, const void *context);

#endif
