/* See peft_case.h. */
#include "peft_case.h"

#include <stdio.h>

enum { D = CASE_WIDTH, HIDDEN = CASE_HIDDEN, K = CASE_CLASSES };

static void add(Params *p, const char *name, ParamSpec spec)
{
    spec.name = name;
    spec.init = INIT_NORMAL;
    spec.init_value = 1;
    (void)params_add(p, &spec);
}

static void add_matrix(Params *p, const char *name, int rows, int columns)
{
    add(p, name, (ParamSpec){.rank = 2, .dims = {rows, columns}});
}

static void add_vector(Params *p, const char *name, int n, unsigned flags)
{
    add(p, name, (ParamSpec){.rank = 1, .dims = {n}, .flags = flags});
}

static void add_conv(Params *p, const char *name, int out, int kernel, int in)
{
    add(p, name, (ParamSpec){.rank = 4, .dims = {out, kernel, kernel, in}, .flags = PARAM_CONV});
}

static void add_head(Params *p, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "%s.weight", name);
    add(p, text, (ParamSpec){.rank = 2, .dims = {K, D}, .flags = PARAM_HEAD});
    snprintf(text, sizeof text, "%s.bias", name);
    add_vector(p, text, K, PARAM_HEAD);
}

static void add_vit(Params *p)
{
    static const char *const norms[] = {"norm1.weight", "norm1.bias"};
    add(p, "pos_embed", (ParamSpec){.rank = 3, .dims = {1, 5, D}, .flags = PARAM_POSITIONS});
    add_conv(p, "patch_embed.proj.weight", D, 2, 3);
    for (int i = 0; i < 2; i++) {
        char text[64];
        for (int k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "blocks.%d.%s", i, norms[k]);
            add_vector(p, text, D, PARAM_NORM);
        }
        snprintf(text, sizeof text, "blocks.%d.attn.qkv.weight", i);
        add_matrix(p, text, 3 * D, D);
        snprintf(text, sizeof text, "blocks.%d.attn.qkv.bias", i);
        add_vector(p, text, 3 * D, 0);
        snprintf(text, sizeof text, "blocks.%d.attn.proj.weight", i);
        add_matrix(p, text, D, D);
        snprintf(text, sizeof text, "blocks.%d.mlp.fc1.weight", i);
        add_matrix(p, text, HIDDEN, D);
        snprintf(text, sizeof text, "blocks.%d.mlp.fc2.weight", i);
        add_matrix(p, text, D, HIDDEN);
    }
    add_head(p, "head");
}

static void add_clip(Params *p)
{
    add_conv(p, "visual.conv1.weight", D, 2, 3);
    for (int i = 0; i < 2; i++) {
        static const char BLOCK[] = "visual.transformer.resblocks";
        char text[96];
        snprintf(text, sizeof text, "%s.%d.attn.in_proj_weight", BLOCK, i);
        add_matrix(p, text, 3 * D, D);
        snprintf(text, sizeof text, "%s.%d.attn.in_proj_bias", BLOCK, i);
        add_vector(p, text, 3 * D, 0);
        snprintf(text, sizeof text, "%s.%d.attn.out_proj.weight", BLOCK, i);
        add_matrix(p, text, D, D);
        snprintf(text, sizeof text, "%s.%d.mlp.c_fc.weight", BLOCK, i);
        add_matrix(p, text, HIDDEN, D);
        snprintf(text, sizeof text, "%s.%d.mlp.c_proj.weight", BLOCK, i);
        add_matrix(p, text, D, HIDDEN);
    }
    add(p, "visual.proj", (ParamSpec){.rank = 2, .dims = {D, D}});
    add_head(p, "head");
}

static void add_resnet(Params *p)
{
    add_conv(p, "conv1.weight", D, 7, 3);
    add_vector(p, "bn1.weight", D, PARAM_NORM);
    add_vector(p, "bn1.running_mean", D, PARAM_BUFFER);
    add_conv(p, "layer1.0.conv1.weight", D, 1, D);
    add_conv(p, "layer1.0.conv2.weight", HIDDEN, 3, D);
    add_conv(p, "layer1.0.downsample.0.weight", HIDDEN, 1, D);
    add_head(p, "fc");
}

Params *peft_case_params(PeftCaseNet net, uint64_t seed)
{
    Params *p = params_new();
    if (net == CASE_VIT) add_vit(p);
    if (net == CASE_CLIP) add_clip(p);
    if (net == CASE_RESNET) add_resnet(p);
    params_seal(p, seed);
    return p;
}

Real *peft_case_values(Params *params, const char *name)
{
    int id = params_find(params, name);
    check(id >= 0, "no %s", name);
    return params_values(params) + params_get(params, id)->offset;
}

/* Numbers of which no two are the same, without a generator. */
static void fill(Real *values, size_t n, double *next)
{
    for (size_t i = 0; i < n; i++) {
        *next += 0.6180339887498949;
        *next -= *next >= 1 ? 1 : 0;
        values[i] = (Real)(2 * *next - 1);
    }
}

LowRankChange *peft_case_add(LowRankSet *set, Params *params, const char *weight,
                             LowRankChange shape, bool has_magnitude)
{
    shape.weight = params_find(params, weight);
    check(shape.weight >= 0, "no %s", weight);
    const Param *w = params_get(params, shape.weight);
    if (shape.n_rows == 0) shape.n_rows = w->dims[0];
    LowRankChange *c = low_rank_set_add(set, params, &shape, has_magnitude);
    double next = 0.1 * set->n;
    fill(c->a, (size_t)c->rank * (size_t)low_rank_columns(w), &next);
    fill(c->b, (size_t)c->rank * (size_t)c->n_rows, &next);
    if (!has_magnitude) return c;
    fill(c->magnitude, (size_t)c->n_rows, &next);
    return c;
}
