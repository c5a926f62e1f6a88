/* A stored spec against the spec that its recipe alone gives. */
#include "explain_settings.h"

#include "json_text.h"
#include "protocols.h"
#include "registry.h"
#include "run_spec.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SETTINGS = 4000 };

typedef struct {
    Settings *out;
    Db *db;
    const RunKeys *keys;
    Arena *arena;
    const char *run; /* id of the one being read */
} Reader;

static const char *value_of(const SchemaRow *row, const RunSpec *spec, Arena *arena)
{
    Str text = {0};
    schema_value_text(row, spec, &text);
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}

/* One more run has that value. */
static void add_setting(Reader *r, Setting setting)
{
    Settings *out = r->out;
    for (int i = 0; i < out->n; i++) {
        Setting *old = &out->items[i];
        if (!str_equal(old->key, setting.key) || !str_equal(old->value, setting.value)) continue;
        old->runs = arena_printf(r->arena, "%s %s", old->runs, r->run);
        return;
    }
    if (out->n == MAX_SETTINGS) return;
    setting.runs = r->run;
    out->items[out->n++] = setting;
}

/* What a sweep gives out, and what is no part of what a run is. */
static bool is_shown(const SchemaRow *row)
{
    static const char *const swept[] = {"held_out", "trial",         "hparams_seed",
                                        "seed",     "method.recipe", "method.label"};
    for (size_t i = 0; i < sizeof swept / sizeof swept[0]; i++) {
        if (str_equal(row->key, swept[i])) return false;
    }
    return (row->flags & FIELD_NOT_IDENTITY) == 0 || str_equal(row->key, "net.init") ||
           str_equal(row->key, "net.model");
}

static const char *pinned_value(const ProtocolDeviation *all, int n, const char *key)
{
    for (int i = 0; i < n; i++) {
        if (str_equal(all[i].key, key)) return all[i].preset;
    }
    return NULL;
}

/* Which model directory it is stands there even where nothing else is usual. */
static bool is_model(const SchemaRow *row, const RunSpec *spec)
{
    return str_equal(row->key, "net.model") && spec->net.model[0] != '\0';
}

/* What a model directory said is nobody's setting. */
static void take_from_model(RunSpec *usual, const RunSpec *spec)
{
    if (usual->data.image_size == 0) usual->data.image_size = spec->data.image_size;
    if (usual->data.fit == SPEC_FIT_AUTO) usual->data.fit = spec->data.fit;
    if (usual->data.filter == SPEC_FILTER_AUTO) usual->data.filter = spec->data.filter;
    if (usual->net.mean.n == 0) usual->net.mean = spec->net.mean;
    if (usual->net.std.n == 0) usual->net.std = spec->net.std;
}

/* The recipe under the protocol; with the network, where it is a model directory's, which not every
 * recipe goes without. */
static bool read_usual(Reader *r, RunSpec *usual, const RunSpec *spec)
{
    Err ignored = {0};
    bool clip = str_equal(spec->net.name, RUN_NET_CLIP);
    const char *sets[2];
    int n = 0;
    if (spec->protocol[0] != '\0')
        sets[n++] = arena_printf(r->arena, "protocol='%s'", spec->protocol);
    if (clip) sets[n++] = "net.name=clip";
    RunLayers layers = {
        .recipe = spec->method.recipe, .place = "recipe", .sets = sets, .n_sets = n};
    if (!run_spec_read(usual, r->keys, &layers, r->arena, &ignored)) return false;
    if (clip) take_from_model(usual, spec);
    return true;
}

static void compare(Reader *r, const RunSpec *spec, const RunSpec *usual)
{
    ProtocolDeviation *deviations = NULL;
    int n = protocol_deviations(&deviations, spec, r->arena);
    const Schema *schema = &r->keys->schema;
    for (int i = 0; i < schema->n_rows; i++) {
        const SchemaRow *row = &schema->rows[i];
        if (!is_shown(row)) continue;
        Setting setting = {row->key, value_of(row, spec, r->arena), value_of(row, usual, r->arena),
                           pinned_value(deviations, n, row->key), NULL};
        bool same = str_equal(setting.value, setting.usual) && !is_model(row, spec);
        if (!same || setting.protocol != NULL) add_setting(r, setting);
    }
}

/* False: the spec is none that this program reads (an imported run, another version). */
static bool read_spec(Reader *r, const ExplainRun *run)
{
    Err ignored = {0};
    RunSpec spec, usual;
    if (!str_equal(run->origin, "dgbench")) return false;
    if (!run_spec_from_json(&spec, r->keys, run->spec, r->arena, &ignored)) return false;
    if (!read_usual(r, &usual, &spec)) return false;
    compare(r, &spec, &usual);
    return true;
}

static bool read_hparams(Reader *r, int64_t run, Err *err)
{
    ExplainValue *values;
    int n;
    if (!explain_hparams(&values, &n, r->db, run, r->arena, err)) return false;
    for (int i = 0; i < n; i++)
        add_setting(r, (Setting){.key = values[i].name, .value = values[i].value});
    return true;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Setting *)a)->key, ((const Setting *)b)->key);
}

bool explain_settings(Settings *out, Db *db, const int64_t *runs, int n_runs, Arena *arena,
                      Err *err)
{
    RunTables *tables = arena_alloc(arena, 1, sizeof *tables);
    *tables = method_tables(arena);
    *out = (Settings){arena_alloc(arena, MAX_SETTINGS, sizeof *out->items), 0};
    Reader r = {.out = out, .db = db, .keys = run_keys_new(tables, arena), .arena = arena};
    for (int i = 0; i < n_runs; i++) {
        ExplainRun run;
        if (!explain_read_run(&run, db, runs[i], arena, err)) return false;
        r.run = arena_printf(arena, "%lld", (long long)run.id);
        if (!read_spec(&r, &run) && !read_hparams(&r, run.id, err)) return false;
    }
    qsort(out->items, (size_t)out->n, sizeof *out->items, by_key);
    return true;
}

/* ---- printing ---- */

static void add_member(Str *out, const char *name, const char *value)
{
    str_addf(out, ", \"%s\": ", name);
    if (value == NULL)
        str_add(out, "null");
    else
        json_add_text(out, value);
}

static void print_json(const Settings *settings, FILE *out)
{
    Str text = {0};
    for (int i = 0; i < settings->n; i++) {
        const Setting *s = &settings->items[i];
        str_add(&text, i > 0 ? ",\n{\"key\": " : "{\"key\": ");
        json_add_text(&text, s->key);
        add_member(&text, "value", s->value);
        add_member(&text, "usual", s->usual);
        add_member(&text, "protocol", s->protocol);
        add_member(&text, "runs", s->runs);
        str_add(&text, "}");
    }
    fprintf(out, "\"settings\": [\n%s\n],\n", str_text(&text));
    str_done(&text);
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

void explain_settings_print(const Settings *settings, FILE *out, Format format)
{
    if (format == FORMAT_JSON) {
        print_json(settings, out);
        return;
    }
    fprintf(out, "\nSettings that are not the recipe's\n");
    if (settings->n == 0) fprintf(out, "none\n");
    for (int i = 0; i < settings->n; i++) {
        const Setting *s = &settings->items[i];
        fprintf(out, "%-24s %-24s", s->key, or_dash(s->value));
        if (s->usual != NULL && !str_equal(s->usual, s->value))
            fprintf(out, " (else %s)", or_dash(s->usual));
        if (s->protocol != NULL) fprintf(out, " (the protocol has %s)", or_dash(s->protocol));
        fprintf(out, " runs %s\n", s->runs);
    }
}
