/* RunSpec: layers, order, checks over several keys, JSON, key. */
#include "run_spec.h"

#include "mem.h"
#include "protocols.h"
#include "run_layers.h"

#include <stdlib.h>
#include <string.h>

/* Sets err to `place: unknown <what> "found"`, with the nearest name when there is one. */
static bool fail_unknown(const char *place, const char *what, const char *found,
                         const char *const *names, int n, Err *err)
{
    const char *nearest = str_nearest(found, names, n);
    if (nearest == NULL) {
        return err_set(err, ERR_FORMAT, "%s: unknown %s \"%s\"", place, what, found);
    }
    return err_set(err, ERR_FORMAT, "%s: unknown %s \"%s\" (did you mean \"%s\"?)", place, what,
                   found, nearest);
}

const RunRecipe *run_recipe_find(const RunKeys *keys, const char *name, const char *place, Err *err)
{
    const RunTables *tables = &keys->tables;
    const char **names = mem_alloc((size_t)tables->n_recipes, sizeof *names);
    const RunRecipe *found = NULL;
    for (int i = 0; i < tables->n_recipes; i++) {
        names[i] = tables->recipes[i].name;
        if (str_equal(names[i], name)) found = &tables->recipes[i];
    }
    if (found == NULL) fail_unknown(place, "recipe", name, names, tables->n_recipes, err);
    free(names);
    return found;
}

/* The preset of that name; *out NULL for "". */
static bool find_protocol(const Protocol **out, const char *name, const char *place, Err *err)
{
    enum { MAX_NAMES = 32 };
    const char *names[MAX_NAMES];
    int n;
    const Protocol *all = protocol_list(&n);
    check(n <= MAX_NAMES, "%d protocols", n);
    for (int i = 0; i < n; i++) names[i] = all[i].name;
    *out = protocol_find(name);
    if (*out != NULL || name[0] == '\0') return true;
    return fail_unknown(place, "protocol", name, names, n, err);
}

static void apply_recipe(void *target, const RunKeys *keys, const RunRecipe *recipe, Arena *arena)
{
    for (int i = 0; recipe->settings != NULL && recipe->settings[i] != NULL; i++) {
        Err err;
        bool ok = schema_set(&keys->schema, target, recipe->settings[i], arena, &err);
        check(ok, "recipe \"%s\": %s", recipe->name, err.text);
    }
}

static bool apply_given(void *target, const Schema *schema, const RunLayers *layers, Arena *arena,
                        Err *err)
{
    if (layers->map != NULL &&
        !schema_read(schema, target, layers->map, layers->place, arena, err)) {
        return false;
    }
    for (int i = 0; i < layers->n_sets; i++) {
        if (!schema_set(schema, target, layers->sets[i], arena, err)) return false;
    }
    return true;
}

