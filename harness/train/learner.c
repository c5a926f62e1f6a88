/* One trajectory: the network and everything that moves with it. */
#include "learner.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Learner {
    LearnerOptions options;
    double *hparams;
    Net *net;
    Tape *tape, *plan; /* plan: only ever walks in plan mode, so that it does not touch the peak of
                          the other */
    Optimizer *optimizer;
    Average *averages[LEARNER_MAX_AVERAGES];
    int variant;
    Real *raw_values; /* while another variant is in use */
};

static void freeze_backbone(Params *params)
{
    for (int i = 0; i < params_count(params); i++) {
        if (!(params_get(params, i)->flags & PARAM_HEAD)) params_freeze(params, i, true);
    }
}

MUST_USE static bool make_net(Learner *l, Err *err)
{
    const LearnerOptions *o = &l->options;
    if (!net_new(&l->net, &o->net, err)) return false;
    if (o->init_path != NULL && o->init_path[0] != '\0' && !net_load(l->net, o->init_path, err))
        return false;
    net_freeze_batch_norm(l->net, o->freeze_batch_norm);
    if (o->head_only) freeze_backbone(net_params(l->net));
    return true;
}

bool learner_new(Learner **out, const LearnerOptions *options, Err *err)
{
    check(options->n_averagings <= LEARNER_MAX_AVERAGES, "%d averages", options->n_averagings);
    Learner *l = mem_alloc(1, sizeof *l);
    l->options = *options;
    if (!make_net(l, err)) {
        learner_free(l);
        return false;
    }
    int n_hparams = options->objective->n_hparams;
    l->hparams = mem_alloc((size_t)n_hparams, sizeof *l->hparams);
    if (n_hparams > 0)
        memcpy(l->hparams, options->objective_hparams, (size_t)n_hparams * sizeof *l->hparams);
    TapeOptions tape = {.threads = options->threads, .seed = options->seed};
    l->tape = tape_new(&tape);
    l->plan = tape_new(&tape);
    l->optimizer = optim_new(&options->optim, net_params(l->net));
    for (int i = 0; i < options->n_averagings; i++) {
        AveragingOptions averaging = options->averaging;
        averaging.hparams = options->averaging_hparams[i];
        l->averages[i] = average_new(options->averagings[i], &averaging, net_params(l->net));
    }
    *out = l;
    return true;
}

void learner_free(Learner *l)
{
    if (l == NULL) return;
    if (l->variant != 0) learner_use_variant(l, 0);
    for (int i = 0; i < l->options.n_averagings; i++) average_free(l->averages[i]);
    optim_free(l->optimizer);
    tape_free(l->plan);
    tape_free(l->tape);
    net_free(l->net);
    free(l->hparams);
    free(l);
}

/* ---- update ---- */

static Tensor *input_tensor(const Learner *l, Tape *t, const float *x, int n)
{
    const NetOptions *net = &l->options.net;
    return tape_input(t, x, 4, (int[]){n, net->size, net->size, net->channels});
}

/* Forward pass and loss of one step on tape t. */
static Tensor *step_loss(Learner *l, Tape *t, const Batch *batch, int64_t step)
{
    Tensor *features = net_features(l->net, t, input_tensor(l, t, batch->x, batch->n));
    ObjectiveInput in = {
        .tape = t,
        .features = features,
        .logits = net_classify(l->net, t, features),
        .y = batch->y,
        .n_sources = batch->n_sources,
        .offsets = batch->offsets,
        .step = step,
        .label_smoothing = l->options.label_smoothing,
        .hparams = l->hparams,
    };
    return l->options.objective->loss(&in);
}

LearnerStep learner_update(Learner *l, const Batch *batch, int64_t step)
{
    check(l->variant == 0, "update with variant \"%s\" in use",
          learner_variant_name(l, l->variant));
    Params *params = net_params(l->net);
    tape_begin(l->tape, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)step);
    params_zero_gradients(params);
    Tensor *loss = step_loss(l, l->tape, batch, step);
    LearnerStep result = {(double)loss->v[0], isfinite(loss->v[0])};
    if (!result.finite) return result;
    tape_backward(l->tape, loss);
    optim_step(l->optimizer, params, l->options.threads);
    for (int i = 0; i < l->options.n_averagings; i++) {
        average_update(l->averages[i], params, step, l->options.threads);
    }
    return result;
}

