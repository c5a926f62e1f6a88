/* See optim_case.h. */
#include "optim_case.h"

Params *optim_make_params(int n)
{
    Params *p = params_new();
    params_add(p, &(ParamSpec){"frozen", 1, {3}, INIT_ONES, 0, 0});
    params_add(p, &(ParamSpec){"learned", 1, {n}, INIT_NORMAL, 1, 0});
    params_add(p, &(ParamSpec){"buffer", 1, {2}, INIT_ONES, 0, PARAM_BUFFER});
    params_seal(p, 1);
    params_freeze(p, params_find(p, "frozen"), true);
    return p;
}

int optim_setup(void **state)
{
    OptimCase *f = test_calloc(1, sizeof *f);
    f->golden = golden_open("nn/optim.safetensors");
    f->start = golden_values(f->golden, "start", NULL);
    f->gradients = golden_values(f->golden, "gradients", NULL);
    f->params = optim_make_params(N);
    f->frozen = params_find(f->params, "frozen");
    f->learned = params_find(f->params, "learned");
    f->buffer = params_find(f->params, "buffer");
    *state = f;
    return 0;
}

int optim_teardown(void **state)
{
    OptimCase *f = *state;
    params_free(f->params);
    test_free(f->start);
    test_free(f->gradients);
    safetensors_close(f->golden);
    test_free(f);
    return 0;
}

Real *optim_values_of(Params *p, int id)
{
    return params_values(p) + params_get(p, id)->offset;
}

void optim_give_gradients(Params *p, const Real *learned, size_t n)
{
    for (size_t i = 0; i < params_size(p); i++) params_gradients(p)[i] = 1;
    memcpy(params_gradients(p) + params_get(p, 1)->offset, learned, n * sizeof *learned);
}
