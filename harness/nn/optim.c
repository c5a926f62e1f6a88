/* SGD (LARS on top of it), Adam and AdamW as torch.optim 1.13 computes them for one tensor: the
 * same order of operations, scalars rounded to Real once. */
#include "optim.h"

#include "err.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 15, MAX_SLOTS = 2 };

/* A piece of one parameter: the unit of work of a thread. */
typedef struct {
    int param;
    size_t begin, n; /* elements of the flat arrays */
    size_t slot;     /* where it begins in the slots */
} Chunk;

typedef struct {
    double weight, gradient; /* sums of squares */
} Squares;

/* What a step does to a parameter's gradient: scale * (g + decay * w). */
typedef struct {
    Real scale, decay;
} LayerScale;

struct Optimizer {
    OptimOptions options;
    size_t params_size, slot_size;
    int n_params, n_chunks;
    Chunk *chunks;
    int64_t *steps;  /* [n_params] */
    bool *has_slots; /* [n_params] */
    int n_slots;
    Real *slots[MAX_SLOTS]; /* [slot_size] each; SGD: momentum; Adam: first and second moment */
    LayerScale *scales;     /* LARS: [n_params] */
    Squares *squares;       /* LARS: [n_chunks] */
};

static bool has_momentum(OptimKind kind)
{
    return kind == OPTIM_SGD || kind == OPTIM_LARS;
}

static void check_options(const OptimOptions *a)
{
    check(a->lr >= 0 && a->weight_decay >= 0, "lr %g, weight decay %g", a->lr, a->weight_decay);
    if (has_momentum(a->kind)) {
        check(a->momentum >= 0, "momentum %g", a->momentum);
        check(!a->nesterov || a->momentum > 0, "Nesterov without momentum");
        check(a->kind != OPTIM_LARS || a->trust > 0, "trust %g", a->trust);
        return;
    }
    check(a->beta1 >= 0 && a->beta1 < 1, "beta1 %g", a->beta1);
    check(a->beta2 >= 0 && a->beta2 < 1, "beta2 %g", a->beta2);
    check(a->eps > 0, "eps %g", a->eps);
}

/* Has slots: what is frozen or generated now never learns. */
static bool has_slots(const Param *p)
{
    return !p->frozen && !(p->flags & PARAM_GENERATED);
}

static int count_chunks(const Params *params)
{
    size_t n = 0;
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        if (has_slots(p)) n += (p->size + CHUNK - 1) / CHUNK;
    }
    return (int)n;
}

static void cut_chunks(Optimizer *o, const Params *params)
{
    Chunk *next = o->chunks;
    for (int i = 0; i < o->n_params; i++) {
        const Param *p = params_get(params, i);
        if (!has_slots(p)) continue;
        o->has_slots[i] = true;
        for (size_t done = 0; done < p->size; done += CHUNK) {
            size_t left = p->size - done, n = left < CHUNK ? left : CHUNK;
            *next++ = (Chunk){i, p->offset + done, n, o->slot_size + done};
        }
        o->slot_size += param_padded_size(p);
    }
}

Optimizer *optim_new(const OptimOptions *options, const Params *params)
{
    check_options(options);
    Optimizer *o = mem_alloc(1, sizeof *o);
    o->options = *options;
    o->params_size = params_size(params);
    o->n_params = params_count(params);
    o->steps = mem_alloc((size_t)o->n_params, sizeof *o->steps);
    o->n_chunks = count_chunks(params);
    o->chunks = mem_alloc((size_t)o->n_chunks, sizeof *o->chunks);
    o->has_slots = mem_alloc((size_t)o->n_params, sizeof *o->has_slots);
    cut_chunks(o, params);
    o->n_slots = !has_momentum(options->kind) ? 2 : options->momentum > 0 ? 1 : 0;
    o->scales = mem_alloc((size_t)o->n_params, sizeof *o->scales);
    o->squares = mem_alloc((size_t)o->n_chunks, sizeof *o->squares);
    for (int i = 0; i < o->n_slots; i++) {
        o->slots[i] = mem_alloc(o->slot_size, sizeof *o->slots[i]);
    }
    return o;
}

void optim_free(Optimizer *o)
{
    if (o == NULL) return;
    for (int i = 0; i < o->n_slots; i++) free(o->slots[i]);
    free(o->squares);
    free(o->scales);
    free(o->chunks);
    free(o->has_slots);
    free(o->steps);
    free(o);
}

/* ---- kernels over one chunk ---- */

