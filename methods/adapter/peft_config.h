/* adapter_config.json of PEFT's LoRA (huggingface/peft, LoraConfig): the keys that say what the
 * tensors mean. */
#ifndef ADAPTER_PEFT_CONFIG_H
#define ADAPTER_PEFT_CONFIG_H

#include "arena.h"
#include "err.h"
#include "str.h"

/* A value for some modules: key is a regular expression on the path or on its end behind a dot. */
typedef struct {
    const char *key;
    double value;
} PeftPattern;

/* Texts live in the arena that it was read with. */
typedef struct {
    const char *base_name; /* base_model_name_or_path; "": none is given */
    int rank;              /* r */
    double alpha;          /* lora_alpha */
    bool use_dora, use_rslora;
    PeftPattern *ranks, *alphas; /* rank_pattern, alpha_pattern: in place of the above */
    int n_ranks, n_alphas;
    const char **targets; /* target_modules: paths, or their ends behind a dot */
    int n_targets;
    const char *target_regex; /* in their place: the whole path has to match; else NULL */
    const char **saved;       /* modules_to_save */
    int n_saved;
} PeftConfig;

/* place: for messages. Refused in one line: another kind of adapter, one without r or lora_alpha
 * (PEFT would assume 8), and settings that need more than A, B and magnitudes. */
MUST_USE bool peft_config_parse(PeftConfig *out, const char *json, const char *place, Arena *arena,
                                Err *err);

/* All keys that PEFT's documentation recommends. Appends to out. */
void peft_config_json(const PeftConfig *config, Str *out);

/* Rank and alpha of a module; false: a pattern is no regular expression. */
MUST_USE bool peft_config_values(const PeftConfig *config, const char *module, int *rank,
                                 double *alpha, const char *place, Err *err);

/* Whether target_modules means the module; *which: the index in targets, -1 by a regular
 * expression. */
MUST_USE bool peft_config_targets(const PeftConfig *config, const char *module, bool *out,
                                  int *which, const char *place, Err *err);

#endif
