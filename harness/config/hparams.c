/* DomainBed's random search. */
#include "hparams.h"

#include "json_text.h"
#include "mt19937.h"

#include <math.h>
#include <string.h>

enum { MAX_PRESET_RULES = 6 };

typedef struct {
    const char *name;
    HparamRule rules[MAX_PRESET_RULES]; /* ends with a NULL key */
} Preset;

/* clang-format off */
#define RULE(key_, ...) {.key = (key_), .draw = __VA_ARGS__}
/* linear_lr of ERM++; drawn for runs with a warm start only, as DomainBed has it for ERM++ only. */
#define WARM_START \
    {.key = "method.warm_start_lr", .draw = HPARAM_POWER(10, -5, -3.5), .needs = "method.warm_start"}

/* Ranges of hparams_registry.py (datasets of 28 pixels are its "small images"). resnet_dropout has
 * no effect on DomainBed's small network, so it is not drawn there. swad: the values of its search
 * (Cha et al. 2021, README of the code), drawn where its authors ran every combination. */
static const Preset presets[] = {
    {"domainbed",
     {RULE("data.batch_size", HPARAM_WHOLE_POWER(2, 3, 5.5)),
      RULE("method.lr", HPARAM_POWER(10, -5, -3.5)),
      RULE("method.weight_decay", HPARAM_POWER(10, -6, -2)),
      RULE("net.dropout", HPARAM_CHOICE(3, 0, 0.1, 0.5)),
      WARM_START}},
    {"domainbed-domainnet",
     {RULE("data.batch_size", HPARAM_WHOLE_POWER(2, 3, 5)),
      RULE("method.lr", HPARAM_POWER(10, -5, -3.5)),
      RULE("method.weight_decay", HPARAM_POWER(10, -6, -2)),
      RULE("net.dropout", HPARAM_CHOICE(3, 0, 0.1, 0.5)),
      WARM_START}},
    {"domainbed-small",
     {RULE("data.batch_size", HPARAM_WHOLE_POWER(2, 3, 9)),
      RULE("method.lr", HPARAM_POWER(10, -4.5, -2.5)),
      WARM_START}},
    {"swad",
     {RULE("method.lr", HPARAM_CHOICE(3, 1e-5, 3e-5, 5e-5)),
      RULE("method.weight_decay", HPARAM_CHOICE(2, 1e-4, 1e-6)),
      RULE("net.dropout", HPARAM_CHOICE(3, 0, 0.1, 0.5))}},
    {"none", {{.key = NULL}}},
};
/* clang-format on */

enum { N_PRESETS = sizeof presets / sizeof presets[0] };

/* ==== Ranges as text ==== */

static void skip_spaces(const char **s)
{
    while (**s == ' ') (*s)++;
}

static bool take(const char **s, const char *word)
{
    skip_spaces(s);
    if (!str_starts_with(*s, word)) return false;
    *s += strlen(word);
    return true;
}

static bool take_number(const char **s, double *out)
{
    char text[40];
    skip_spaces(s);
    size_t n = strspn(*s, "0123456789+-.eE");
    if (n == 0 || n >= sizeof text) return false;
    memcpy(text, *s, n);
    text[n] = '\0';
    *s += n;
    return str_to_double(text, out);
}

static bool take_uniform(const char **s, HparamDraw *out)
{
    out->kind = DRAW_UNIFORM;
    if (take(s, "10^")) {
        out->base = 10;
    } else if (take(s, "2^")) {
        out->base = 2;
    }
    return take(s, "U(") && take_number(s, &out->low) && take(s, ",") &&
           take_number(s, &out->high) && take(s, ")") && out->low <= out->high;
}

static bool take_choice(const char **s, HparamDraw *out)
{
    out->kind = DRAW_CHOICE;
    do {
        if (out->n_choices == HPARAM_MAX_CHOICES) return false;
        if (!take_number(s, &out->choices[out->n_choices++])) return false;
    } while (take(s, ","));
    return take(s, ")");
}

static bool take_range(const char **s, HparamDraw *out)
{
    if (take(s, "choice(")) return take_choice(s, out);
    if (!take(s, "int(")) return take_uniform(s, out);
    out->whole = true;
    return take_uniform(s, out) && take(s, ")");
}

bool hparam_draw_parse(HparamDraw *out, const char *text)
{
    HparamDraw draw = {.kind = DRAW_NONE};
    if (!take_range(&text, &draw)) return false;
    skip_spaces(&text);
    if (*text != '\0') return false;
    *out = draw;
    return true;
}

/* ==== Draws ==== */