SIMD_CLONES static void sgd_plain(size_t n, Real *w, const Real *g, Real lr, LayerScale s)
{
    for (size_t i = 0; i < n; i++) w[i] -= lr * (s.scale * (g[i] + s.decay * w[i]));
}

typedef struct {
    LayerScale layer;
    Real lr, momentum, ahead; /* ahead: momentum with Nesterov, else 0 */
} SgdStep;

/* torch sgd: m <- momentum m + d; w -= lr (Nesterov: d + momentum m; else m). */
SIMD_CLONES static void sgd_momentum(size_t n, Real *w, const Real *g, Real *m, SgdStep s)
{
    Real keep = s.ahead > 0 ? 1 : 0; /* how much of d itself is in the update */
    Real scale = s.ahead > 0 ? s.ahead : 1;
    for (size_t i = 0; i < n; i++) {
        Real d = s.layer.scale * (g[i] + s.layer.decay * w[i]);
        m[i] = s.momentum * m[i] + d;
        w[i] -= s.lr * (keep * d + scale * m[i]);
    }
}

typedef struct {
    Real decay;  /* added to the gradient times w: Adam */
    Real shrink; /* factor on w before the update: AdamW; 1 for Adam */
    Real beta1, one_minus_beta1, beta2, one_minus_beta2;
    Real step_size; /* lr / (1 - beta1^t) */
    Real root;      /* sqrt(1 - beta2^t) */
    Real eps;
} AdamStep;

/* Kingma and Ba 2015, Algorithm 1, bias corrections folded as PyTorch does; Loshchilov and Hutter
 * 2019 for the decoupled decay. */
SIMD_CLONES static void adam(size_t n, Real *w, const Real *g, Real *m, Real *v, const AdamStep *a)
{
    const AdamStep s = *a;
    for (size_t i = 0; i < n; i++) {
        Real d = g[i] + s.decay * w[i];
        m[i] = s.beta1 * m[i] + s.one_minus_beta1 * d;
        v[i] = s.beta2 * v[i] + s.one_minus_beta2 * d * d;
#ifdef NN_DOUBLE
        Real size = sqrt(v[i]) / s.root + s.eps;
#else
        Real size = sqrtf(v[i]) / s.root + s.eps;
#endif
        w[i] = w[i] * s.shrink - s.step_size * (m[i] / size);
    }
}

/* ---- a step ---- */

typedef struct {
    Optimizer *o;
    const Params *params;
    Real *values;
    const Real *gradients;
} StepWork;

static double decay_of(const StepWork *work, int param)
{
    const OptimOptions *a = &work->o->options;
    bool spared = a->decay_matrices_only && params_get(work->params, param)->rank < 2;
    return spared ? 0 : a->weight_decay;
}

static double lr_of(const StepWork *work, int param)
{
    return work->o->options.lr * params_get(work->params, param)->lr_scale;
}

static void sgd_chunk(const StepWork *work, const Chunk *c)
{
    const OptimOptions *a = &work->o->options;
    Real *w = work->values + c->begin;
    const Real *g = work->gradients + c->begin;
    LayerScale layer = work->o->scales[c->param];
    if (work->o->n_slots == 0) {
        sgd_plain(c->n, w, g, (Real)lr_of(work, c->param), layer);
        return;
    }
    SgdStep s = {.layer = layer,
                 .lr = (Real)lr_of(work, c->param),
                 .momentum = (Real)a->momentum,
                 .ahead = a->nesterov ? (Real)a->momentum : 0};
    sgd_momentum(c->n, w, g, work->o->slots[0] + c->slot, s);
}

static void adam_chunk(const StepWork *work, const Chunk *c)
{
    const OptimOptions *a = &work->o->options;
    bool decoupled = a->kind == OPTIM_ADAMW;
    double t = (double)work->o->steps[c->param], decay = decay_of(work, c->param);
    double lr = lr_of(work, c->param);
    AdamStep s = {.decay = decoupled ? 0 : (Real)decay,
                  .shrink = decoupled ? (Real)(1 - lr * decay) : 1,
                  .beta1 = (Real)a->beta1,
                  .one_minus_beta1 = (Real)(1 - a->beta1),
                  .beta2 = (Real)a->beta2,
                  .one_minus_beta2 = (Real)(1 - a->beta2),
                  .step_size = (Real)(lr / (1 - pow(a->beta1, t))),
                  .root = (Real)sqrt(1 - pow(a->beta2, t)),
                  .eps = (Real)a->eps};
    adam(c->n, work->values + c->begin, work->gradients + c->begin, work->o->slots[0] + c->slot,
         work->o->slots[1] + c->slot, &s);
}

