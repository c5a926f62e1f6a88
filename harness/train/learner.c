/* One trajectory: the network and everything that moves with it. */
#include "learner_internal.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void learner_set_learning(Learner *l, bool head_only)
{
    Params *params = net_params(l->net);
    for (int i = 0; i < params_count(params); i++) {
        bool head = params_get(params, i)->flags & PARAM_HEAD;
        params_freeze(params, i, l->frozen[i] || (head_only && !head));
    }
}

MUST_USE static bool make_net(Learner *l, Err *err)
{
    const LearnerOptions *o = &l->options;
    if (!net_new(&l->net, &o->net, err)) return false;
    if (o->init_path != NULL && o->init_path[0] != '\0' && !net_load(l->net, o->init_path, err))
        return false;
    net_begin(l->net, o->threads);
    if (o->load != NULL && !o->load(o->load_context, l->net, err)) return false;
    if (!net_set_trainable(l->net, o->trainable, err)) return false;
    net_freeze_batch_norm(l->net, o->freeze_batch_norm);
    Params *params = net_params(l->net);
    l->frozen = mem_alloc((size_t)params_count(params), sizeof *l->frozen);
    for (int i = 0; i < params_count(params); i++) l->frozen[i] = params_get(params, i)->frozen;
    return true;
}

bool learner_new(Learner **out, const LearnerOptions *options, Err *err)
{
    check(options->n_averagings <= LEARNER_MAX_AVERAGES, "%d averages", options->n_averagings);
    check(options->accumulate <= 1 || options->sam_rho == 0, "SAM over several batches");
    Learner *l = mem_alloc(1, sizeof *l);
    l->options = *options;
    l->lr = options->optim.lr;
    if (!make_net(l, err)) {
        learner_free(l);
        return false;
    }
    int n_hparams = options->objective->n_hparams;
    l->hparams = mem_alloc((size_t)n_hparams, sizeof *l->hparams);
    if (n_hparams > 0)
        memcpy(l->hparams, options->objective_hparams, (size_t)n_hparams * sizeof *l->hparams);
    l->tape = tape_new(&(TapeOptions){.threads = options->threads, .seed = options->seed});
    l->optimizer = optim_new(&options->optim, net_params(l->net));
    if (options->sam_rho > 0) l->sam = sam_new(net_params(l->net));
    for (int i = 0; i < options->n_averagings; i++) {
        AveragingOptions averaging = options->averaging;
        averaging.hparams = options->averaging_hparams[i];
        l->averages[i] = average_new(options->averagings[i], &averaging, net_params(l->net));
    }
    if (options->average_batch_norm == AVERAGE_BN_OWN)
        l->own_buffers = mem_alloc(params_size(net_params(l->net)), sizeof *l->own_buffers);
    *out = l;
    return true;
}

void learner_free(Learner *l)
{
    if (l == NULL) return;
    if (l->variant != 0) learner_use_variant(l, 0);
    for (int i = 0; i < l->options.n_averagings; i++) average_free(l->averages[i]);
    sam_free(l->sam);
    optim_free(l->optimizer);
    tape_free(l->plan);
    tape_free(l->tape);
    net_free(l->net);
    free(l->own_buffers);
    free(l->frozen);
    free(l->hparams);
    free(l);
}

/* ---- update ---- */

Tensor *learner_input(const Learner *l, Tape *t, const float *x, int n)
{
    const NetOptions *net = &l->options.net;
    return tape_input(t, x, 4, (int[]){n, net->size, net->size, net->channels});
}

Tensor *learner_loss(Learner *l, Tape *t, const Batch *batch, int64_t step)
{
    Tensor *features = net_features(l->net, t, learner_input(l, t, batch->x, batch->n));
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

/* ---- averages ---- */

static void copy_buffers(const Params *params, Real *to, const Real *from)
{
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        if (p->flags & PARAM_BUFFER) memcpy(to + p->offset, from + p->offset, p->size * sizeof *to);
    }
}

/* Puts an average's values in place; returns those that were there. */
static Real *swap_in(Learner *l, Average *a)
{
    Real *values = params_swap_values(net_params(l->net), average_values(a));
    if (l->options.average_generators) net_generate(l->net, l->options.threads);
    return values;
}

