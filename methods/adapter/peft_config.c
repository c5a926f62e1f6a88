/* Reading and writing adapter_config.json. */
#include "peft_config.h"

#include "json_part.h"
#include "json_text.h"

#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ---- */

enum { MAX_EXPRESSION = 1000, MAX_REPEATS = 8 };

/* Counts and back references are left out: they make a short text take forever. Each + doubles what
 * is before it. */
static bool is_harmless(const char *python)
{
    int n_repeats = 0;
    if (strlen(python) > MAX_EXPRESSION) return false;
    for (const char *c = python; *c != '\0'; c++) {
        if (*c == '{' || (c[0] == '\\' && c[1] >= '0' && c[1] <= '9')) return false;
        n_repeats += *c == '+';
    }
    return n_repeats <= MAX_REPEATS;
}

/* Python's classes in the words of POSIX; both know the rest of what names are matched with. */
static void add_expression(Str *out, const char *python)
{
    for (const char *c = python; *c != '\0'; c++) {
        if (c[0] == '\\' && c[1] == 'd') {
            str_add(out, "[0-9]");
            c++;
        } else if (c[0] == '\\' && c[1] == 'w') {
            str_add(out, "[A-Za-z0-9_]");
            c++;
        } else {
            str_add_n(out, c, 1);
        }
    }
}

/* before and after stand around the expression. */
MUST_USE static bool matches(bool *out, const char *text, const char *expression, bool whole,
                             const char *place, Err *err)
{
    regex_t compiled;
    Str full = {0};
    str_add(&full, whole ? "^(" : "^(.*\\.)?(");
    add_expression(&full, expression);
    str_add(&full, ")$");
    bool ok = is_harmless(expression) &&
              regcomp(&compiled, str_text(&full), REG_EXTENDED | REG_NOSUB) == 0;
    str_done(&full);
    if (!ok) {
        return err_set(err, ERR_FORMAT, "%s: \"%.80s\": not a regular expression that is known",
                       place, expression);
    }
    *out = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return true;
}

MUST_USE static bool find_pattern(double *out, const PeftPattern *patterns, int n,
                                  const char *module, const char *place, Err *err)
{
    for (int i = 0; i < n; i++) {
        bool fits = false;
        if (!matches(&fits, module, patterns[i].key, false, place, err)) return false;
        if (!fits) continue;
        *out = patterns[i].value;
        return true;
    }
    return true;
}

bool peft_config_values(const PeftConfig *c, const char *module, int *rank, double *alpha,
                        const char *place, Err *err)
{
    double found = c->rank;
    *alpha = c->alpha;
    if (!find_pattern(&found, c->ranks, c->n_ranks, module, place, err) ||
        !find_pattern(alpha, c->alphas, c->n_alphas, module, place, err))
        return false;
    *rank = (int)found;
    return true;
}

/* The name, or its end behind a dot. */
static bool is_end_of(const char *end, const char *name)
{
    size_t n = strlen(name), m = strlen(end);
    return str_ends_with(name, end) && (n == m || name[n - m - 1] == '.');
}

bool peft_config_targets(const PeftConfig *c, const char *module, bool *out, int *which,
                         const char *place, Err *err)
{
    *which = -1;
    *out = false;
    if (c->target_regex != NULL) return matches(out, module, c->target_regex, true, place, err);
    for (int i = 0; i < c->n_targets && !*out; i++) {
        *out = is_end_of(c->targets[i], module);
        *which = i;
    }
    return true;
}

/* ---- reading ---- */

/* Settings under which A, B and magnitudes are not all, by the values that are fine. */
MUST_USE static bool check_plain(const JsonPart *p, Err *err)
{
    static const char *const switches[] = {"fan_in_fan_out", "lora_bias", "use_qalora"};
    static const char *const absent[] = {"layer_replication", "alora_invocation_tokens",
                                         "trainable_token_indices", "target_parameters",
                                         "megatron_config"};
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        bool on = false;
        if (!json_part_bool(p, switches[i], &on, err)) return false;
        if (on) return json_part_error(p, switches[i], "true, expected false", err);
    }
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const json_t *value = json_object_get(p->object, absent[i]);
        if (value == NULL || json_is_null(value) ||
            json_array_size(value) + json_object_size(value) == 0)
            continue;
        return json_part_error(p, absent[i], "expected null", err);
    }
    const char *bias = "none";
    if (!json_part_text(p, "bias", &bias, err)) return false;
    return str_equal(bias, "none") || json_part_error(p, "bias", "expected \"none\"", err);
}