void learner_checkpoint(Learner *l, const AverageCheckpoint *checkpoint)
{
    for (int i = 0; i < l->options.n_averagings; i++) {
        average_checkpoint(l->averages[i], checkpoint, l->options.threads);
    }
}

void learner_predict(Learner *l, const float *x, int n, float *logits)
{
    tape_begin(l->tape, 0, 0);
    Tensor *z = net_classify(l->net, l->tape,
                             net_features(l->net, l->tape, input_tensor(l, l->tape, x, n)));
    memcpy(logits, z->v, tensor_size(z) * sizeof *logits);
}

/* ---- weight variants ---- */

int learner_n_variants(const Learner *l)
{
    return 1 + l->options.n_averagings;
}

const char *learner_variant_name(const Learner *l, int variant)
{
    check(variant >= 0 && variant < learner_n_variants(l), "variant %d of %d", variant,
          learner_n_variants(l));
    return variant == 0 ? "raw" : average_name(l->averages[variant - 1]);
}

bool learner_variant_is_ready(const Learner *l, int variant)
{
    check(variant >= 0 && variant < learner_n_variants(l), "variant %d of %d", variant,
          learner_n_variants(l));
    return variant == 0 || average_is_ready(l->averages[variant - 1]);
}

void learner_use_variant(Learner *l, int variant)
{
    check(variant >= 0 && variant < learner_n_variants(l), "variant %d of %d", variant,
          learner_n_variants(l));
    Params *params = net_params(l->net);
    if (l->variant != 0) (void)params_swap_values(params, l->raw_values);
    if (variant != 0)
        l->raw_values = params_swap_values(params, average_values(l->averages[variant - 1]));
    l->variant = variant;
}

/* ---- cost ---- */

TapeCost learner_plan_update(Learner *l, int n_images, int n_sources)
{
    int *y = mem_alloc((size_t)n_images, sizeof *y);
    int *offsets = mem_alloc((size_t)n_sources + 1, sizeof *offsets);
    for (int s = 0; s <= n_sources; s++) offsets[s] = n_images / n_sources * s;
    offsets[n_sources] = n_images;
    Batch batch = {.n = n_images, .n_sources = n_sources, .offsets = offsets, .y = y};
    tape_begin(l->plan, TAPE_TRAINING | TAPE_GRADIENTS | TAPE_PLAN, 0);
    tape_backward(l->plan, step_loss(l, l->plan, &batch, 0));
    free(offsets);
    free(y);
    return tape_cost(l->plan);
}

TapeCost learner_plan_predict(Learner *l, int n_images)
{
    tape_begin(l->plan, TAPE_PLAN, 0);
    (void)net_classify(l->net, l->plan,
                       net_features(l->net, l->plan, input_tensor(l, l->plan, NULL, n_images)));
    return tape_cost(l->plan);
}

size_t learner_state_bytes(const Learner *l)
{
    int arrays = 2 + optim_slots(l->optimizer);
    for (int i = 0; i < l->options.n_averagings; i++) arrays += average_n_arrays(l->averages[i]);
    return (size_t)arrays * params_size(net_params(l->net)) * sizeof(Real);
}

size_t learner_peak_bytes(const Learner *l)
{
    return learner_state_bytes(l) + tape_cost(l->tape).peak_bytes;
}

/* ---- parts ---- */

Net *learner_net(Learner *l)
{
    return l->net;
}

Params *learner_params(Learner *l)
{
    return net_params(l->net);
}

Optimizer *learner_optimizer(Learner *l)
{
    return l->optimizer;
}

Tape *learner_tape(Learner *l)
{
    return l->tape;
}

int learner_n_averages(const Learner *l)
{
    return l->options.n_averagings;
}

Average *learner_average(Learner *l, int i)
{
    check(i >= 0 && i < l->options.n_averagings, "average %d of %d", i, l->options.n_averagings);
    return l->averages[i];
}
