/* Simple moving average (MPA in ERM++): the uniform mean of the weights after update `start`,
 * `start`+1, ... Source: Arpit et al. 2022 ("Ensemble of Averages"), eq. 1. */
#include "members.h"

static double sma_share(const AveragingOptions *options, int64_t n_averaged)
{
    (void)options;
    return 1.0 / (double)(n_averaged + 1);
}

const Averaging AVERAGING_SMA = {
    .name = "sma",
    .help = "uniform mean of the weights from update averaging_start on",
    .source = "Arpit et al. 2022, eq. 1",
    .share = sma_share,
};
