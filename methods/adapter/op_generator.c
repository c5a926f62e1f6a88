/* Generators over parameters; the arithmetic is generator.h's. */
#include "op_generator.h"

#include "err.h"
#include "generator.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters ---- */

static int add(Params *params, const char *module, const char *what, ParamSpec spec)
{
    char name[PARAM_NAME_SIZE + 16];
    snprintf(name, sizeof name, "%s.op.%s", module, what);
    spec.name = name;
    spec.flags = PARAM_ADAPTER;
    return params_add(params, &spec);
}

static void add_input(OpGenerator *g, Params *params, const char *module,
                      const OpGeneratorOptions *o)
{
    g->z = add(params, module, "z",
               (ParamSpec){
                   .rank = 1, .dims = {o->input}, .init = INIT_NORMAL, .init_value = o->input_std});
}

/* A bias of a layer of so many inputs. */
static ParamSpec bias(int n, bool is_zero, int inputs)
{
    return (ParamSpec){.rank = 1,
                       .dims = {n},
                       .init = is_zero ? INIT_ZEROS : INIT_LINEAR_BIAS,
                       .init_value = inputs};
}

static void add_layers(OpGenerator *g, Params *params, const char *module,
                       const OpGeneratorOptions *o)
{
    int z = o->input, h = o->width;
    ParamSpec w1 = {.rank = 2, .dims = {h, z}, .init = INIT_LINEAR_WEIGHT};
    ParamSpec w2 = {.rank = 2, .dims = {(int)g->size, h}, .init = INIT_LINEAR_WEIGHT};
    g->w1 = add(params, module, "w1", w1);
    g->c1 = add(params, module, "c1", bias(h, o->init == OP_INIT_PAPER, z));
    g->w2 = add(params, module, "w2", w2);
    g->c2 = add(params, module, "c2", bias((int)g->size, o->init != OP_INIT_REZERO, h));
    if (o->init == OP_INIT_REZERO)
        g->rescale =
            add(params, module, "rescale", (ParamSpec){.rank = 1, .dims = {1}, .init = INIT_ZEROS});
}

static void set_rows(OpGenerator *g, const size_t *sizes, int n)
{
    check(n >= 2 && n <= OP_MAX_OUTPUTS, "generator of %d outputs", n);
    g->n_outputs = n;
    for (int i = 0; i < n; i++) {
        g->rows[i] = g->size;
        g->size += sizes[i];
    }
}

void op_generator_add(OpGenerator *g, Params *params, const char *module, OpOutputs outputs,
                      const OpGenerator *shared, const OpGeneratorOptions *options)
{
    size_t sizes[OP_MAX_OUTPUTS] = {0};
    for (int i = 0; i < outputs.n; i++) sizes[i] = params_get(params, outputs.ids[i])->size;
    *g = shared != NULL ? *shared : (OpGenerator){.init = options->init, .rescale = -1};
    if (shared == NULL) set_rows(g, sizes, outputs.n);
    memcpy(g->outputs, outputs.ids, (size_t)outputs.n * sizeof *outputs.ids);
    g->shares = shared != NULL;
    add_input(g, params, module, options);
    if (shared == NULL) add_layers(g, params, module, options);
}

void op_generator_add_shared(OpGenerator *g, Params *params, const char *module,
                             const size_t *largest, int n_outputs,
                             const OpGeneratorOptions *options)
{
    *g = (OpGenerator){.init = options->init, .z = -1, .rescale = -1};
    set_rows(g, largest, n_outputs);
    add_layers(g, params, module, options);
}

void op_generator_begin(const OpGenerator *g, Params *params)
{
    int first = g->init == OP_INIT_REZERO ? 2 : 1; /* of the outputs that begin as 0 */
    if (first >= g->n_outputs) return;
    const Param *w2 = params_get(params, g->w2), *c2 = params_get(params, g->c2);
    size_t row = g->rows[first], width = (size_t)w2->dims[1], n = g->size - row;
    memset(params_values(params) + w2->offset + row * width, 0, n * width * sizeof(Real));
    memset(params_values(params) + c2->offset + row, 0, n * sizeof(Real));
}

/* ---- running ---- */

static GeneratorSize size_of(const OpGenerator *g, const Params *params)
{
    const Param *w1 = params_get(params, g->w1);
    return (GeneratorSize){w1->dims[1], w1->dims[0], (int)g->size};
}