/* The averaged network sees the batch, as in training: its running statistics move. */
static void forward_average(Learner *l, Average *a, const Batch *batch, int64_t step)
{
    Params *params = net_params(l->net);
    Real *raw = swap_in(l, a);
    tape_begin(l->tape, TAPE_TRAINING, (uint64_t)step);
    (void)net_features(l->net, l->tape, learner_input(l, l->tape, batch->x, batch->n));
    (void)params_swap_values(params, raw);
}

bool learner_averages_go_forward(const Learner *l)
{
    AverageBatchNorm kind = l->options.average_batch_norm;
    return (kind == AVERAGE_BN_FORWARD || kind == AVERAGE_BN_OWN) && net_batch_norm_moves(l->net);
}

/* While an average is a copy of the weights it has their statistics. The references let it look at
 * the batches even then, which moves statistics that the next update overwrites (the port), or that
 * are the raw ones but for one update (the repository). */
static void update_average(Learner *l, Average *a, const Batch *batch, int64_t step)
{
    Params *params = net_params(l->net);
    bool own = l->own_buffers != NULL;
    if (own) copy_buffers(params, l->own_buffers, average_values(a));
    average_update(a, params, step, l->options.threads);
    if (average_count(a) <= 1 || !average_is_ready(a)) return;
    if (own) copy_buffers(params, average_values(a), l->own_buffers);
    if (learner_averages_go_forward(l)) forward_average(l, a, batch, step);
}

/* ---- one update ---- */

static bool is_warming_up(const Learner *l, int64_t step)
{
    return step < l->options.warm_start.updates;
}

bool learner_keeps_gradients(const Learner *l)
{
    return l->options.warm_start.accumulate && l->options.warm_start.updates > 0;
}

static void zero_head_gradients(Params *params)
{
    Real *gradients = params_gradients(params);
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        if (p->flags & PARAM_HEAD) memset(gradients + p->offset, 0, p->size * sizeof *gradients);
    }
}

/* Before update `step`: clears gradients, says what learns, and begins an optimiser anew when the
 * warm start is over. All of it follows from the step, so that a resumed run needs no more state.
 */
static void begin_update(Learner *l, int64_t step)
{
    const WarmStart *warm = &l->options.warm_start;
    Params *params = net_params(l->net);
    if (learner_keeps_gradients(l) && step > 0 && step <= warm->updates) {
        zero_head_gradients(params);
    } else {
        params_zero_gradients(params);
    }
    learner_set_learning(l, is_warming_up(l, step) && !warm->accumulate);
    if (warm->updates > 0 && step == warm->updates) optim_reset(l->optimizer);
    optim_set_lr(l->optimizer, learner_lr(l, step));
}

int learner_parts(const Learner *l)
{
    return l->options.accumulate > 1 ? l->options.accumulate : 1;
}

/* Forward and backward of one batch, whose random draws are those of `draw`; false: the loss is not
 * finite, and there are no gradients. */
static bool gradients(Learner *l, const Batch *batch, int64_t step, int64_t draw, double *loss_out)
{
    int n = learner_parts(l);
    tape_begin(l->tape, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)draw);
    Tensor *loss = learner_loss(l, l->tape, batch, step);
    *loss_out = (double)loss->v[0];
    if (!isfinite(loss->v[0])) return false;
    tape_backward(l->tape, n > 1 ? nn_affine(l->tape, loss, 1.0 / n, 0) : loss);
    return true;
}

/* The gradients at the weights that SAM looks at, into the same arrays; the same random draws. */
static bool gradients_uphill(Learner *l, const Batch *batch, int64_t step)
{
    Params *params = net_params(l->net);
    ThreadPool *threads = l->options.threads;
    double loss;
    sam_move(l->sam, params, l->options.sam_rho, threads);
    net_generate(l->net, threads);
    params_zero_gradients(params);
    bool finite = gradients(l, batch, step, step, &loss);
    if (finite) net_generate_backward(l->net, threads);
    sam_move_back(l->sam, params);
    return finite;
}

