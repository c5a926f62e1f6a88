/* Modules are found by the names and shapes of weights; targets are fnmatch patterns. */
#include "adapter_targets.h"

#include "adapter.h"
#include "mem.h"
#include "str.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QV   "*attn.qkv.[qv]", "*attn.in_proj.[qv]"
#define QKVO "*attn.qkv.[qkv]", "*attn.in_proj.[qkv]", "*attn.proj", "*attn.out_proj"
#define MLP  "*mlp.fc[12]", "*mlp.c_fc", "*mlp.c_proj"

static const char *const QV_PATTERNS[] = {QV, NULL};
static const char *const QKVO_PATTERNS[] = {QKVO, NULL};
static const char *const QKVO_MLP_PATTERNS[] = {QKVO, MLP, NULL};
static const char *const CONV2_PATTERNS[] = {"*layer[0-9].*.conv2", NULL};
static const char *const LAYER34_PATTERNS[] = {"*layer[34].*", NULL};
static const char *const ALL_PATTERNS[] = {"*", NULL};

static const AdapterPreset PRESETS[] = {
    {"qv", "queries and values of a vision transformer's attention", QV_PATTERNS},
    {"qkvo", "all four projections of a vision transformer's attention", QKVO_PATTERNS},
    {"qkvo+mlp", "those and both layers of its perceptrons", QKVO_MLP_PATTERNS},
    {"resnet-conv2", "the second convolution of every block of a ResNet", CONV2_PATTERNS},
    {"resnet-layer34", "all convolutions of a ResNet's last two stages", LAYER34_PATTERNS},
    {"all", "every linear layer and convolution but the first and the classifier", ALL_PATTERNS},
};
enum { N_PRESETS = sizeof PRESETS / sizeof *PRESETS };

const AdapterPreset *adapter_presets(int *n)
{
    *n = N_PRESETS;
    return PRESETS;
}

/* ---- modules ---- */

static void add_module(AdapterModules *m, const char *name, const char *part, AdapterModule module)
{
    mem_reserve(m->items, m->capacity, m->n + 1);
    int n = snprintf(module.name, sizeof module.name, "%s%s", name, part);
    check(n > 0 && n < (int)sizeof module.name, "%s: name too long", name);
    m->items[m->n++] = module;
}

/* The name of a weight without ".weight"; false: it is none. */
static bool module_name(char out[PARAM_NAME_SIZE], const char *weight)
{
    static const char dotted[] = ".weight", joined[] = "_weight";
    if (!str_ends_with(weight, dotted) && !str_ends_with(weight, joined)) return false;
    snprintf(out, PARAM_NAME_SIZE, "%.*s", (int)(strlen(weight) - strlen(dotted)), weight);
    return true;
}

static bool is_fused(const char *name, const Param *q)
{
    return q->rank == 2 && q->dims[0] == 3 * q->dims[1] &&
           (str_ends_with(name, "attn.qkv") || str_ends_with(name, "attn.in_proj"));
}

void adapter_modules(AdapterModules *out, const Params *params, const char *input_conv)
{
    static const char *const parts[] = {".q", ".k", ".v"};
    enum { NEVER = PARAM_BUFFER | PARAM_HEAD | PARAM_NORM | PARAM_POSITIONS | PARAM_ADAPTER };
    *out = (AdapterModules){0};
    for (int i = 0; i < params_count(params); i++) {
        const Param *q = params_get(params, i);
        char name[PARAM_NAME_SIZE];
        bool is_product = q->rank == 2 || (q->flags & PARAM_CONV);
        bool is_input = input_conv != NULL && str_equal(q->name, input_conv);
        if ((q->flags & NEVER) || !is_product || is_input || !module_name(name, q->name)) continue;
        bool fused = is_fused(name, q);
        add_module(out, name, "",
                   (AdapterModule){.weight = i, .n_rows = q->dims[0], .is_whole = fused});
        for (int k = 0; fused && k < 3; k++) {
            int n = q->dims[1];
            add_module(out, name, parts[k],
                       (AdapterModule){.weight = i, .row = k * n, .n_rows = n});
        }
    }
}

void adapter_modules_done(AdapterModules *m)
{
    free(m->items);
    *m = (AdapterModules){0};
}

/* ---- targets ---- */

static bool mark(AdapterModules *m, const char *pattern)
{
    bool found = false;
    for (int i = 0; i < m->n; i++) {
        if (fnmatch(pattern, m->items[i].name, 0) != 0) continue;
        m->items[i].is_target = found = true;
    }
    return found;
}

static bool mark_target(AdapterModules *m, const char *target)
{
    for (int i = 0; i < N_PRESETS; i++) {
        if (!str_equal(PRESETS[i].name, target)) continue;
        bool found = false;
        for (const char *const *p = PRESETS[i].patterns; *p != NULL; p++) found |= mark(m, *p);
        return found;
    }
    return mark(m, target);
}

/* Of a fused weight, its parts or the whole. */
static void drop_wholes(AdapterModules *m)
{
    for (int i = 0; i < m->n; i++) {
        for (int k = i + 1; m->items[i].is_whole && k <= i + 3; k++) {
            if (m->items[k].is_target) m->items[i].is_target = false;
        }
    }
}

static bool fail_target(const AdapterModules *m, const char *target, Err *err)
{
    enum { SHOWN = 128 };
    const char **names = mem_alloc((size_t)m->n + N_PRESETS, sizeof *names);
    for (int i = 0; i < m->n; i++) names[i] = m->items[i].name;
    for (int i = 0; i < N_PRESETS; i++) names[m->n + i] = PRESETS[i].name;
    const char *nearest = str_nearest(target, names, m->n + N_PRESETS);
    if (nearest != NULL && !str_equal(nearest, target)) {
        err_set(err, ERR_FORMAT,
                "method.adapter_target: \"%.*s\" matches no layer of this network (did you mean "
                "\"%s\"?)",
                SHOWN, target, nearest);
    } else {
        err_set(err, ERR_FORMAT,
                "method.adapter_target: \"%.*s\" matches no layer of this network, expected all or "
                "a pattern over names such as %s",
                SHOWN, target, m->n > 0 ? names[m->n - 1] : "(it has none that can be adapted)");
    }
    free(names);
    return false;
}

bool adapter_choose(AdapterModules *m, const char *const *targets, int n, Err *err)
{
    for (int i = 0; i < n; i++) {
        if (!mark_target(m, targets[i])) return fail_target(m, targets[i], err);
    }
    drop_wholes(m);
    return true;
}