static GeneratorArrays arrays_of(const OpGenerator *g, const Params *params, Real *flat)
{
    return (GeneratorArrays){
        flat + params_get(params, g->z)->offset,  flat + params_get(params, g->w1)->offset,
        flat + params_get(params, g->c1)->offset, flat + params_get(params, g->w2)->offset,
        flat + params_get(params, g->c2)->offset,
    };
}

/* The factor of B. */
static Real *rescale_of(const OpGenerator *g, const Params *params, Real *flat)
{
    return g->rescale >= 0 ? flat + params_get(params, g->rescale)->offset : NULL;
}

void op_generator_run(const OpGenerator *g, Params *params)
{
    GeneratorSize size = size_of(g, params);
    GeneratorArrays values = arrays_of(g, params, params_values(params));
    Real *h = mem_alloc((size_t)size.width, sizeof *h), *v = mem_alloc(g->size, sizeof *v);
    generator_forward(&size, &values, h, v);
    const Real *rescale = rescale_of(g, params, params_values(params));
    for (int i = 0; i < g->n_outputs; i++) {
        const Param *out = params_get(params, g->outputs[i]);
        Real *to = params_values(params) + out->offset;
        Real factor = i == 1 && rescale != NULL ? *rescale : 1;
        for (size_t j = 0; j < out->size; j++) to[j] = factor * v[g->rows[i] + j];
    }
    free(h);
    free(v);
}

/* dL/dv from the gradients of the outputs; v: as forward made it. */
static void collect(const OpGenerator *g, Params *params, const Real *v, Real *dv)
{
    const Real *rescale = rescale_of(g, params, params_values(params));
    for (int i = 0; i < g->n_outputs; i++) {
        const Param *out = params_get(params, g->outputs[i]);
        const Real *from = params_gradients(params) + out->offset;
        bool is_scaled = i == 1 && rescale != NULL;
        Real factor = is_scaled ? *rescale : 1;
        double product = 0;
        for (size_t j = 0; j < out->size; j++) {
            dv[g->rows[i] + j] = factor * from[j];
            product += (double)from[j] * (double)v[g->rows[i] + j];
        }
        if (is_scaled) *rescale_of(g, params, params_gradients(params)) += (Real)product;
    }
}

/* Gradients are set by generator_backward: of what is shared they are made aside and added. */
static void backward_shared(const GeneratorSize *size, const GeneratorArrays *values, const Real *h,
                            const Real *dv, const GeneratorArrays *gradients)
{
    size_t n_w1 = (size_t)size->width * (size_t)size->inputs, n_c1 = (size_t)size->width;
    size_t n_c2 = (size_t)size->outputs, n_w2 = n_c2 * n_c1;
    Real *own = mem_alloc(n_w1 + n_c1 + n_w2 + n_c2, sizeof *own);
    GeneratorArrays to = {gradients->z, own, own + n_w1, own + n_w1 + n_c1,
                          own + n_w1 + n_c1 + n_w2};
    generator_backward(size, values, h, dv, &to);
    for (size_t i = 0; i < n_w1; i++) gradients->w1[i] += to.w1[i];
    for (size_t i = 0; i < n_c1; i++) gradients->c1[i] += to.c1[i];
    for (size_t i = 0; i < n_w2; i++) gradients->w2[i] += to.w2[i];
    for (size_t i = 0; i < n_c2; i++) gradients->c2[i] += to.c2[i];
    free(own);
}

void op_generator_backward(const OpGenerator *g, Params *params)
{
    GeneratorSize size = size_of(g, params);
    GeneratorArrays values = arrays_of(g, params, params_values(params));
    GeneratorArrays gradients = arrays_of(g, params, params_gradients(params));
    Real *h = mem_alloc((size_t)size.width, sizeof *h), *v = mem_alloc(g->size, sizeof *v);
    Real *dv = mem_alloc(g->size, sizeof *dv);
    generator_forward(&size, &values, h, v);
    collect(g, params, v, dv);
    if (g->shares) {
        backward_shared(&size, &values, h, dv, &gradients);
    } else {
        generator_backward(&size, &values, h, dv, &gradients);
    }
    free(dv);
    free(v);
    free(h);
}