/* With the gradients of all parts: the optimiser, and what follows it. */
static bool finish_update(Learner *l, const Batch *batch, int64_t step)
{
    ThreadPool *threads = l->options.threads;
    net_generate_backward(l->net, threads);
    if (l->sam != NULL && !gradients_uphill(l, batch, step)) return false;
    learner_set_learning(l, is_warming_up(l, step));
    optim_step(l->optimizer, net_params(l->net), threads);
    net_generate(l->net, threads);
    for (int i = 0; i < l->options.n_averagings; i++) {
        update_average(l, l->averages[i], batch, step);
    }
    return true;
}

LearnerStep learner_update_part(Learner *l, const Batch *batch, int64_t step, int part)
{
    int n = learner_parts(l);
    check(l->variant == 0, "update with variant \"%s\" in use",
          learner_variant_name(l, l->variant));
    check(part >= 0 && part < n, "part %d of %d", part, n);
    if (part == 0) {
        begin_update(l, step);
        l->loss = 0;
    }
    LearnerStep result = {0};
    result.finite = gradients(l, batch, step, step * n + part, &result.loss);
    l->loss += result.loss;
    result.loss = l->loss / (part + 1);
    if (result.finite && part == n - 1) result.finite = finish_update(l, batch, step);
    return result;
}

LearnerStep learner_update(Learner *l, const Batch *batch, int64_t step)
{
    check(learner_parts(l) == 1, "update in %d parts", learner_parts(l));
    return learner_update_part(l, batch, step, 0);
}

void learner_checkpoint(Learner *l, const AverageCheckpoint *checkpoint)
{
    for (int i = 0; i < l->options.n_averagings; i++) {
        average_checkpoint(l->averages[i], checkpoint, l->options.threads);
    }
}

void learner_set_lr(Learner *l, double lr)
{
    l->lr = lr;
}

double learner_lr(const Learner *l, int64_t step)
{
    return is_warming_up(l, step) ? l->options.warm_start.lr : l->lr;
}

void learner_predict(Learner *l, const float *x, int n, float *logits)
{
    tape_begin(l->tape, 0, 0);
    Tensor *z = net_classify(l->net, l->tape,
                             net_features(l->net, l->tape, learner_input(l, l->tape, x, n)));
    memcpy(logits, z->v, tensor_size(z) * sizeof *logits);
}

void learner_features(Learner *l, const float *x, int n, float *features)
{
    tape_begin(l->tape, 0, 0);
    Tensor *f = net_features(l->net, l->tape, learner_input(l, l->tape, x, n));
    memcpy(features, f->v, tensor_size(f) * sizeof *features);
}

/* ---- weight variants ---- */

int learner_n_variants(const Learner *l)
{
    return 1 + l->options.n_averagings;
}

/* NULL: the raw weights. */
static Average *average_of(const Learner *l, int variant)
{
    check(variant >= 0 && variant < learner_n_variants(l), "variant %d of %d", variant,
          learner_n_variants(l));
    return variant == 0 ? NULL : l->averages[variant - 1];
}

const char *learner_variant_name(const Learner *l, int variant)
{
    const Average *a = average_of(l, variant);
    return a == NULL ? "raw" : average_name(a);
}

bool learner_variant_is_ready(const Learner *l, int variant)
{
    const Average *a = average_of(l, variant);
    return a == NULL || average_is_ready(a);
}

bool learner_variant_is_raw(Learner *l, int variant)
{
    check(l->variant == 0, "variant %d is in use", l->variant);
    Average *a = average_of(l, variant);
    return a == NULL || average_is_copy(a, net_params(l->net));
}

void learner_use_variant(Learner *l, int variant)
{
    Average *a = average_of(l, variant);
    Params *params = net_params(l->net);
    if (l->variant != 0) (void)params_swap_values(params, l->raw_values);
    if (a != NULL) l->raw_values = swap_in(l, a);
    l->variant = variant;
}

/* ---- parts ---- */

bool learner_is_frozen(const Learner *l, int param)
{
    return l->frozen[param] && !(params_get(net_params(l->net), param)->flags & PARAM_BUFFER);
}

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
