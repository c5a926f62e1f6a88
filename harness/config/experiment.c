/* Experiment files: what is read and checked before any dataset is known. */
#include "experiment_file.h"

#include "held_out.h"
#include "hparam_grid.h"
#include "run_layers.h"

#include <string.h>

enum { MAX_ENTRIES = 1000 }; /* datasets or methods of one sweep */

#define AT(k, t, field) .key = (k), .type = FIELD_##t, .offset = offsetof(Document, field)

static const SchemaRow sweep_rows[] = {
    {AT("datasets", NODE, datasets),
     .help = "datasets of the sweep: names, or maps {name: ..., set: {key: value}}"},
    {AT("sweep.held_out", NODE, held_out),
     .help = "each, pairs, single+pairs, or a list of domains and lists of domains"},
    {AT("sweep.methods", NODE, methods),
     .help = "recipes: names, or maps {recipe: ..., label: ..., set: {key: value}, grid: {key: "
             "[values]}}"},
    {AT("sweep.draw", NODE, draw),
     .help = "hyper-parameters drawn for seeds above 0: domainbed, domainbed-small, "
             "domainbed-domainnet, swad, none, or a map of key: range; not given: the protocol's, "
             "else none"},
    {AT("sweep.grid", NODE, grid),
     .help = "a map of keys to lists of values: one run for every combination, each with a "
             "hyper-parameter seed of its own, instead of draws"},
    {AT("sweep.trials", INT, trials), .default_text = "3", .low = 1, .high = 1000,
     .help = "trials, each with its own split"},
    {AT("sweep.hparams", INT, hparams), .default_text = "0", .low = 0, .high = 10000,
     .help = "number of hyper-parameter seeds; 0: one, or all points of the grid"},
    {AT("sweep.hparams_from", INT, hparams_from), .default_text = "0", .low = 0, .high = 1e9,
     .help = "first hyper-parameter seed; 0 is the one without a draw"},
};

enum { N_SWEEP_ROWS = sizeof sweep_rows / sizeof sweep_rows[0] };

const Schema *experiment_sweep_schema(void)
{
    static const Schema schema = {sweep_rows, N_SWEEP_ROWS};
    return &schema;
}

static Schema join_schema(const Schema *run, Arena *arena)
{
    SchemaRow *rows = arena_alloc(arena, (size_t)run->n_rows + N_SWEEP_ROWS, sizeof *rows);
    memcpy(rows, run->rows, (size_t)run->n_rows * sizeof *rows);
    memcpy(rows + run->n_rows, sweep_rows, sizeof sweep_rows);
    return (Schema){rows, run->n_rows + N_SWEEP_ROWS};
}

/* ==== Lists of datasets and of methods ==== */

typedef struct {
    const char *key, *name_key; /* "sweep.methods", "recipe" */
    const char *default_name;
    bool has_label;
} EntryKind;

/* The value of a key with one dot in a map, written `a.b: v` or `a: {b: v}`; NULL when it is not
 * there. */
static const YamlNode *find_dotted(const YamlNode *map, const char *key)
{
    const YamlNode *node = yaml_find(map, key);
    const char *dot = strchr(key, '.');
    for (int i = 0; node == NULL && dot != NULL && i < map->n_items; i++) {
        bool is_section = strlen(map->keys[i]) == (size_t)(dot - key) &&
                          strncmp(map->keys[i], key, (size_t)(dot - key)) == 0;
        if (is_section && map->items[i].kind == YAML_MAP) node = yaml_find(&map->items[i], dot + 1);
    }
    return node;
}

static bool check_set(const Experiment *e, const YamlNode *set, const char *key, Err *err)
{
    static const char *const swept[] = {"method.recipe", "method.label", "dataset", "held_out",
                                        "trial",         "hparams_seed", "seed"};
    if (set->kind != YAML_MAP) {
        return err_set(err, ERR_FORMAT, "%s:%d: %s: set: expected a map of keys", e->place,
                       set->line, key);
    }
    static const char *const common[] = {"name", "protocol", "eval.selection", "eval.scored",
                                         "eval.stderr"};
    for (size_t i = 0; i < sizeof swept / sizeof swept[0]; i++) {
        const YamlNode *found = find_dotted(set, swept[i]);
        if (found == NULL) continue;
        return err_set(err, ERR_FORMAT,
                       "%s:%d: %s: \"%s\" cannot be set here, the sweep gives it out itself",
                       e->place, found->line, key, swept[i]);
    }
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        const YamlNode *found = find_dotted(set, common[i]);
        if (found == NULL) continue;
        return err_set(err, ERR_FORMAT,
                       "%s:%d: %s: \"%s\" cannot be set here, it is the whole experiment's",
                       e->place, found->line, key, common[i]);
    }
    return true;
}

