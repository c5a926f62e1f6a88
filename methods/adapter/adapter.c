/* Adapters of a network: their parameters, their beginning, the weights that are made with them. */
#include "adapter.h"

#include "adapter_targets.h"
#include "gemm.h"
#include "log.h"
#include "low_rank.h"
#include "mem.h"
#include "pissa.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A weight with adapters: parts first .. first + n - 1. */
typedef struct {
    Adapter *adapter;
    int weight, first, n;
} Adapted;

struct Adapter {
    AdapterOptions options; /* without targets */
    int n_parts, n_adapted;
    AdapterPart *parts;
    Adapted *adapted;
    Real **row_norms; /* [n_parts] of W0, what is added to generated magnitudes; or NULL */
    OpGenerator shared;
};

/* ---- parameters ---- */

static size_t row_size(const Param *w)
{
    return w->size / (size_t)w->dims[0];
}

static int add_param(Params *params, const AdapterPart *p, const char *what, ParamSpec spec,
                     bool is_generated)
{
    char name[2 * PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", p->module, what);
    spec.name = name;
    spec.flags |= PARAM_ADAPTER | (is_generated ? PARAM_GENERATED : 0);
    if (is_generated) spec.init = INIT_ZEROS;
    return params_add(params, &spec);
}

static void add_factors(const AdapterOptions *o, Params *params, AdapterPart *p)
{
    const Param w = *params_get(params, p->weight);
    bool generated = o->kind->is_generated, gaussian = o->init == ADAPTER_INIT_GAUSSIAN;
    ParamSpec a = {.rank = w.rank,
                   .init = gaussian ? INIT_NORMAL : INIT_LINEAR_WEIGHT,
                   .init_value = 1.0 / p->rank,
                   .flags = w.flags & PARAM_CONV};
    ParamSpec b = {.rank = w.rank, .init = INIT_ZEROS, .flags = w.flags & PARAM_CONV};
    ParamSpec m = {.rank = 1, .dims = {p->n_rows}, .init = INIT_ZEROS};
    for (int i = 1; i < w.rank; i++) {
        a.dims[i] = w.dims[i];
        b.dims[i] = 1;
    }
    a.dims[0] = b.dims[w.rank - 1] = p->rank;
    b.dims[0] = p->n_rows;
    p->a = add_param(params, p, "lora_A.weight", a, generated);
    p->b = add_param(params, p, "lora_B.weight", b, generated);
    p->magnitude = -1;
    if (o->kind->has_magnitude)
        p->magnitude = add_param(params, p, "lora_magnitude_vector", m, generated);
    if (o->lr_ratio > 0) params_set_lr_scale(params, p->b, o->lr_ratio);
}

static int list_outputs(const AdapterPart *p, int outputs[OP_MAX_OUTPUTS])
{
    outputs[0] = p->a;
    outputs[1] = p->b;
    outputs[2] = p->magnitude;
    return p->magnitude >= 0 ? 3 : 2;
}

static void add_shared(Adapter *a, Params *params)
{
    size_t largest[OP_MAX_OUTPUTS] = {0};
    int outputs[OP_MAX_OUTPUTS], n = 0;
    for (int i = 0; i < a->n_parts; i++) {
        n = list_outputs(&a->parts[i], outputs);
        for (int k = 0; k < n; k++) {
            size_t size = params_get(params, outputs[k])->size;
            if (size > largest[k]) largest[k] = size;
        }
    }
    op_generator_add_shared(&a->shared, params, "adapters", largest, n, &a->options.generator);
}

static void add_generators(Adapter *a, Params *params)
{
    const AdapterOptions *o = &a->options;
    if (!o->kind->is_generated) return;
    if (o->shared_generator) add_shared(a, params);
    for (int i = 0; i < a->n_parts; i++) {
        AdapterPart *p = &a->parts[i];
        int outputs[OP_MAX_OUTPUTS], n = list_outputs(p, outputs);
        op_generator_add(&p->generator, params, p->module, (OpOutputs){outputs, n},
                         o->shared_generator ? &a->shared : NULL, &o->generator);
    }
}

/* ---- which parts ---- */

static double scale_of(const AdapterOptions *o)
{
    double alpha = o->alpha > 0 ? o->alpha : o->rank;
    return alpha / (o->scaling == ADAPTER_SCALING_RSLORA ? sqrt(o->rank) : o->rank);
}

/* The rank at which free factors have as many elements as a generator of factors of o->rank. */
static int matched_rank(const AdapterOptions *o, double sides)
{
    double h = o->generator.width, z = o->generator.input;
    double generator = (h + 1) * o->rank * sides + h * (z + 1) + z;
    return (int)lround(generator / sides);
}

static AdapterPart make_part(const AdapterOptions *o, const AdapterModule *m, size_t size)
{
    AdapterPart p = {.weight = m->weight, .row = m->row, .n_rows = m->n_rows, .rank = o->rank};
    snprintf(p.module, sizeof p.module, "%s", m->name);
    if (o->matched) p.rank = matched_rank(o, (double)size + m->n_rows);
    p.scale = scale_of(o);
    p.alpha = p.scale * (o->scaling == ADAPTER_SCALING_RSLORA ? sqrt(p.rank) : p.rank);
    return p;
}

MUST_USE static bool check_rank(const AdapterOptions *o, const AdapterModule *m, size_t size,
                                Err *err)
{
    size_t smaller = size < (size_t)m->n_rows ? size : (size_t)m->n_rows;
    if (o->matched || (size_t)o->rank <= smaller) return true;
    return err_set(
        err, ERR_FORMAT,
        "method.adapter_rank: found %d, expected at most %zu: %s is a matrix of %d x %zu", o->rank,
        smaller, m->name, m->n_rows, size);
}

MUST_USE static bool make_parts(Adapter *a, const Params *params, const AdapterModules *m, Err *err)
{
    a->parts = mem_alloc((size_t)m->n, sizeof *a->parts);
    a->adapted = mem_alloc((size_t)m->n, sizeof *a->adapted);
    for (int i = 0; i < m->n; i++) {
        const AdapterModule *module = &m->items[i];
        size_t size = row_size(params_get(params, module->weight));
        if (!module->is_target) continue;
        if (!check_rank(&a->options, module, size, err)) return false;
        bool is_next = a->n_adapted > 0 && a->adapted[a->n_adapted - 1].weight == module->weight;
        if (!is_next) a->adapted[a->n_adapted++] = (Adapted){a, module->weight, a->n_parts, 0};
        a->adapted[a->n_adapted - 1].n++;
        a->parts[a->n_parts++] = make_part(&a->options, module, size);
    }
    return true;
}

bool adapter_new(Adapter **out, Params *params, const char *input_conv,
                 const AdapterOptions *options, Err *err)
{
    check(options->kind != NULL && options->rank >= 1, "adapter of rank %d", options->rank);
    Adapter *a = mem_alloc(1, sizeof *a);
    a->options = *options;
    a->options.targets = NULL;
    AdapterModules modules;
    adapter_modules(&modules, params, input_conv);
    bool ok = adapter_choose(&modules, options->targets, options->n_targets, err) &&
              make_parts(a, params, &modules, err);
    adapter_modules_done(&modules);
    if (!ok) {
        adapter_free(a);
        return false;
    }
    for (int i = 0; i < a->n_parts; i++) add_factors(options, params, &a->parts[i]);
    add_generators(a, params);
    a->row_norms = mem_alloc((size_t)a->n_parts, sizeof *a->row_norms);
    *out = a;
    return true;
}

void adapter_free(Adapter *a)
{
    if (a == NULL) return;
    for (int i = 0; a->row_norms != NULL && i < a->n_parts; i++) free(a->row_norms[i]);
    free(a->row_norms);
    free(a->adapted);
    free(a->parts);
    free(a);
}

/* ---- the beginning ---- */

static Real *values_of(Params *params, int id)
{
    return params_values(params) + params_get(params, id)->offset;
}

/* Lengths of the rows of W0 + s B A. */
static void set_magnitudes(Adapter *a, Params *params, int i)
{
    const AdapterPart *p = &a->parts[i];
    size_t size = row_size(params_get(params, p->weight)), n = (size_t)p->n_rows * size;
    Real *w = mem_alloc(n, sizeof *w);
    memcpy(w, values_of(params, p->weight) + (size_t)p->row * size, n * sizeof *w);
    gemm(&(Gemm){.m = p->n_rows,
                 .n = (int)size,
                 .k = p->rank,
                 .alpha = (Real)p->scale,
                 .beta = 1,
                 .a = values_of(params, p->b),
                 .b = values_of(params, p->a),
                 .c = w});
    Real *norms = mem_alloc((size_t)p->n_rows, sizeof *norms);
    low_rank_norms(norms, w, p->n_rows, size);
    memcpy(values_of(params, p->magnitude), norms, (size_t)p->n_rows * sizeof *norms);
    free(w);
    free(a->row_norms[i]);
    a->row_norms[i] = norms;
}

static void begin_part(Adapter *a, Params *params, int i)
{
    const AdapterPart *p = &a->parts[i];
    size_t size = row_size(params_get(params, p->weight));
    if (a->options.kind->is_generated) {
        op_generator_begin(&p->generator, params);
        op_generator_run(&p->generator, params);
    }
    if (a->options.init == ADAPTER_INIT_PISSA) {
        pissa_split(values_of(params, p->weight) + (size_t)p->row * size, values_of(params, p->a),
                    values_of(params, p->b), &(PissaSize){p->n_rows, (int)size, p->rank, p->scale});
    }
    if (p->magnitude >= 0) set_magnitudes(a, params, i);
}

static Tensor *make_weight(void *self, Params *params, Tape *t, int id)
{
    const Adapted *w = self;
    NnLowRank *parts = tape_aux(t, (size_t)w->n * sizeof *parts);
    for (int i = 0; i < w->n; i++) {
        const AdapterPart *p = &w->adapter->parts[w->first + i];
        parts[i] = (NnLowRank){
            .row = p->row,
            .a = params_tensor(params, t, p->a),
            .b = params_tensor(params, t, p->b),
            .m = p->magnitude >= 0 ? params_tensor(params, t, p->magnitude) : NULL,
            .scale = p->scale,
        };
    }
    return nn_low_rank(t, params_tensor(params, t, id), parts, w->n);
}

void adapter_begin(Adapter *a, Weights *weights, ThreadPool *threads)
{
    Params *params = weights_params(weights);
    for (int i = 0; i < a->n_parts; i++) begin_part(a, params, i);
    for (int i = 0; i < a->n_adapted; i++) {
        params_freeze(params, a->adapted[i].weight, true);
        weights_replace(weights, a->adapted[i].weight, make_weight, &a->adapted[i]);
    }
    adapter_generate(a, params, threads);
    int n_dead = adapter_n_dead(a, params);
    if (n_dead > 0)
        log_warn("%d of %d generators never learn: all units of their hidden layer are off (see "
                 "method.op_width, seed)",
                 n_dead, a->n_parts);
}

/* ---- generators ---- */

typedef struct {
    const Adapter *adapter;
    Params *params;
} Work;

static void generate_part(void *context, int i, int thread)
{
    (void)thread;
    const Work *work = context;
    const AdapterPart *p = &work->adapter->parts[i];
    op_generator_run(&p->generator, work->params);
    if (p->magnitude < 0) return;
    Real *m = values_of(work->params, p->magnitude);
    for (int k = 0; k < p->n_rows; k++) m[k] += work->adapter->row_norms[i][k];
}

void adapter_generate(Adapter *a, Params *params, ThreadPool *threads)
{
    Work work = {a, params};
    if (a->options.kind->is_generated) thread_pool_run(threads, a->n_parts, generate_part, &work);
}

static void backward_part(void *context, int i, int thread)
{
    (void)thread;
    const Work *work = context;
    op_generator_backward(&work->adapter->parts[i].generator, work->params);
}

void adapter_backward(Adapter *a, Params *params, ThreadPool *threads)
{
    Work work = {a, params};
    if (!a->options.kind->is_generated) return;
    if (params_get(params, a->parts[0].generator.z)->frozen) return;
    if (!a->options.shared_generator) {
        thread_pool_run(threads, a->n_parts, backward_part, &work);
        return;
    }
    for (int i = 0; i < a->n_parts; i++) backward_part(&work, i, 0); /* they add to the same */
}

/* ---- access ---- */

AdapterScaling adapter_scaling(const Adapter *a)
{
    return a->options.scaling;
}

int adapter_n_parts(const Adapter *a)
{
    return a->n_parts;
}

const AdapterPart *adapter_part(const Adapter *a, int i)
{
    check(i >= 0 && i < a->n_parts, "part %d of %d", i, a->n_parts);
    return &a->parts[i];
}

static bool is_zero(Params *params, int id)
{
    const Real *v = values_of(params, id);
    for (size_t i = 0; i < params_get(params, id)->size; i++) {
        if (v[i] != 0) return false;
    }
    return true;
}

int adapter_n_dead(const Adapter *a, Params *params)
{
    int n = 0;
    for (int i = 0; a->options.kind->is_generated && i < a->n_parts; i++) {
        const AdapterPart *p = &a->parts[i];
        n += is_zero(params, p->a) && is_zero(params, p->b);
    }
    return n;
}

size_t adapter_size(const Adapter *a, const Params *params)
{
    size_t size = 0;
    for (int i = 0; i < a->n_parts; i++) {
        int ids[OP_MAX_OUTPUTS], n = list_outputs(&a->parts[i], ids);
        for (int k = 0; k < n; k++) size += params_get(params, ids[k])->size;
    }
    return size;
}
