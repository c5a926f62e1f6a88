/* Half a cosine from 1 down to the fraction `final`, step by step, which it would reach one update
 * after the last: torch.optim.lr_scheduler.CosineAnnealingLR with T_max = steps. Source: Loshchilov
 * and Hutter 2017, eq. 5, without restarts; CLIPood's schedule with final 0. */
#include "members.h"

#include <math.h>

enum { FINAL };

static const HparamDef hparams[] = {
    {.name = "final",
     .default_value = 0,
     .low = 0,
     .high = 1,
     .help = "fraction of the learning rate at the end",
     .source = "Loshchilov and Hutter 2017, eta_min"},
};

static double cosine_factor(const double *values, int64_t step, int64_t steps)
{
    const double pi = 3.14159265358979323846;
    double wave = (1 + cos(pi * (double)step / (double)steps)) / 2;
    return values[FINAL] + (1 - values[FINAL]) * wave;
}

const Schedule SCHEDULE_COSINE = {
    .name = "cosine",
    .help = "half a cosine from the learning rate down to cosine.final of it",
    .source = "Loshchilov and Hutter 2017, eq. 5",
    .hparams = hparams,
    .n_hparams = 1,
    .factor = cosine_factor,
};
