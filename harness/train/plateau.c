/* As the reference orders it: first the best value, then the count, then the drop. */
#include "plateau.h"

#include <float.h>

void plateau_init(Plateau *p, double lr)
{
    *p = (Plateau){.lr = lr, .best = DBL_MAX};
}

bool plateau_step(Plateau *p, double loss)
{
    if (loss < p->best * (1 - PLATEAU_THRESHOLD)) {
        p->best = loss;
        p->n_bad = 0;
    } else {
        p->n_bad++;
    }
    if (p->n_bad <= PLATEAU_PATIENCE) return false;
    p->n_bad = 0;
    double lower = p->lr * PLATEAU_FACTOR;
    if (p->lr - lower <= PLATEAU_EPS) return false;
    p->lr = lower;
    return true;
}
