/* Exponential moving average: average = d * average + (1 - d) * weights, begun as a copy of the
 * weights. Source: Polyak and Juditsky 1992; decay d as method.ema_decay. */
#include "members.h"

static double ema_share(const AveragingOptions *options, int64_t n_averaged)
{
    return n_averaged == 0 ? 1.0 : 1.0 - options->ema_decay;
}

const Averaging AVERAGING_EMA = {
    .name = "ema",
    .help = "exponential moving average of the weights from update averaging_start on",
    .source = "Polyak and Juditsky 1992",
    .share = ema_share,
};