uint32_t hparams_random_seed(int64_t hparams_seed, int64_t trial)
{
    Str args = {0};
    str_addf(&args, "(%lld, %lld)", (long long)hparams_seed, (long long)trial);
    uint32_t seed = domainbed_seed_hash(str_text(&args));
    str_done(&args);
    return seed;
}

double hparam_draw(const HparamDraw *draw, uint32_t random_seed)
{
    check(draw->kind != DRAW_NONE && draw->stream != NULL, "a draw of kind %d without a name",
          (int)draw->kind);
    Str args = {0};
    str_addf(&args, "(%u, '%s')", random_seed, draw->stream);
    Mt19937 mt;
    mt_seed(&mt, domainbed_seed_hash(str_text(&args)));
    str_done(&args);
    if (draw->kind == DRAW_CHOICE) return draw->choices[mt_below(&mt, (uint32_t)draw->n_choices)];
    double value = draw->low + (draw->high - draw->low) * mt_uniform(&mt);
    if (draw->base != 0) value = pow(draw->base, value);
    return draw->whole ? trunc(value) : value;
}

static bool set_drawn(RunSpec *spec, const char *key, const HparamDraw *draw, Arena *arena,
                      Err *err)
{
    uint32_t seed = hparams_random_seed(spec->hparams_seed, spec->trial);
    Str assignment = {0};
    str_addf(&assignment, "%s=", key);
    json_add_number(&assignment, hparam_draw(draw, seed));
    bool ok = schema_set(&spec->keys->schema, spec, str_text(&assignment), arena, err);
    str_done(&assignment);
    if (!ok) err_context(err, "sweep.draw");
    return ok;
}

static bool has_rule(const HparamRules *rules, const char *key)
{
    for (int i = 0; i < rules->n; i++) {
        if (str_equal(rules->rules[i].key, key)) return true;
    }
    return false;
}

static bool draw_members(RunSpec *spec, const HparamRules *rules, Arena *arena, Err *err)
{
    const RunTables *tables = &spec->keys->tables;
    for (int m = 0; m < tables->n_extras; m++) {
        const RunSpecExtras *extras = &tables->extras[m];
        if (!run_spec_uses(spec, extras->member)) continue;
        for (int i = 0; i < extras->n; i++) {
            const char *name = extras->defs[i].name;
            const char *key = arena_printf(arena, "method.%s.%s", extras->member, name);
            HparamDraw draw = extras->defs[i].draw;
            if (draw.kind == DRAW_NONE || has_rule(rules, key)) continue;
            if (draw.stream == NULL) {
                draw.stream = arena_printf(arena, "%s_%s", extras->member, name);
            }
            if (!set_drawn(spec, key, &draw, arena, err)) return false;
        }
    }
    return true;
}

bool hparams_apply(RunSpec *spec, const HparamRules *rules, Arena *arena, Err *err)
{
    if (spec->hparams_seed == 0) return true;
    for (int i = 0; i < rules->n; i++) {
        const HparamRule *rule = &rules->rules[i];
        const char *needs = rule->needs;
        if (needs != NULL && !(schema_number(schema_find(&spec->keys->schema, needs), spec) > 0))
            continue;
        if (!set_drawn(spec, rule->key, &rule->draw, arena, err)) return false;
    }
    return !rules->members || draw_members(spec, rules, arena, err);
}

/* ==== Rules in the experiment file ==== */

static const Preset *find_preset(const char *name)
{
    for (int i = 0; i < N_PRESETS; i++) {
        if (str_equal(presets[i].name, name)) return &presets[i];
    }
    return NULL;
}

/* DomainBed's name of what a key stands for. */
static const char *default_stream(const char *key, Arena *arena)
{
    static const char prefix[] = "method.";
    if (str_equal(key, "net.dropout")) return "resnet_dropout";
    if (str_equal(key, "method.warm_start_lr")) return "linear_lr";
    const char *last = strrchr(key, '.') != NULL ? strrchr(key, '.') + 1 : key;
    bool is_member = str_starts_with(key, prefix) && last - key > (long)strlen(prefix);
    if (!is_member) return last;
    const char *member = key + strlen(prefix);
    return arena_printf(arena, "%.*s_%s", (int)(last - 1 - member), member, last);
}

static void add_preset(HparamRules *out, const Preset *preset, Arena *arena)
{
    for (const HparamRule *rule = preset->rules; rule->key != NULL; rule++) {
        out->rules[out->n] = *rule;
        out->rules[out->n++].draw.stream = default_stream(rule->key, arena);
    }
    out->members = !str_equal(preset->name, "none");
}

