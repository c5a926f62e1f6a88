/* How PEFT calls the layers of the networks that adapters are made for: the paths of the modules in
 * the base model, behind "base_model.model.". The same network is several models (timm's and
 * transformers' ViT; OpenCLIP's and transformers' CLIP), so there are several layouts:
 *
 *     int n;
 *     const PeftModule *modules = peft_modules(&n, layout, params, arena);
 */
#ifndef ADAPTER_PEFT_NAMES_H
#define ADAPTER_PEFT_NAMES_H

#include "arena.h"
#include "err.h"
#include "params.h"
#include "params_names.h"

typedef struct {
    const char *name, *help;
    const char *probe;         /* a parameter of the networks that have it; NULL: all have */
    const ParamNaming *naming; /* NULL: ours */
    bool is_multihead; /* attention is torch.nn.MultiheadAttention, of which PEFT adapts in_proj
                          and out_proj always together ("NAME" and "NAME.base_layer.out_proj"),
                          with one rank and alpha, and never with magnitudes */
} PeftLayout;

const PeftLayout *peft_layouts(int *n); /* all, those of a network's own names first */

/* The layout of that name, or the network's first for NULL; one that the network has not: error. */
MUST_USE bool peft_layout_find(const PeftLayout **out, const char *name, const Params *params,
                               Err *err);
bool peft_layout_fits(const PeftLayout *layout, const Params *params);

/* A linear or convolution layer of the base model: rows row .. row + n_rows - 1 of a weight of
 * ours. */
typedef struct {
    const char *name;   /* of its tensors: "blocks.0.attn.qkv" */
    const char *target; /* that PEFT is told to adapt: the same, or the attention it is part of */
    int weight;         /* id */
    int row, n_rows;
    int companion; /* index of the module that is adapted with it, or -1 */
} PeftModule;

/* All of a network but the classifier, in the order of its parameters. */
const PeftModule *peft_modules(int *n, const PeftLayout *layout, const Params *params,
                               Arena *arena);

/* Path of a classifier's parameter: "classifier.weight". */
const char *peft_head_name(const PeftLayout *layout, const Param *head, Arena *arena);

#endif