static void step_task(void *context, int task, int thread)
{
    (void)thread;
    const StepWork *work = context;
    const Chunk *c = &work->o->chunks[task];
    if (!param_is_learned(params_get(work->params, c->param))) return;
    if (has_momentum(work->o->options.kind)) {
        sgd_chunk(work, c);
    } else {
        adam_chunk(work, c);
    }
}

/* ---- LARS ---- */

SIMD_CLONES static Squares sum_squares(size_t n, const Real *w, const Real *g, Real decay)
{
    Squares s = {0};
    for (size_t i = 0; i < n; i++) {
        Real d = g[i] + decay * w[i];
        s.weight += (double)w[i] * (double)w[i];
        s.gradient += (double)d * (double)d;
    }
    return s;
}

static bool is_scaled(const Param *p)
{
    return param_is_learned(p) && p->rank > 1;
}

static void squares_task(void *context, int task, int thread)
{
    (void)thread;
    const StepWork *work = context;
    const Chunk *c = &work->o->chunks[task];
    if (!is_scaled(params_get(work->params, c->param))) return;
    work->o->squares[task] = sum_squares(c->n, work->values + c->begin, work->gradients + c->begin,
                                         (Real)work->o->options.weight_decay);
}

/* The pieces are summed in their order, whoever made them. */
static void lars_scales(StepWork *work, ThreadPool *threads)
{
    Optimizer *o = work->o;
    thread_pool_run(threads, o->n_chunks, squares_task, work);
    for (int k = 0; k < o->n_chunks;) {
        int id = o->chunks[k].param;
        bool scaled = is_scaled(params_get(work->params, id));
        Squares sum = {0};
        for (; k < o->n_chunks && o->chunks[k].param == id; k++) {
            sum.weight += o->squares[k].weight;
            sum.gradient += o->squares[k].gradient;
        }
        double ratio = sum.weight > 0 && sum.gradient > 0 ? sqrt(sum.weight / sum.gradient) : 0;
        o->scales[id] = (LayerScale){
            .scale = scaled && ratio > 0 ? (Real)(o->options.trust * ratio) : 1,
            .decay = scaled ? (Real)o->options.weight_decay : 0,
        };
    }
}

static void set_scales(StepWork *work, ThreadPool *threads)
{
    Optimizer *o = work->o;
    if (o->options.kind == OPTIM_LARS) {
        lars_scales(work, threads);
        return;
    }
    for (int i = 0; i < o->n_params; i++) o->scales[i] = (LayerScale){1, (Real)decay_of(work, i)};
}

void optim_step(Optimizer *o, Params *params, ThreadPool *threads)
{
    check(params_count(params) == o->n_params && params_size(params) == o->params_size,
          "%d parameters of %zu elements, the optimiser was made for %d of %zu",
          params_count(params), params_size(params), o->n_params, o->params_size);
    for (int i = 0; i < o->n_params; i++) {
        const Param *p = params_get(params, i);
        bool learned = param_is_learned(p);
        check(!learned || o->has_slots[i], "%s: was frozen when the optimiser was made", p->name);
        o->steps[i] += learned;
    }
    StepWork work = {o, params, params_values(params), params_gradients(params)};
    set_scales(&work, threads);
    thread_pool_run(threads, o->n_chunks, step_task, &work);
}

void optim_reset(Optimizer *o)
{
    for (int i = 0; i < o->n_slots; i++) {
        memset(o->slots[i], 0, o->slot_size * sizeof *o->slots[i]);
    }
    memset(o->steps, 0, (size_t)o->n_params * sizeof *o->steps);
}

void optim_set_lr(Optimizer *o, double lr)
{
    check(lr >= 0, "lr %g", lr);
    o->options.lr = lr;
}

double optim_lr(const Optimizer *o)
{
    return o->options.lr;
}

int optim_slots(const Optimizer *o)
{
    return o->n_slots;
}

size_t optim_slot_size(const Optimizer *o)
{
    return o->slot_size;
}

Real *optim_slot(Optimizer *o, int i)
{
    check(i >= 0 && i < o->n_slots, "slot %d of %d", i, o->n_slots);
    return o->slots[i];
}

int64_t *optim_steps(Optimizer *o)
{
    return o->steps;
}