bool run_layers_apply(void *target, const Schema *schema, const RunKeys *keys,
                      const RunLayers *layers, Arena *arena, Err *err)
{
    RunSpec *spec = target;
    schema_defaults(schema, target, arena);
    if (!apply_given(target, schema, layers, arena, err)) return false;
    const char *name = layers->recipe != NULL ? layers->recipe : spec->method.recipe;
    const char *preset = layers->protocol != NULL ? layers->protocol : spec->protocol;
    const char *dataset = layers->dataset != NULL ? layers->dataset : spec->dataset;
    const Protocol *protocol;
    const RunRecipe *found = run_recipe_find(keys, name, layers->place, err);
    if (found == NULL || !find_protocol(&protocol, preset, layers->place, err)) return false;
    schema_defaults(schema, target, arena);
    if (protocol != NULL) protocol_apply(protocol, dataset, &keys->schema, target, arena);
    apply_recipe(target, keys, found, arena);
    if (!apply_given(target, schema, layers, arena, err)) return false;
    spec->method.recipe = arena_strdup(arena, found->name);
    spec->protocol = arena_strdup(arena, protocol != NULL ? protocol->name : "");
    spec->keys = keys;
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts a list that stands for a set; an item given twice is an error. */
static bool sort_set(TextList *list, const char *place, const char *key, Arena *arena, Err *err)
{
    char **items = arena_alloc(arena, (size_t)list->n, sizeof *items);
    for (int i = 0; i < list->n; i++) items[i] = list->items[i];
    if (list->n > 1) qsort(items, (size_t)list->n, sizeof *items, compare_texts);
    list->items = items;
    for (int i = 1; i < list->n; i++) {
        if (!str_equal(items[i - 1], items[i])) continue;
        return err_set(err, ERR_FORMAT, "%s: %s: found \"%s\" twice, expected each name once",
                       place, key, items[i]);
    }
    return true;
}

static void drop_none(TextList *list, Arena *arena)
{
    TextList kept = {arena_alloc(arena, (size_t)list->n, sizeof *kept.items), 0};
    for (int i = 0; i < list->n; i++) {
        if (!str_equal(list->items[i], "none")) kept.items[kept.n++] = list->items[i];
    }
    *list = kept;
}

static bool check_names(const RunSpec *spec, const char *place, Err *err)
{
    const struct {
        const char *key, *value;
    } needed[] = {{"net.name", spec->net.name},
                  {"method.objective", spec->method.objective},
                  {"method.adapter", spec->method.adapter},
                  {"method.schedule", spec->method.schedule},
                  {"results", spec->results},
                  {"output", spec->output}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (needed[i].value[0] != '\0') continue;
        return err_set(err, ERR_FORMAT, "%s: %s: found nothing, expected a name", place,
                       needed[i].key);
    }
    for (int i = 0; i < spec->held_out.n; i++) {
        if (spec->held_out.items[i][0] != '\0') continue;
        return err_set(err, ERR_FORMAT, "%s: held_out: found nothing, expected a domain's name",
                       place);
    }
    return true;
}

static bool check_optimizer(const MethodSpec *method, const char *place, Err *err)
{
    if (method->sam_rho > 0 && method->compat == COMPAT_ERM_PLUSPLUS) {
        return err_set(err, ERR_FORMAT,
                       "%s: method.sam_rho: found %g, expected 0 with method.compat erm_plusplus",
                       place, method->sam_rho);
    }
    if (method->nesterov && method->optimizer != OPTIMIZER_SGD) {
        return err_set(err, ERR_FORMAT,
                       "%s: method.nesterov: found true, expected false unless method.optimizer is "
                       "sgd",
                       place);
    }
    if (method->nesterov && method->momentum == 0) {
        return err_set(
            err, ERR_FORMAT,
            "%s: method.nesterov: found true with method.momentum 0, expected a momentum "
            "above 0",
            place);
    }
    return true;
}

static bool check_data(const RunSpec *spec, const char *place, Err *err)
{
    const DataSpec *data = &spec->data;
    if (data->class_balanced && !data->replacement) {
        return err_set(err, ERR_FORMAT,
                       "%s: data.class_balanced: found true, expected false when data.replacement "
                       "is false",
                       place);
    }
    if (data->uda_fraction > 0 && data->split != SPEC_SPLIT_IMAGE) {
        return err_set(err, ERR_FORMAT,
                       "%s: data.uda_fraction: found %g, expected 0 unless data.split is image",
                       place, data->uda_fraction);
    }
    if (spec->eval.source_transform == SOURCE_AUGMENTED && data->augment == SPEC_AUGMENT_NONE) {
        return err_set(err, ERR_FORMAT,
                       "%s: eval.source_transform: found augmented, expected clean when "
                       "data.augment is none",
                       place);
    }
    return true;
}

static bool check_schedule(const RunSpec *spec, const char *place, Err *err)
{
    const MethodSpec *method = &spec->method;
    const struct {
        const char *key;
        int64_t step;
    } starts[] = {{"averaging_start", method->averaging.n > 0 ? method->averaging_start : 0},
                  {"warm_start", method->warm_start}};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (starts[i].step < spec->train.steps) continue;
        return err_set(err, ERR_FORMAT,
                       "%s: method.%s: found %lld, expected less than train.steps (%lld)", place,
                       starts[i].key, (long long)starts[i].step, (long long)spec->train.steps);
    }
    bool known = method->reported[0] == '\0' || str_equal(method->reported, "raw");
    for (int i = 0; i < method->averaging.n; i++) {
        known = known || str_equal(method->reported, method->averaging.items[i]);
    }
    if (known) return true;
    return err_set(err, ERR_FORMAT,
                   "%s: method.reported: found \"%s\", expected raw or one of method.averaging",
                   place, method->reported);
}

