/* Random hyper-parameters, drawn exactly as DomainBed draws them (hparams_registry.py,
 * misc.seed_hash): hparams_seed 0 is no draw at all; any other gives random_seed =
 * seed_hash(hparams_seed, trial), and every hyper-parameter its own
 * RandomState(seed_hash(random_seed, name)), so that adding one never disturbs the others.
 *
 * What is drawn stands in the experiment file:
 *
 *     sweep.draw: domainbed            # a preset, or a map:
 *     sweep.draw: {preset: domainbed-small, method.lr: "10^U(-5, -3.5)",
 *                  net.dropout: {name: resnet_dropout, range: "choice(0, 0.1, 0.5)"}}
 *
 * Presets: domainbed, domainbed-small, domainbed-domainnet, swad, none.
 *
 * Ranges: U(a, b), 2^U(a, b), 10^U(a, b), int(...) around one of them, choice(a, b, ...). `name` is
 * what seeds the draw; without it the preset's name for the key, "vrex_lambda" for
 * `method.vrex.lambda`, else the key's last part. A preset also draws the hyper-parameters of the
 * members that a run uses, where their tables have a range.
 */
#ifndef CONFIG_HPARAMS_H
#define CONFIG_HPARAMS_H

#include "run_spec.h"

typedef struct {
    const char *key;   /* of RunSpec */
    HparamDraw draw;   /* with its stream */
    const char *needs; /* key of a number that has to be above 0; NULL: drawn always */
} HparamRule;

typedef struct {
    HparamRule *rules;
    int n;
    bool members; /* draw those of the members in use as well */
} HparamRules;

/* "10^U(-5,-3.5)" and so on; spaces are allowed. False when the text is no range (nothing else is
 * told). */
bool hparam_draw_parse(HparamDraw *out, const char *text);

/* The draw's value; draw->stream names it. Not for DRAW_NONE. */
double hparam_draw(const HparamDraw *draw, uint32_t random_seed);

uint32_t hparams_random_seed(int64_t hparams_seed, int64_t trial);

/* The rules of a preset, which has to exist. */
void hparams_preset(HparamRules *out, const char *name, Arena *arena);

/* Reads the node of `sweep.draw`; NULL gives no rules. */
MUST_USE bool hparams_read(HparamRules *out, const RunKeys *keys, const YamlNode *node,
                           const char *place, Arena *arena, Err *err);

/* Draws into spec by its own hparams_seed and trial. Fails when a drawn value is outside its key's
 * range. */
MUST_USE bool hparams_apply(RunSpec *spec, const HparamRules *rules, Arena *arena, Err *err);

#endif
