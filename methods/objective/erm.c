/* Empirical risk minimisation: mean cross-entropy over the images of all source domains together.
 * With equal batch sizes that is the mean of the domains' means. Source: DomainBed algorithms.py,
 * ERM.update. */
#include "members.h"

static Tensor *erm_loss(const ObjectiveInput *in)
{
    NnCrossEntropy options = {.label_smoothing = in->label_smoothing};
    return nn_cross_entropy(in->tape, in->logits, in->y, &options);
}

const Objective OBJECTIVE_ERM = {
    .name = "erm",
    .help = "mean cross-entropy over all source images",
    .source = "DomainBed algorithms.py ERM",
    .loss = erm_loss,
};