/* After these the base has other weights than it was published with. */
MUST_USE static bool check_init(const JsonPart *p, Err *err)
{
    static const char *const others[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};
    const json_t *value = json_object_get(p->object, "init_lora_weights");
    for (size_t i = 0; json_is_string(value) && i < sizeof others / sizeof others[0]; i++) {
        if (!str_starts_with(json_string_value(value), others[i])) continue;
        return err_set(
            err, ERR_FORMAT,
            "%s: init_lora_weights: \"%.40s\", which changes the base model: expected an "
            "adapter that was saved against the base as it is published (PEFT's "
            "path_initial_model_for_weight_conversion)",
            p->place, json_string_value(value));
    }
    return true;
}

MUST_USE static bool check_kind(const JsonPart *p, Err *err)
{
    const char *type = NULL;
    if (!json_part_text(p, "peft_type", &type, err)) return false;
    if (type == NULL) {
        return err_set(err, ERR_FORMAT, "%s: found no peft_type, expected \"LORA\"", p->place);
    }
    if (!str_equal(type, "LORA")) {
        return err_set(err, ERR_FORMAT, "%s: peft_type: \"%.40s\", expected \"LORA\"", p->place,
                       type);
    }
    return check_plain(p, err) && check_init(p, err);
}

MUST_USE static bool read_rank(PeftConfig *out, const JsonPart *p, Err *err)
{
    int rank = 0;
    double alpha = -1;
    if (!json_part_int(p, "r", &rank, err) || !json_part_real(p, "lora_alpha", &alpha, err))
        return false;
    if (json_is_null(json_object_get(p->object, "r")) || json_object_get(p->object, "r") == NULL)
        return err_set(err, ERR_FORMAT, "%s: found no r, expected the rank", p->place);
    if (rank < 1) return json_part_error(p, "r", "expected a rank above 0", err);
    if (alpha <= 0)
        return err_set(err, ERR_FORMAT, "%s: lora_alpha: expected a number above 0", p->place);
    out->rank = rank;
    out->alpha = alpha;
    return json_part_bool(p, "use_dora", &out->use_dora, err) &&
           json_part_bool(p, "use_rslora", &out->use_rslora, err);
}

/* Ranks are whole numbers. */
MUST_USE static bool read_patterns(PeftPattern **out, int *n, const JsonPart *p, const char *key,
                                   Arena *arena, Err *err)
{
    bool whole = str_equal(key, "rank_pattern");
    json_t *object = json_object_get(p->object, key);
    if (object == NULL || json_is_null(object)) return true;
    if (!json_is_object(object)) return json_part_error(p, key, "expected an object", err);
    *out = arena_alloc(arena, json_object_size(object) + 1, sizeof **out);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        double number = json_number_value(value);
        bool is_rank = json_is_integer(value) && number <= INT_MAX;
        if (number <= 0 || (whole && !is_rank))
            return json_part_error(p, key, whole ? "expected ranks" : "expected numbers above 0",
                                   err);
        (*out)[(*n)++] = (PeftPattern){arena_strdup(arena, name), number};
    }
    return true;
}

MUST_USE static bool read_names(const char ***out, int *n, const JsonPart *p, const char *key,
                                Arena *arena, Err *err)
{
    const json_t *array = json_object_get(p->object, key);
    if (array == NULL || json_is_null(array)) return true;
    if (!json_is_array(array)) return json_part_error(p, key, "expected a list of names", err);
    *out = arena_alloc(arena, json_array_size(array) + 1, sizeof **out);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        if (name == NULL) return json_part_error(p, key, "expected a list of names", err);
        (*out)[(*n)++] = arena_strdup(arena, name);
    }
    return true;
}