static bool fail_entry(const Experiment *e, const EntryKind *kind, int line, Err *err)
{
    return err_set(err, ERR_FORMAT, "%s:%d: %s: expected a name or {%s: ..., %sset: {...}%s}",
                   e->place, line, kind->key, kind->name_key, kind->has_label ? "label: ..., " : "",
                   kind->has_label ? ", grid: {...}" : "");
}

static bool read_entry_map(Entry *out, const Experiment *e, const EntryKind *kind,
                           const YamlNode *map, Err *err)
{
    const YamlNode *name = yaml_find(map, kind->name_key), *set = yaml_find(map, "set");
    const YamlNode *label = kind->has_label ? yaml_find(map, "label") : NULL;
    const YamlNode *grid = kind->has_label ? yaml_find(map, "grid") : NULL;
    bool no_others =
        map->n_items == (name != NULL) + (set != NULL) + (label != NULL) + (grid != NULL);
    bool texts = (name == NULL || name->kind == YAML_SCALAR) &&
                 (label == NULL || label->kind == YAML_SCALAR);
    if (!no_others || !texts) return fail_entry(e, kind, map->line, err);
    if (set != NULL && !check_set(e, set, kind->key, err)) return false;
    out->name = name != NULL ? name->text : kind->default_name;
    out->label = label != NULL ? label->text : out->name;
    out->set = set;
    out->grid = grid;
    return true;
}

static bool read_entry(Entry *out, const Experiment *e, const EntryKind *kind, const YamlNode *node,
                       Err *err)
{
    if (node->kind == YAML_LIST) return fail_entry(e, kind, node->line, err);
    if (node->kind == YAML_SCALAR) *out = (Entry){.name = node->text, .label = node->text};
    if (node->kind == YAML_MAP && !read_entry_map(out, e, kind, node, err)) return false;
    bool is_named = out->name[0] != '\0' && out->label[0] != '\0';
    return is_named || fail_entry(e, kind, node->line, err);
}

/* node NULL: one entry, the default. */
static bool read_entries(Entries *out, const Experiment *e, const EntryKind *kind,
                         const YamlNode *node, Arena *arena, Err *err)
{
    bool is_list = node != NULL && node->kind == YAML_LIST;
    int n = is_list ? node->n_items : 1;
    if (n == 0 || n > MAX_ENTRIES) {
        return err_set(err, ERR_FORMAT, "%s:%d: %s: found a list of %d, expected 1 to %d", e->place,
                       node->line, kind->key, n, MAX_ENTRIES);
    }
    out->items = arena_alloc(arena, (size_t)n, sizeof *out->items);
    out->n = n;
    out->items[0] = (Entry){.name = kind->default_name, .label = kind->default_name};
    for (int i = 0; node != NULL && i < n; i++) {
        const YamlNode *item = is_list ? &node->items[i] : node;
        if (!read_entry(&out->items[i], e, kind, item, err)) return false;
        for (int j = 0; j < i; j++) {
            if (!str_equal(out->items[j].label, out->items[i].label)) continue;
            return err_set(err, ERR_FORMAT, "%s:%d: %s: \"%s\" is given twice%s", e->place,
                           item->line, kind->key, out->items[i].label,
                           kind->has_label ? ", expected a label of its own" : "");
        }
    }
    return true;
}

static bool read_methods(Experiment *e, Arena *arena, Err *err)
{
    const MethodSpec *method = &e->doc.spec.method;
    EntryKind kind = {"sweep.methods", "recipe", method->recipe, true};
    const YamlNode *node = e->doc.methods;
    if (!read_entries(&e->methods, e, &kind, node, arena, err)) return false;
    if (node == NULL && method->label[0] != '\0') e->methods.items[0].label = method->label;
    for (int i = 0; node != NULL && i < e->methods.n; i++) {
        int line = node->kind == YAML_LIST ? node->items[i].line : node->line;
        const char *place = line > 0 ? arena_printf(arena, "%s:%d: sweep.methods", e->place, line)
                                     : "--set: sweep.methods";
        if (run_recipe_find(e->keys, e->methods.items[i].name, place, err) == NULL) return false;
    }
    return true;
}

