/* Beta moving average: a mean of all weights of the trajectory, the initial ones (t = 0) included,
 * each with the density of Beta(b, b) at (t + .5) / (T + 1), T being the planned updates. With
 * b = .5 both ends weigh most: what was pretrained, and what was learned last.
 * Source: Shu et al. 2023 (CLIPood), section 3.3; code main.py:53-67, engine.py. The density's
 * constant factor cancels. */
#include "members.h"

#include <math.h>

enum { BETA };                         /* hyper-parameters */
enum { COUNT, WEIGHT_SUM, N_NUMBERS }; /* numbers */

static const HparamDef hparams[] = {
    {.name = "beta",
     .default_value = 0.5,
     .low = 0.01,
     .high = 100,
     .help = "both parameters of the Beta density",
     .source = "Shu et al. 2023, b = .5"},
};

static double density(const AverageState *s, int64_t t)
{
    double x = ((double)t + 0.5) / ((double)s->options.steps + 1);
    return pow(x * (1 - x), s->options.hparams[BETA] - 1);
}

static void bma_begin(AverageState *s)
{
    s->numbers[COUNT] = 1;
    s->numbers[WEIGHT_SUM] = density(s, 0);
}

/* A run has no updates beyond the planned ones. */
static void bma_update(AverageState *s, const Real *weights, int64_t step)
{
    double weight = density(s, step + 1);
    s->numbers[COUNT]++;
    s->numbers[WEIGHT_SUM] += weight;
    average_mix(s, 0, weights, weight / s->numbers[WEIGHT_SUM]);
}

const Averaging AVERAGING_BMA = {
    .name = "bma",
    .help = "mean over the whole run, initial weights included, weighted by a Beta density",
    .source = "Shu et al. 2023 (CLIPood), section 3.3",
    .hparams = hparams,
    .n_hparams = 1,
    .n_numbers = N_NUMBERS,
    .begin = bma_begin,
    .update = bma_update,
};
