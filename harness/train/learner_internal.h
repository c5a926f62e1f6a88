/* What learner.c and learner_plan.c share. */
#ifndef TRAIN_LEARNER_INTERNAL_H
#define TRAIN_LEARNER_INTERNAL_H

#include "learner.h"
#include "sam.h"

struct Learner {
    LearnerOptions options;
    double *hparams;
    Net *net;
    Tape *tape, *plan; /* plan: of the last plan, so that it does not touch the peak of the other;
                          NULL before the first */
    Optimizer *optimizer;
    Sam *sam; /* NULL: none */
    Average *averages[LEARNER_MAX_AVERAGES];
    int variant;
    Real *raw_values;  /* while another variant is in use */
    double lr;         /* after the warm start */
    double loss;       /* sum over the parts of the update so far */
    bool *frozen;      /* [params_count] whether it never learns */
    Real *own_buffers; /* [params_size] of an average, while it is updated; AVERAGE_BN_OWN only */
};

/* What learns now: the head, or all that ever learns. */
void learner_set_learning(Learner *l, bool head_only);

/* x [n,size,size,channels]; NULL on a tape that only plans. */
Tensor *learner_input(const Learner *l, Tape *t, const float *x, int n);

/* Forward pass and loss of one step on tape t. */
Tensor *learner_loss(Learner *l, Tape *t, const Batch *batch, int64_t step);

/* Whether averages look at the batches to have statistics of their own. */
bool learner_averages_go_forward(const Learner *l);

#endif