/* What one row of the schema cannot see. */
static bool check_together(const RunSpec *spec, const char *place, Err *err)
{
    const NumberList *lists[] = {&spec->net.mean, &spec->net.std};
    for (int i = 0; i < 2; i++) {
        if (lists[i]->n == 3) continue;
        return err_set(err, ERR_FORMAT,
                       "%s: net.%s: found %d numbers, expected 3 (red, green, blue)", place,
                       i == 0 ? "mean" : "std", lists[i]->n);
    }
    if (!check_data(spec, place, err)) return false;
    if (spec->method.lr_warm_up >= spec->train.steps) {
        return err_set(err, ERR_FORMAT,
                       "%s: method.lr_warm_up: found %lld, expected less than train.steps (%lld)",
                       place, (long long)spec->method.lr_warm_up, (long long)spec->train.steps);
    }
    if ((spec->merge.kind == MERGE_NONE) != (spec->merge.members.n == 0)) {
        return err_set(err, ERR_FORMAT, "%s: merge.members: found %d runs, expected %s", place,
                       spec->merge.members.n,
                       spec->merge.kind == MERGE_NONE ? "none without merge.kind"
                                                      : "those that merge.kind is made from");
    }
    return check_names(spec, place, err) && check_schedule(spec, place, err) &&
           check_optimizer(&spec->method, place, err);
}

bool run_spec_finish(RunSpec *spec, const char *place, Arena *arena, Err *err)
{
    MethodSpec *method = &spec->method;
    if (method->label[0] == '\0') method->label = method->recipe;
    if (method->compat == COMPAT_ERM_PLUSPLUS) {
        method->auto_lr = false;
        method->averaging_bn = AVERAGING_BN_FORWARD;
    }
    drop_none(&method->averaging, arena);
    return sort_set(&method->averaging, place, "method.averaging", arena, err) &&
           sort_set(&spec->held_out, place, "held_out", arena, err) &&
           sort_set(&spec->merge.members, place, "merge.members", arena, err) &&
           check_together(spec, place, err);
}

bool run_spec_read(RunSpec *out, const RunKeys *keys, const RunLayers *layers, Arena *arena,
                   Err *err)
{
    return run_layers_apply(out, &keys->schema, keys, layers, arena, err) &&
           run_spec_finish(out, layers->place, arena, err);
}

bool run_spec_from_json(RunSpec *out, const RunKeys *keys, const char *json, Arena *arena, Err *err)
{
    static const char place[] = "stored spec";
    YamlNode *root;
    if (!yaml_parse(&root, json, strlen(json), place, arena, err)) return false;
    schema_defaults(&keys->schema, out, arena);
    out->keys = keys;
    return schema_read(&keys->schema, out, root, place, arena, err) &&
           run_spec_finish(out, place, arena, err);
}

bool run_spec_set(RunSpec *spec, const char *assignment, Arena *arena, Err *err)
{
    return schema_set(&spec->keys->schema, spec, assignment, arena, err) &&
           run_spec_finish(spec, "--set", arena, err);
}

bool run_spec_check_ready(const RunSpec *spec, const char *place, Err *err)
{
    if (spec->dataset[0] == '\0') {
        return err_set(err, ERR_FORMAT, "%s: dataset: found nothing, expected a dataset's name",
                       place);
    }
    if (spec->held_out.n == 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: held_out: found nothing, expected the names of the target domains",
                       place);
    }
    return true;
}

