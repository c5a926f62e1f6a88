/* Presets at work: rows of datasets, keys set, deviations found. */
#include "hparams.h"
#include "protocols.h"

#include <ctype.h>
#include <string.h>

/* The last part of a path, without ".yaml". */
static const char *base_name(const char *dataset, size_t *length)
{
    size_t end = strlen(dataset);
    while (end > 1 && dataset[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && dataset[begin - 1] != '/') begin--;
    if (end - begin > 5 && memcmp(dataset + end - 5, ".yaml", 5) == 0) end -= 5;
    *length = end - begin;
    return dataset + begin;
}

/* The first letter or digit at or after *at, in lower case; '\0' when there is none before end. */
static int next_letter(const char **at, const char *end)
{
    while (*at < end && (**at == '-' || **at == '_')) (*at)++;
    return *at < end ? tolower((unsigned char)*(*at)++) : '\0';
}

/* The same letters and digits; case, '-' and '_' do not count. */
static bool same_name(const char *found, size_t length, const char *name)
{
    const char *found_end = found + length, *name_end = name + strlen(name);
    int c;
    do {
        c = next_letter(&found, found_end);
        if (c != next_letter(&name, name_end)) return false;
    } while (c != '\0');
    return true;
}

const ProtocolRow *protocol_row(const Protocol *p, const char *dataset)
{
    size_t length;
    const char *name = base_name(dataset, &length);
    for (const ProtocolRow *row = p->rows; row->dataset != NULL; row++) {
        if (same_name(name, length, row->dataset)) return row;
    }
    return NULL;
}

const char *protocol_draw(const Protocol *p, const char *dataset)
{
    const ProtocolRow *row = protocol_row(p, dataset);
    return row != NULL && row->draw != NULL ? row->draw : p->draw;
}

/* The row of a setting; NULL for a hyper-parameter of a member (method.NAME.KEY) that is not among
 * the program's. */
static const SchemaRow *row_of(const char *setting, const Schema *schema, Arena *arena)
{
    const char *key = arena_strndup(arena, setting, strcspn(setting, "="));
    const SchemaRow *row = schema_find(schema, key);
    bool is_member =
        str_starts_with(key, "method.") && strchr(key + strlen("method."), '.') != NULL;
    check(row != NULL || is_member, "no key \"%s\"", key);
    return row;
}

static void set_all(const Protocol *p, const char *const *settings, const Schema *schema,
                    void *target, Arena *arena)
{
    for (int i = 0; settings[i] != NULL; i++) {
        if (row_of(settings[i], schema, arena) == NULL) continue;
        Err err;
        bool ok = schema_set(schema, target, settings[i], arena, &err);
        check(ok, "protocol \"%s\": %s", p->name, err.text);
    }
}

void protocol_apply(const Protocol *p, const char *dataset, const Schema *schema, void *target,
                    Arena *arena)
{
    const ProtocolRow *row = protocol_row(p, dataset);
    set_all(p, p->settings, schema, target, arena);
    if (row != NULL) set_all(p, row->settings, schema, target, arena);
}

/* ==== Deviations ==== */

/* The spec that the preset alone would give: its settings, and its draws for spec's seeds. */
static void preset_spec(RunSpec *out, const Protocol *p, const RunSpec *spec, Arena *arena)
{
    Err err;
    HparamRules rules;
    schema_defaults(&spec->keys->schema, out, arena);
    out->keys = spec->keys;
    out->hparams_seed = spec->hparams_seed;
    out->trial = spec->trial;
    protocol_apply(p, spec->dataset, &spec->keys->schema, out, arena);
    hparams_preset(&rules, protocol_draw(p, spec->dataset), arena);
    bool ok = hparams_apply(out, &rules, arena, &err);
    check(ok, "protocol \"%s\": %s", p->name, err.text);
}

static const char *value_of(const SchemaRow *row, const RunSpec *spec, Arena *arena)
{
    Str text = {0};
    schema_value_text(row, spec, &text);
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}

/* Adds the settings' keys that differ and are not yet in all[0..n). */
static int add_deviations(ProtocolDeviation *all, int n, const char *const *settings,
                          const RunSpec *const specs[2], Arena *arena)
{
    const Schema *schema = &specs[0]->keys->schema;
    for (int i = 0; settings[i] != NULL; i++) {
        const SchemaRow *row = row_of(settings[i], schema, arena);
        if (row == NULL) continue;
        bool is_new = true;
        for (int j = 0; j < n; j++) is_new = is_new && !str_equal(all[j].key, row->key);
        const char *preset = value_of(row, specs[0], arena),
                   *value = value_of(row, specs[1], arena);
        if (is_new && !str_equal(preset, value))
            all[n++] = (ProtocolDeviation){row->key, preset, value};
    }
    return n;
}

static size_t count(const char *const *settings)
{
    size_t n = 0;
    while (settings[n] != NULL) n++;
    return n;
}

int protocol_deviations(ProtocolDeviation **out, const RunSpec *spec, Arena *arena)
{
    *out = NULL;
    const Protocol *p = protocol_find(spec->protocol);
    if (p == NULL) return 0;
    const ProtocolRow *row = protocol_row(p, spec->dataset);
    RunSpec *preset = arena_alloc(arena, 1, sizeof *preset);
    preset_spec(preset, p, spec, arena);
    size_t n_max = count(p->settings) + (row != NULL ? count(row->settings) : 0);
    *out = arena_alloc(arena, n_max, sizeof **out);
    const RunSpec *const specs[2] = {preset, spec};
    int n = add_deviations(*out, 0, p->settings, specs, arena);
    if (row != NULL) n = add_deviations(*out, n, row->settings, specs, arena);
    return n;
}