MUST_USE static bool read_targets(PeftConfig *out, const JsonPart *p, Arena *arena, Err *err)
{
    static const char KEY[] = "target_modules";
    const char *text = json_string_value(json_object_get(p->object, KEY));
    if (text == NULL) {
        if (!read_names(&out->targets, &out->n_targets, p, KEY, arena, err)) return false;
        if (out->n_targets > 0) return true;
        return err_set(err, ERR_FORMAT, "%s: found no target_modules, expected the adapted layers",
                       p->place);
    }
    bool ignored = false;
    const char *all = str_equal(text, "all-linear") ? ".*" : text;
    out->target_regex = arena_strdup(arena, all);
    return matches(&ignored, "", out->target_regex, true, p->place, err);
}

MUST_USE static bool read_all(PeftConfig *out, const JsonPart *p, Arena *arena, Err *err)
{
    const char *base = "";
    if (!check_kind(p, err) || !read_rank(out, p, err) ||
        !json_part_text(p, "base_model_name_or_path", &base, err))
        return false;
    out->base_name = arena_strdup(arena, base);
    return read_patterns(&out->ranks, &out->n_ranks, p, "rank_pattern", arena, err) &&
           read_patterns(&out->alphas, &out->n_alphas, p, "alpha_pattern", arena, err) &&
           read_names(&out->saved, &out->n_saved, p, "modules_to_save", arena, err) &&
           read_targets(out, p, arena, err);
}

bool peft_config_parse(PeftConfig *out, const char *json, const char *place, Arena *arena, Err *err)
{
    json_error_t what;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &what);
    if (root == NULL) return err_set(err, ERR_FORMAT, "%s:%d: %s", place, what.line, what.text);
    PeftConfig found = {0};
    JsonPart part = {root, place, ""};
    bool ok = json_is_object(root) || err_set(err, ERR_FORMAT, "%s: not a JSON object", place);
    ok = ok && read_all(&found, &part, arena, err);
    json_decref(root);
    if (ok) *out = found;
    return ok;
}

/* ---- writing ---- */

static void add_patterns(Str *out, const char *key, const PeftPattern *patterns, int n)
{
    str_addf(out, "  \"%s\": {", key);
    for (int i = 0; i < n; i++) {
        str_add(out, i > 0 ? ",\n    " : "\n    ");
        json_add_text(out, patterns[i].key);
        str_add(out, ": ");
        json_add_number(out, patterns[i].value);
    }
    str_add(out, n > 0 ? "\n  },\n" : "},\n");
}

static void add_names(Str *out, const char *key, const char *const *names, int n)
{
    str_addf(out, "  \"%s\": [", key);
    for (int i = 0; i < n; i++) {
        str_add(out, i > 0 ? ",\n    " : "\n    ");
        json_add_text(out, names[i]);
    }
    str_add(out, n > 0 ? "\n  ],\n" : "],\n");
}

void peft_config_json(const PeftConfig *c, Str *out)
{
    str_add(out, "{\n");
    add_patterns(out, "alpha_pattern", c->alphas, c->n_alphas);
    str_add(out, "  \"auto_mapping\": null,\n  \"base_model_name_or_path\": ");
    json_add_text(out, c->base_name);
    str_add(out, ",\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n"
                 "  \"inference_mode\": true,\n  \"init_lora_weights\": true,\n"
                 "  \"layers_pattern\": null,\n  \"layers_to_transform\": null,\n"
                 "  \"lora_alpha\": ");
    json_add_number(out, c->alpha);
    str_add(out, ",\n  \"lora_dropout\": 0.0,\n");
    if (c->n_saved > 0) {
        add_names(out, "modules_to_save", c->saved, c->n_saved);
    } else {
        str_add(out, "  \"modules_to_save\": null,\n");
    }
    str_addf(out, "  \"peft_type\": \"LORA\",\n  \"r\": %d,\n", c->rank);
    add_patterns(out, "rank_pattern", c->ranks, c->n_ranks);
    str_add(out, "  \"revision\": null,\n");
    add_names(out, "target_modules", c->targets, c->n_targets);
    str_addf(out, "  \"task_type\": null,\n  \"use_dora\": %s,\n  \"use_rslora\": %s\n}\n",
             c->use_dora ? "true" : "false", c->use_rslora ? "true" : "false");
}