void hparams_preset(HparamRules *out, const char *name, Arena *arena)
{
    const Preset *preset = find_preset(name);
    check(preset != NULL, "no preset of draws \"%s\"", name);
    *out = (HparamRules){.rules = arena_alloc(arena, MAX_PRESET_RULES, sizeof *out->rules)};
    add_preset(out, preset, arena);
}

static bool read_preset(HparamRules *out, const YamlNode *node, const char *place, Arena *arena,
                        Err *err)
{
    const Preset *preset = node->kind == YAML_SCALAR ? find_preset(node->text) : NULL;
    if (preset == NULL) {
        return err_set(err, ERR_FORMAT,
                       "%s:%d: sweep.draw: found %s%s%s, expected domainbed, domainbed-small, "
                       "domainbed-domainnet, swad, none or a map of keys",
                       place, node->line, node->kind == YAML_SCALAR ? "\"" : "",
                       node->kind == YAML_SCALAR ? node->text : "no name",
                       node->kind == YAML_SCALAR ? "\"" : "");
    }
    add_preset(out, preset, arena);
    return true;
}

static bool read_draw(HparamDraw *out, const YamlNode *node, const char *key, const char *place,
                      Arena *arena, Err *err)
{
    const YamlNode *range = node, *name = NULL;
    if (node->kind == YAML_MAP) {
        range = yaml_find(node, "range");
        name = yaml_find(node, "name");
    }
    bool is_map_ok = node->kind != YAML_MAP || node->n_items == (name != NULL) + (range != NULL);
    bool is_name_ok = name == NULL || name->kind == YAML_SCALAR;
    if (!is_map_ok || !is_name_ok || range == NULL || range->kind != YAML_SCALAR) {
        return err_set(err, ERR_FORMAT,
                       "%s:%d: sweep.draw: %s: expected a range or {name: ..., range: ...}", place,
                       node->line, key);
    }
    if (!hparam_draw_parse(out, range->text)) {
        return err_set(err, ERR_FORMAT,
                       "%s:%d: sweep.draw: %s: found \"%s\", expected U(a,b), 2^U(a,b), 10^U(a,b), "
                       "int(...) of one of them, or choice(a,b,...) of at most %d",
                       place, range->line, key, range->text, HPARAM_MAX_CHOICES);
    }
    out->stream = name != NULL ? arena_strdup(arena, name->text) : default_stream(key, arena);
    return true;
}

static bool check_key(const RunKeys *keys, const char *key, const char *place, int line, Err *err)
{
    const SchemaRow *row = schema_find(&keys->schema, key);
    if (row == NULL) {
        return err_set(err, ERR_FORMAT, "%s:%d: sweep.draw: unknown key \"%s\"", place, line, key);
    }
    bool is_axis = row->type == FIELD_INT || row->type == FIELD_FLOAT;
    bool is_seed = strchr(key, '.') == NULL;
    if (!is_axis || is_seed) {
        return err_set(err, ERR_FORMAT,
                       "%s:%d: sweep.draw: \"%s\" cannot be drawn, expected a hyper-parameter that "
                       "is a number",
                       place, line, key);
    }
    return true;
}

/* A rule of the same key takes the place of the preset's. */
static HparamRule *rule_for(HparamRules *rules, const char *key)
{
    for (int i = 0; i < rules->n; i++) {
        if (str_equal(rules->rules[i].key, key)) return &rules->rules[i];
    }
    return &rules->rules[rules->n++];
}

bool hparams_read(HparamRules *out, const RunKeys *keys, const YamlNode *node, const char *place,
                  Arena *arena, Err *err)
{
    HparamRules rules = {0};
    *out = rules;
    if (node == NULL) return true;
    int n_max = MAX_PRESET_RULES + node->n_items;
    rules.rules = arena_alloc(arena, (size_t)n_max, sizeof *rules.rules);
    bool is_map = node->kind == YAML_MAP;
    const YamlNode *preset = is_map ? yaml_find(node, "preset") : node;
    if (preset != NULL && !read_preset(&rules, preset, place, arena, err)) return false;
    for (int i = 0; is_map && i < node->n_items; i++) {
        const char *key = node->keys[i];
        if (str_equal(key, "preset")) continue;
        HparamDraw draw;
        if (!check_key(keys, key, place, node->key_lines[i], err) ||
            !read_draw(&draw, &node->items[i], key, place, arena, err)) {
            return false;
        }
        *rule_for(&rules, key) = (HparamRule){.key = key, .draw = draw};
    }
    *out = rules;
    return true;
}