bool run_spec_check_weights(const RunSpec *spec, const char *place, Err *err)
{
    if (spec->net.pretraining[0] == '\0' || spec->net.init[0] != '\0') return true;
    return err_set(err, ERR_FORMAT,
                   "%s: net.init: found nothing, expected a safetensors file with the weights %s "
                   "(or --set net.pretraining= to train from scratch)",
                   place, spec->net.pretraining);
}

bool run_spec_check_domains(const RunSpec *spec, const TextList *domains, const char *place,
                            Err *err)
{
    const char **names = mem_alloc((size_t)domains->n, sizeof *names);
    for (int i = 0; i < domains->n; i++) names[i] = domains->items[i];
    const char *what = "held-out domain";
    bool ok = true;
    for (int i = 0; ok && i < spec->held_out.n; i++) {
        bool known = false;
        for (int j = 0; j < domains->n; j++) {
            known = known || str_equal(names[j], spec->held_out.items[i]);
        }
        ok = known || fail_unknown(place, what, spec->held_out.items[i], names, domains->n, err);
    }
    free(names);
    if (!ok || spec->held_out.n < domains->n) return ok;
    return err_set(err, ERR_FORMAT,
                   "%s: held_out: found all %d domains of dataset \"%s\", expected at least one to "
                   "train on",
                   place, domains->n, spec->dataset);
}

double run_spec_extra(const RunSpec *spec, const char *member, const char *name)
{
    Str key = {0};
    str_addf(&key, "method.%s.%s", member, name);
    const SchemaRow *row = schema_find(&spec->keys->schema, str_text(&key));
    check(row != NULL && row->offset >= offsetof(RunSpec, extras), "no hyper-parameter \"%s\"",
          str_text(&key));
    str_done(&key);
    return schema_number(row, spec);
}

bool run_spec_uses(const RunSpec *spec, const char *member)
{
    const MethodSpec *method = &spec->method;
    bool used = str_equal(method->objective, member) || str_equal(method->adapter, member) ||
                str_equal(method->schedule, member);
    for (int i = 0; i < method->averaging.n; i++) {
        used = used || str_equal(method->averaging.items[i], member);
    }
    return used;
}

/* Keys of members come after all others, in the order of the tables. */
static void add_json(const RunSpec *spec, bool identity_only, Str *out)
{
    const Schema *all = &spec->keys->schema;
    const RunTables *tables = &spec->keys->tables;
    int n_extras = 0;
    for (int m = 0; m < tables->n_extras; m++) n_extras += tables->extras[m].n;
    int n = all->n_rows - n_extras;
    SchemaRow *rows = mem_alloc((size_t)all->n_rows, sizeof *rows);
    memcpy(rows, all->rows, (size_t)n * sizeof *rows);
    const SchemaRow *next = all->rows + n;
    for (int m = 0; m < tables->n_extras; m++) {
        bool used = run_spec_uses(spec, tables->extras[m].member);
        for (int i = 0; i < tables->extras[m].n; i++, next++) {
            if (used) rows[n++] = *next;
        }
    }
    schema_to_json(&(Schema){rows, n}, spec, identity_only, out);
    free(rows);
}

void run_spec_json(const RunSpec *spec, Str *out)
{
    add_json(spec, false, out);
}

void run_spec_identity_json(const RunSpec *spec, Str *out)
{
    add_json(spec, true, out);
}

void run_key(char out[SHA256_HEX_SIZE], const RunSpec *spec, const char *dataset_fingerprint,
             const char *init_sha256)
{
    bool has_init = spec->net.init[0] != '\0';
    check(has_init == (init_sha256 != NULL), "net.init \"%s\" and its hash \"%s\"", spec->net.init,
          init_sha256 != NULL ? init_sha256 : "(none)");
    Str identity = {0};
    run_spec_identity_json(spec, &identity);
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, "dgbench run 1");
    sha256_add_str(sha, str_text(&identity));
    sha256_add_str(sha, dataset_fingerprint);
    sha256_add_str(sha, has_init ? init_sha256 : "");
    sha256_done_hex(sha, out);
    str_done(&identity);
}