/* ==== The grid ==== */

static bool fail_grid(const Experiment *e, const YamlNode *grid, const char *what, Err *err)
{
    return err_set(err, ERR_FORMAT, "%s:%d: grid: %s", e->place, grid->line, what);
}

static bool check_grid(const Experiment *e, const YamlNode *grid, Err *err)
{
    return hparam_grid_check(grid, e->place, "grid", err) && check_set(e, grid, "grid", err);
}

/* Every method has a grid of as many points, or none has one. */
static bool read_grids(Experiment *e, Err *err)
{
    const YamlNode *first = NULL;
    if (e->doc.grid != NULL && !check_grid(e, e->doc.grid, err)) return false;
    for (int i = 0; i < e->methods.n; i++) {
        Entry *method = &e->methods.items[i];
        if (method->grid == NULL) method->grid = e->doc.grid;
        if (method->grid == NULL) continue;
        if (!check_grid(e, method->grid, err)) return false;
        if (first == NULL) first = method->grid;
        if (hparam_grid_points(method->grid) != hparam_grid_points(first))
            return fail_grid(e, method->grid, "expected as many points as other methods have", err);
    }
    if (first == NULL) {
        if (e->doc.hparams == 0) e->doc.hparams = 1;
        return true;
    }
    for (int i = 0; i < e->methods.n; i++) {
        if (e->methods.items[i].grid == NULL)
            return fail_grid(e, first, "expected one for every method, see sweep.grid", err);
    }
    int64_t points = hparam_grid_points(first), from = e->doc.hparams_from;
    if (e->doc.draw != NULL) return fail_grid(e, first, "expected no draw beside it", err);
    if (e->doc.hparams == 0 && from < points) e->doc.hparams = points - from;
    if (e->doc.hparams > 0 && from + e->doc.hparams <= points) return true;
    return err_set(
        err, ERR_FORMAT, "%s:%d: grid: found seeds %lld to %lld, expected points 0 to %lld",
        e->place, first->line, (long long)from,
        (long long)(from + e->doc.hparams - (e->doc.hparams > 0)), (long long)points - 1);
}

static bool open_root(Experiment *e, const ExperimentSource *source, Arena *arena, Err *err)
{
    YamlNode *root;
    const char *text = source->text != NULL ? source->text : "";
    size_t n_bytes = source->text != NULL ? source->n_bytes : 0;
    e->place = source->path != NULL ? source->path : source->place;
    if (e->place == NULL) e->place = "experiment";
    bool ok = source->path != NULL ? yaml_parse_file(&root, source->path, arena, err)
                                   : yaml_parse(&root, text, n_bytes, e->place, arena, err);
    if (ok) e->root = root;
    return ok;
}

bool experiment_open(Experiment **out, const RunKeys *keys, const ExperimentSource *source,
                     Arena *arena, Err *err)
{
    Experiment *e = arena_alloc(arena, 1, sizeof *e);
    e->keys = keys;
    e->schema = join_schema(&keys->schema, arena);
    e->sets = source->sets;
    e->n_sets = source->n_sets;
    if (!open_root(e, source, arena, err)) return false;
    RunLayers layers = {.map = e->root, .place = e->place, .sets = e->sets, .n_sets = e->n_sets};
    if (!run_layers_apply(&e->doc, &e->schema, keys, &layers, arena, err)) return false;
    EntryKind datasets = {"datasets", "name", e->doc.spec.dataset, false};
    if (!hparams_read(&e->rules, keys, e->doc.draw, e->place, arena, err) ||
        !held_out_check(e->doc.held_out, e->place, err) || !read_methods(e, arena, err) ||
        !read_grids(e, err) ||
        !read_entries(&e->datasets, e, &datasets, e->doc.datasets, arena, err)) {
        return false;
    }
    RunSpec spec = e->doc.spec;
    if (!run_spec_finish(&spec, e->place, arena, err)) return false;
    *out = e;
    return true;
}
