#include "run_adapter.h"

#include "run_names.h"
#include "str.h"

#include <stdio.h>

MUST_USE static bool find_kind(const AdapterKind **out, const char *name, Err *err)
{
    enum { MOST = 32 };
    int n;
    const AdapterKind *kinds = adapter_kinds(&n);
    const char *names[MOST] = {"none"};
    check(n < MOST, "%d adapters", n);
    for (int i = 0; i < n; i++) names[i + 1] = kinds[i].name;
    *out = adapter_kind_find(name);
    return *out != NULL || run_unknown_name(err, "method.adapter", name, names, n + 1);
}

/* Keys that say something about free factors only. */
MUST_USE static bool check_generated(const MethodSpec *m, Err *err)
{
    char ratio[32];
    snprintf(ratio, sizeof ratio, "%g", m->adapting.lr_ratio);
    const struct {
        const char *key, *found, *expected;
        bool is_given;
    } only_free[] = {
        {"adapter_init", m->adapting.init == FACTORS_PISSA ? "pissa" : "gaussian", "default",
         m->adapting.init != FACTORS_DEFAULT},
        {"adapter_lr_ratio", ratio, "1", m->adapting.lr_ratio != 1},
        {"adapter_matched", "true", "false", m->adapting.matched},
        {"compat", "erm_plusplus", "none", m->compat == COMPAT_ERM_PLUSPLUS},
    };
    for (size_t i = 0; i < sizeof only_free / sizeof *only_free; i++) {
        if (!only_free[i].is_given) continue;
        return err_set(err, ERR_FORMAT,
                       "method.%s: found %s, expected %s with method.adapter %s, whose factors are "
                       "generated",
                       only_free[i].key, only_free[i].found, only_free[i].expected, m->adapter);
    }
    return true;
}

static AdapterOptions options_of(const RunSpec *spec, const AdapterKind *kind)
{
    static const AdapterScaling scalings[] = {
        [SCALING_LORA] = ADAPTER_SCALING_LORA, [SCALING_RSLORA] = ADAPTER_SCALING_RSLORA};
    static const AdapterInit inits[] = {[FACTORS_DEFAULT] = ADAPTER_INIT_DEFAULT,
                                        [FACTORS_GAUSSIAN] = ADAPTER_INIT_GAUSSIAN,
                                        [FACTORS_PISSA] = ADAPTER_INIT_PISSA};
    static const OpInit generators[] = {[GENERATOR_PAPER] = OP_INIT_PAPER,
                                        [GENERATOR_CODE] = OP_INIT_CODE,
                                        [GENERATOR_REZERO] = OP_INIT_REZERO};
    const AdapterSpec *a = &spec->method.adapting;
    return (AdapterOptions){
        .kind = kind,
        .targets = (const char *const *)a->target.items,
        .n_targets = a->target.n,
        .rank = (int)a->rank,
        .alpha = a->alpha,
        .scaling = scalings[a->scaling],
        .init = inits[a->init],
        .lr_ratio = a->lr_ratio,
        .matched = a->matched,
        .generator = {.input = (int)a->input,
                      .width = (int)a->width,
                      .input_std = a->input_std,
                      .init = generators[a->generator_init]},
        .shared_generator = a->shared,
    };
}

bool run_adapter_set(LearnerOptions *o, const RunSpec *spec, Arena *arena, Err *err)
{
    const MethodSpec *m = &spec->method;
    const AdapterKind *kind;
    if (str_equal(m->adapter, "none")) return true;
    if (!find_kind(&kind, m->adapter, err)) return false;
    if (kind->is_generated && !check_generated(m, err)) return false;
    AdapterOptions *options = arena_alloc(arena, 1, sizeof *options);
    *options = options_of(spec, kind);
    o->net.adapter = &ADAPTER_HOOK;
    o->net.adapter_options = options;
    o->average_generators = kind->is_generated && m->adapting.average == ADAPTER_AVERAGE_GENERATOR;
    return true;
}

int64_t run_adapter_n_inference(Learner *l)
{
    const Params *params = learner_params(l);
    const Adapter *a = net_adapter(learner_net(l));
    size_t n = a != NULL ? adapter_size(a, params) : 0;
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        if (param_is_learned(p) && !(p->flags & PARAM_ADAPTER)) n += p->size;
    }
    return (int64_t)n;
}
