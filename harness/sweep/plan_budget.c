/* Which part of a sweep fits. */
#include "plan_budget.h"

#include "str.h"

#include <string.h>

bool budget_parse(double *seconds, const char *text, Err *err)
{
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t n = strlen(text);
    char number[32];
    double value;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (n < 2 || n > sizeof number || text[n - 1] != units[i].letter) continue;
        memcpy(number, text, n - 1);
        number[n - 1] = '\0';
        if (!str_to_double(number, &value) || value <= 0) break;
        *seconds = value * units[i].seconds;
        return true;
    }
    return err_set(err, ERR_USAGE, "--budget: found \"%s\", expected a time as 30m, 8h or 2d",
                   text);
}

/* The most draws, at least one, that fit with the part's trials and sets; 0: none. */
static int64_t most_draws(BudgetPart part, double seconds, BudgetSeconds *time_of,
                          const void *context)
{
    int64_t low = 0, high = part.draws;
    while (low < high) {
        part.draws = low + (high - low + 1) / 2;
        if (time_of(context, part) <= seconds)
            low = part.draws;
        else
            high = part.draws - 1;
    }
    return low;
}

static bool fit_draws_and_trials(BudgetPart *out, BudgetPart whole, double seconds,
                                 BudgetSeconds *time_of, const void *context)
{
    BudgetPart part = whole;
    for (; part.trials > 0; part.trials--) {
        int64_t draws = most_draws(part, seconds, time_of, context);
        if (draws == 0) continue;
        *out = (BudgetPart){draws, part.trials, part.larger_sets};
        return true;
    }
    return false;
}

bool budget_fit(BudgetPart *out, BudgetPart whole, bool can_drop, double seconds,
                BudgetSeconds *time_of, const void *context)
{
    if (fit_draws_and_trials(out, whole, seconds, time_of, context)) return true;
    if (!can_drop || !whole.larger_sets) return false;
    whole.larger_sets = false;
    return fit_draws_and_trials(out, whole, seconds, time_of, context);
}
