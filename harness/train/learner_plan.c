/* What learning and predicting cost, by walking the same code without computing. */
#include "learner_internal.h"
#include "mem.h"

#include <stdlib.h>

/* A tape that has held nothing yet: its peak is that of this plan. */
static void plan_begin(Learner *l, unsigned mode)
{
    tape_free(l->plan);
    l->plan = tape_new(&(TapeOptions){.threads = l->options.threads});
    tape_begin(l->plan, mode | TAPE_PLAN, 0);
}

static TapeCost plan_update(Learner *l, int n_images, int n_sources, bool head_only)
{
    int *y = mem_alloc((size_t)n_images, sizeof *y);
    int *offsets = mem_alloc((size_t)n_sources + 1, sizeof *offsets);
    for (int s = 0; s <= n_sources; s++) offsets[s] = n_images / n_sources * s;
    offsets[n_sources] = n_images;
    Batch batch = {.n = n_images, .n_sources = n_sources, .offsets = offsets, .y = y};
    learner_set_learning(l, head_only);
    plan_begin(l, TAPE_TRAINING | TAPE_GRADIENTS);
    tape_backward(l->plan, learner_loss(l, l->plan, &batch, 0));
    free(offsets);
    free(y);
    TapeCost cost = tape_cost(l->plan);
    double passes = l->sam != NULL ? 2 : learner_parts(l);
    cost.forward_flops *= passes;
    cost.backward_flops *= passes;
    return cost;
}

TapeCost learner_plan_update(Learner *l, int n_images, int n_sources)
{
    return plan_update(l, n_images, n_sources, false);
}

TapeCost learner_plan_predict(Learner *l, int n_images)
{
    plan_begin(l, 0);
    (void)net_classify(l->net, l->plan,
                       net_features(l->net, l->plan, learner_input(l, l->plan, NULL, n_images)));
    return tape_cost(l->plan);
}

double learner_plan_flops(Learner *l, int n_images, int n_sources, int64_t n_updates)
{
    const WarmStart *warm = &l->options.warm_start;
    int64_t n_warm = n_updates < warm->updates ? n_updates : warm->updates;
    TapeCost head = plan_update(l, n_images, n_sources, !warm->accumulate);
    TapeCost full = plan_update(l, n_images, n_sources, false);
    double flops = (double)n_warm * (head.forward_flops + head.backward_flops) +
                   (double)(n_updates - n_warm) * (full.forward_flops + full.backward_flops);
    int64_t n_averaging = n_updates - l->options.averaging.start - 1;
    int n_forward = 0;
    for (int i = 0; i < l->options.n_averagings; i++)
        n_forward += !l->options.averagings[i]->at_the_end;
    if (learner_averages_go_forward(l) && n_averaging > 0)
        flops +=
            (double)(n_averaging * n_forward) * learner_plan_predict(l, n_images).forward_flops;
    return flops;
}

/* Gradients of what never learns are never touched. */
static size_t gradients_size(const Learner *l, const Params *params)
{
    size_t n = 0;
    for (int i = 0; i < params_count(params); i++)
        n += l->frozen[i] ? 0 : params_get(params, i)->size;
    return n;
}

size_t learner_state_bytes(const Learner *l)
{
    size_t slots = (size_t)optim_slots(l->optimizer) * optim_slot_size(l->optimizer);
    int arrays = 1 + (l->sam != NULL);
    for (int i = 0; i < l->options.n_averagings; i++) arrays += average_n_arrays(l->averages[i]);
    const Params *params = net_params(l->net);
    return ((size_t)arrays * params_size(params) + slots + gradients_size(l, params)) *
           sizeof(Real);
}

size_t learner_peak_bytes(const Learner *l)
{
    return learner_state_bytes(l) + tape_cost(l->tape).peak_bytes;
}
