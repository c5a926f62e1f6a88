/* The parameter table, flat storage, PyTorch's initialisations. */
#include "params.h"

#include "err.h"
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Params {
    Param *params;
    int n, capacity;
    size_t size;
    Real *values, *gradients;
    bool sealed;
};

Params *params_new(void)
{
    return mem_alloc(1, sizeof(Params));
}

void params_free(Params *p)
{
    if (p == NULL) return;
    free(p->params);
    free(p->values);
    free(p->gradients);
    free(p);
}

int params_add(Params *p, const ParamSpec *spec)
{
    check(!p->sealed, "%s: added after params_seal", spec->name);
    check(strlen(spec->name) < PARAM_NAME_SIZE, "%s: name too long", spec->name);
    check(params_find(p, spec->name) < 0, "%s: added twice", spec->name);
    check(spec->rank >= 1 && spec->rank <= TENSOR_MAX_RANK, "%s: rank %d", spec->name, spec->rank);
    check(!(spec->flags & PARAM_CONV) || spec->rank == 4, "%s: convolution of rank %d", spec->name,
          spec->rank);
    mem_reserve(p->params, p->capacity, p->n + 1);
    Param *q = &p->params[p->n];
    *q = (Param){.rank = spec->rank,
                 .init = spec->init,
                 .init_value = spec->init_value,
                 .flags = spec->flags,
                 .lr_scale = 1};
    snprintf(q->name, sizeof q->name, "%s", spec->name);
    q->size = 1;
    for (int i = 0; i < spec->rank; i++) {
        check(spec->dims[i] >= 1, "%s: dimension %d is %d", spec->name, i, spec->dims[i]);
        q->dims[i] = spec->dims[i];
        q->size *= (size_t)spec->dims[i];
    }
    q->offset = p->size;
    p->size += param_padded_size(q);
    return p->n++;
}

/* ---- initialisation ---- */

static double fan_in(const Param *q)
{
    return (double)q->size / (double)q->dims[0];
}

static double fan_out(const Param *q)
{
    double out = q->dims[0];
    return (q->flags & PARAM_CONV) ? out * q->dims[1] * q->dims[2] : out;
}

/* Half width of a uniform distribution, or standard deviation of a normal one. */
static double init_scale(const Param *q)
{
    switch (q->init) {
    case INIT_LINEAR_WEIGHT:
        return 1 / sqrt(fan_in(q));
    case INIT_LINEAR_BIAS:
        return 1 / sqrt(q->init_value);
    case INIT_XAVIER_UNIFORM:
        return sqrt(6 / (fan_in(q) + fan_out(q)));
    case INIT_KAIMING_FAN_OUT:
        return sqrt(2 / fan_out(q));
    case INIT_KAIMING_FAN_IN:
        return sqrt(2 / fan_in(q));
    case INIT_NORMAL:
    case INIT_TRUNC_NORMAL:
    case INIT_CONSTANT:
        return q->init_value;
    case INIT_ZEROS:
        return 0;
    case INIT_ONES:
        return 1;
    }
    return 0;
}

static double init_draw(const Param *q, RngStream stream, uint64_t i)
{
    double scale = init_scale(q);
    switch (q->init) {
    case INIT_LINEAR_WEIGHT:
    case INIT_LINEAR_BIAS:
    case INIT_XAVIER_UNIFORM:
        return scale * (2 * rng_uniform(stream, 0, i) - 1);
    case INIT_KAIMING_FAN_OUT:
    case INIT_KAIMING_FAN_IN:
    case INIT_NORMAL:
        return scale * rng_normal(stream, 0, i);
    case INIT_TRUNC_NORMAL: {
        double z = scale * rng_normal(stream, 0, i);
        for (uint64_t redraw = 1; fabs(z) > 2; redraw++) z = scale * rng_normal(stream, redraw, i);
        return z;
    }
    case INIT_ZEROS:
    case INIT_ONES:
    case INIT_CONSTANT:
        return scale;
    }
    return 0;
}

void params_init_one(Params *p, int id, uint64_t seed)
{
    const Param *q = params_get(p, id);
    char stream_name[PARAM_NAME_SIZE + 8];
    snprintf(stream_name, sizeof stream_name, "init/%s", q->name);
    RngStream stream = rng_stream(seed, stream_name);
    Real *v = p->values + q->offset;
    for (size_t i = 0; i < q->size; i++) v[i] = (Real)init_draw(q, stream, i);
}

void params_seal_zeros(Params *p)
{
    check(!p->sealed, "sealed twice");
    p->sealed = true;
    p->values = mem_alloc(p->size, sizeof *p->values);
    p->gradients = mem_alloc(p->size, sizeof *p->gradients);
}

void params_seal(Params *p, uint64_t seed)
{
    params_seal_zeros(p);
    for (int i = 0; i < p->n; i++) params_init_one(p, i, seed);
}

/* ---- access ---- */

int params_count(const Params *p)
{
    return p->n;
}

const Param *params_get(const Params *p, int id)
{
    check(id >= 0 && id < p->n, "parameter %d of %d", id, p->n);
    return &p->params[id];
}

int params_find(const Params *p, const char *name)
{
    for (int i = 0; i < p->n; i++) {
        if (strcmp(p->params[i].name, name) == 0) return i;
    }
    return -1;
}

void params_freeze(Params *p, int id, bool frozen)
{
    check(id >= 0 && id < p->n, "parameter %d of %d", id, p->n);
    p->params[id].frozen = frozen;
}

void params_set_lr_scale(Params *p, int id, double scale)
{
    check(id >= 0 && id < p->n && scale >= 0, "parameter %d of %d, scale %g", id, p->n, scale);
    p->params[id].lr_scale = scale;
}

size_t params_size(const Params *p)
{
    return p->size;
}

size_t param_padded_size(const Param *q)
{
    enum { ALIGN = 16 };
    return (q->size + ALIGN - 1) / ALIGN * ALIGN;
}

bool param_is_learned(const Param *q)
{
    return !(q->flags & (PARAM_BUFFER | PARAM_GENERATED)) && !q->frozen;
}

size_t params_learned_size(const Params *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++) {
        n += (p->params[i].flags & (PARAM_BUFFER | PARAM_ADAPTER)) ? 0 : p->params[i].size;
    }
    return n;
}

size_t params_trainable_size(const Params *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++) n += param_is_learned(&p->params[i]) ? p->params[i].size : 0;
    return n;
}

Real *params_values(Params *p)
{
    return p->values;
}

Real *params_gradients(Params *p)
{
    return p->gradients;
}

static bool gets_gradient(const Param *q)
{
    return !(q->flags & PARAM_BUFFER) && !q->frozen;
}

void params_zero_gradients(Params *p)
{
    for (int i = 0; i < p->n; i++) {
        Param *q = &p->params[i];
        if (q->has_gradient || gets_gradient(q))
            memset(p->gradients + q->offset, 0, q->size * sizeof *p->gradients);
        q->has_gradient = false;
    }
}

Real *params_swap_values(Params *p, Real *values)
{
    Real *old = p->values;
    p->values = values;
    return old;
}

Tensor *params_tensor(Params *p, Tape *t, int id)
{
    check(p->sealed, "parameters are not sealed");
    const Param *q = params_get(p, id);
    Real *gradient = gets_gradient(q) ? p->gradients + q->offset : NULL;
    Tensor *x = tape_leaf(t, "param", p->values + q->offset, gradient, q->rank, q->dims);
    if (x->needs_grad) p->params[id].has_gradient = true;
    return x;
}
