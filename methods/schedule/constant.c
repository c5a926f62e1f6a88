/* The learning rate stays: what DomainBed's methods, SWAD and ERM++ begin with. */
#include "members.h"

static double constant_factor(const double *hparams, int64_t step, int64_t steps)
{
    (void)hparams;
    (void)step;
    (void)steps;
    return 1;
}

const Schedule SCHEDULE_CONSTANT = {
    .name = "constant",
    .help = "the learning rate stays as it is",
    .source = "DomainBed",
    .factor = constant_factor,
};
