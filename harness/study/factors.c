#include "factors.h"

#include "err.h"
#include "generator.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One generator, or one factor that is learned itself. */
typedef struct {
    int first_id;  /* of its parameters in Params: z, w1, c1, w2, c2; or the factor */
    size_t offset; /* of what it makes in values */
    GeneratorSize size;
    Real *h; /* [H]; NULL: no generator */
} Source;

struct Factors {
    Params *params;
    size_t offsets[FACTORS_MAX + 1];
    Real *values, *gradients; /* [factors_size] */
    Source sources[FACTORS_MAX];
    int n_sources;
};

static void add_generator(Factors *f, Source *s, const char *name, const FactorOptions *options)
{
    int z = options->inputs, h = options->width, p = s->size.outputs;
    const ParamSpec specs[] = {{"z", 1, {z}, INIT_NORMAL, options->input_std, 0},
                               {"w1", 2, {h, z}, INIT_LINEAR_WEIGHT, 0, 0},
                               {"c1", 1, {h}, INIT_ZEROS, 0, 0},
                               {"w2", 2, {p, h}, INIT_LINEAR_WEIGHT, 0, 0},
                               {"c2", 1, {p}, INIT_ZEROS, 0, 0}};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        char full[PARAM_NAME_SIZE];
        snprintf(full, sizeof full, "%s.%s", name, specs[i].name);
        ParamSpec spec = specs[i];
        spec.name = full;
        int id = params_add(f->params, &spec);
        if (i == 0) s->first_id = id;
    }
    s->size.inputs = z;
    s->size.width = h;
    s->h = mem_alloc((size_t)h, sizeof *s->h);
}

static void add_factor(Factors *f, Source *s, const FactorSpec *spec)
{
    s->first_id =
        params_add(f->params, &(ParamSpec){.name = spec->name,
                                           .rank = 2,
                                           .dims = {spec->rows, spec->columns},
                                           .init = spec->zero ? INIT_ZEROS : INIT_LINEAR_WEIGHT});
}

/* Which source makes factor i: a new one, or the last one. */
static void add_source(Factors *f, const FactorSpec *specs, int i, const FactorOptions *options)
{
    size_t size = (size_t)specs[i].rows * (size_t)specs[i].columns;
    bool joins = options->generated && i > 0 && specs[i].generator == specs[i - 1].generator;
    if (!joins) f->sources[f->n_sources++] = (Source){.offset = f->offsets[i]};
    f->sources[f->n_sources - 1].size.outputs += (int)size;
    f->offsets[i + 1] = f->offsets[i] + size;
}

static void add_params(Factors *f, const FactorSpec *specs, int n, const FactorOptions *options)
{
    for (int i = 0, next = 0; i < n; i++) {
        if (next == f->n_sources || f->sources[next].offset != f->offsets[i]) continue;
        Source *s = &f->sources[next++];
        if (options->generated)
            add_generator(f, s, specs[i].name, options);
        else
            add_factor(f, s, &specs[i]);
    }
}

static GeneratorArrays arrays_of(const Factors *f, const Source *s, Real *flat)
{
    Real *at[5];
    for (int i = 0; i < 5; i++) at[i] = flat + params_get(f->params, s->first_id + i)->offset;
    return (GeneratorArrays){at[0], at[1], at[2], at[3], at[4]};
}

/* Rows of W2 for factors that begin as 0. */
static void clear_rows(Factors *f, const FactorSpec *specs, int n)
{
    for (int i = 0, k = 0; i < n; i++) {
        while (k + 1 < f->n_sources && f->sources[k + 1].offset <= f->offsets[i]) k++;
        const Source *s = &f->sources[k];
        if (!specs[i].zero || s->h == NULL) continue;
        GeneratorArrays values = arrays_of(f, s, params_values(f->params));
        size_t width = (size_t)s->size.width;
        memset(values.w2 + (f->offsets[i] - s->offset) * width, 0,
               (f->offsets[i + 1] - f->offsets[i]) * width * sizeof *values.w2);
    }
}

Factors *factors_new(const FactorSpec *specs, int n, const FactorOptions *options)
{
    check(n > 0 && n <= FACTORS_MAX, "%d factors", n);
    Factors *f = mem_alloc(1, sizeof *f);
    f->params = params_new();
    for (int i = 0; i < n; i++) add_source(f, specs, i, options);
    add_params(f, specs, n, options);
    f->offsets[FACTORS_MAX] = f->offsets[n];
    f->values = mem_alloc(f->offsets[n], sizeof *f->values);
    f->gradients = mem_alloc(f->offsets[n], sizeof *f->gradients);
    params_seal(f->params, options->seed);
    clear_rows(f, specs, n);
    return f;
}

void factors_free(Factors *f)
{
    if (f == NULL) return;
    for (int i = 0; i < f->n_sources; i++) free(f->sources[i].h);
    params_free(f->params);
    free(f->values);
    free(f->gradients);
    free(f);
}

Params *factors_params(Factors *f)
{
    return f->params;
}

Real *factors_values(Factors *f, int i)
{
    return f->values + f->offsets[i];
}

Real *factors_gradients(Factors *f, int i)
{
    return f->gradients + f->offsets[i];
}

size_t factors_size(const Factors *f)
{
    return f->offsets[FACTORS_MAX];
}

void factors_make(Factors *f)
{
    Real *flat = params_values(f->params);
    for (int i = 0; i < f->n_sources; i++) {
        const Source *s = &f->sources[i];
        Real *out = f->values + s->offset;
        GeneratorArrays values;
        if (s->h == NULL) {
            const Param *p = params_get(f->params, s->first_id);
            memcpy(out, flat + p->offset, p->size * sizeof *out);
            continue;
        }
        values = arrays_of(f, s, flat);
        generator_forward(&s->size, &values, s->h, out);
    }
}

void factors_backward(Factors *f)
{
    Real *flat = params_gradients(f->params);
    for (int i = 0; i < f->n_sources; i++) {
        const Source *s = &f->sources[i];
        const Real *g = f->gradients + s->offset;
        if (s->h == NULL) {
            const Param *p = params_get(f->params, s->first_id);
            memcpy(flat + p->offset, g, p->size * sizeof *g);
            continue;
        }
        GeneratorArrays values = arrays_of(f, s, params_values(f->params));
        GeneratorArrays gradients = arrays_of(f, s, flat);
        generator_backward(&s->size, &values, s->h, g, &gradients);
    }
}
