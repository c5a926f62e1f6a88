/* Exponential moving average: average = d * average + (1 - d) * weights, begun as a copy of the
 * weights. Source: Polyak and Juditsky 1992; decay d as method.ema_decay. */
#include "members.h"

static void ema_update(AverageState *s, const Real *weights, int64_t step)
{
    average_mix(s, 0, weights, s->numbers[0] == 0 ? 1 : 1 - s->options.ema_decay);
    if (step >= s->options.start) s->numbers[0]++;
}

const Averaging AVERAGING_EMA = {
    .name = "ema",
    .help = "exponential moving average of the weights from update averaging_start on",
    .source = "Polyak and Juditsky 1992",
    .n_numbers = 1,
    .update = ema_update,
};
