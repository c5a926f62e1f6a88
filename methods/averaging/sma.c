/* Simple moving average (MPA in ERM++): the uniform mean of the weights after update `start`,
 * `start`+1, ... Source: Arpit et al. 2022 ("Ensemble of Averages"), eq. 1. With
 * start_twice the first of them counts twice: the erm_plusplus repository (util.py), where the
 * average shares the weights' storage until then and starts with a count of one. */
#include "members.h"

static void sma_update(AverageState *s, const Real *weights, int64_t step)
{
    double n = s->numbers[0];
    if (s->options.start_twice && n > 0) n++;
    average_mix(s, 0, weights, 1 / (n + 1));
    if (step >= s->options.start) s->numbers[0]++;
}

const Averaging AVERAGING_SMA = {
    .name = "sma",
    .help = "uniform mean of the weights from update averaging_start on",
    .source = "Arpit et al. 2022, eq. 1",
    .n_numbers = 1,
    .update = sma_update,
};
