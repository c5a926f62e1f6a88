/* Layouts, and what a network's layers are called in them. */
#include "peft_names.h"

#include "mem.h"
#include "namings.h"

#include <stdlib.h>
#include <string.h>

#define VIT  "blocks.0.attn.qkv.weight"
#define CLIP "visual.transformer.resblocks.0.attn.in_proj_weight"

static const PeftLayout LAYOUTS[] = {
    {"timm", "timm's vision transformers: fused queries, keys and values", VIT, NULL, false},
    {"huggingface-vit", "transformers' ViTForImageClassification", VIT, &NAMING_HUGGING_FACE_VIT,
     false},
    {"torchvision-vit", "torchvision's VisionTransformer", VIT, &NAMING_TORCHVISION_VIT, true},
    {"open_clip", "OpenCLIP's vision transformers", CLIP, NULL, true},
    {"huggingface-clip", "transformers' CLIPModel and CLIPVisionModel", CLIP,
     &NAMING_HUGGING_FACE_CLIP, false},
    {"torchvision", "the network's own names: torchvision's of ResNets", NULL, NULL, false},
};
enum { N_LAYOUTS = sizeof LAYOUTS / sizeof *LAYOUTS };

const PeftLayout *peft_layouts(int *n)
{
    *n = N_LAYOUTS;
    return LAYOUTS;
}

/* Networks with a probe of their own have no need of the last layout, which would call a fused
 * attention by names that no model has. */
bool peft_layout_fits(const PeftLayout *layout, const Params *params)
{
    if (layout->probe != NULL) return params_find(params, layout->probe) >= 0;
    return params_find(params, VIT) < 0 && params_find(params, CLIP) < 0;
}

bool peft_layout_find(const PeftLayout **out, const char *name, const Params *params, Err *err)
{
    const char *names[N_LAYOUTS];
    Str fitting = {0};
    *out = NULL;
    for (int i = 0; i < N_LAYOUTS; i++) {
        const PeftLayout *layout = &LAYOUTS[i];
        names[i] = layout->name;
        if (!peft_layout_fits(layout, params)) continue;
        str_addf(&fitting, "%s%s", fitting.n > 0 ? ", " : "", layout->name);
        if (*out == NULL && (name == NULL || str_equal(name, layout->name))) *out = layout;
    }
    if (*out == NULL) {
        const char *nearest = str_nearest(name, names, N_LAYOUTS);
        bool is_known = nearest != NULL && str_equal(nearest, name);
        err_set(err, ERR_FORMAT, "layout \"%s\": %s, expected %s", name,
                is_known ? "the network has no such layers" : "unknown", str_text(&fitting));
    }
    str_done(&fitting);
    return *out != NULL;
}

/* ---- modules ---- */

/* name without its end, where it has it. */
static const char *without_end(const char *name, const char *end, Arena *arena)
{
    if (!str_ends_with(name, end)) return name;
    return arena_strndup(arena, name, strlen(name) - strlen(end));
}

/* torch.nn.MultiheadAttention: in_proj is a parameter of the attention itself, out_proj a module in
 * it, which PEFT has moved under base_layer. */
static void name_multihead(PeftModule *m, Arena *arena)
{
    static const char OUT[] = ".out_proj";
    if (str_ends_with(m->name, ".in_proj")) {
        m->name = m->target = without_end(m->name, ".in_proj", arena);
    } else if (str_ends_with(m->name, OUT)) {
        m->target = without_end(m->name, OUT, arena);
        m->name = arena_printf(arena, "%s.base_layer%s", m->target, OUT);
    }
}

static PeftModule make_module(const PeftLayout *layout, const char *tensor, Arena *arena)
{
    const char *name = arena_strdup(arena, tensor);
    name = without_end(without_end(name, ".weight", arena), "_weight", arena);
    PeftModule m = {.name = name, .target = name, .companion = -1};
    if (layout->is_multihead) name_multihead(&m, arena);
    return m;
}

static bool is_layer(const Param *p)
{
    bool is_weight = str_ends_with(p->name, ".weight") || str_ends_with(p->name, "_weight");
    unsigned others = PARAM_BUFFER | PARAM_HEAD | PARAM_NORM | PARAM_POSITIONS | PARAM_ADAPTER;
    return is_weight && (p->rank == 2 || p->rank == 4) && !(p->flags & others);
}

static void find_companions(PeftModule *modules, int n)
{
    for (int i = 0; i + 1 < n; i++) {
        if (!str_equal(modules[i].target, modules[i + 1].target)) continue;
        modules[i].companion = i + 1;
        modules[i + 1].companion = i;
    }
}

const PeftModule *peft_modules(int *n, const PeftLayout *layout, const Params *params, Arena *arena)
{
    size_t most = (size_t)params_count(params) * NAME_MAX_PARTS;
    PeftModule *modules = arena_alloc(arena, most, sizeof *modules);
    *n = 0;
    for (int id = 0; id < params_count(params); id++) {
        const Param *p = params_get(params, id);
        if (!is_layer(p)) continue;
        ParamSource source;
        param_source_init(&source, layout->naming, "", p->name);
        for (int i = 0; i < source.n; i++) {
            PeftModule *m = &modules[(*n)++];
            *m = make_module(layout, str_text(&source.names[i]), arena);
            m->weight = id;
            m->n_rows = p->dims[0] / source.n;
            m->row = i * m->n_rows;
        }
        param_source_done(&source);
    }
    find_companions(modules, *n);
    return modules;
}

const char *peft_head_name(const PeftLayout *layout, const Param *head, Arena *arena)
{
    ParamSource source;
    param_source_init(&source, layout->naming, "", head->name);
    const char *name = arena_strdup(arena, str_text(&source.names[0]));
    param_source_done(&source);
    return name;
}
