/* RunSpec: layers, order, checks over several keys, JSON, key. */
#include "run_spec.h"

#include "mem.h"
#include "protocols.h"
#include "run_layers.h"

#include <stdlib.h>
#include <string.h>

const char *const RUN_NET_CLIP = "clip";

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
    spec->data.image_size = 0; /* not given, so far: complete_input */
    spec->net.mean.n = spec->net.std.n = 0;
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

static bool is_clip(const RunSpec *spec)
{
    return str_equal(spec->net.name, RUN_NET_CLIP);
}

/* What images look like to the network, where nobody said it: the defaults, but of a model
 * directory what stands in it. */
static void complete_input(RunSpec *spec, Arena *arena)
{
    DataSpec *data = &spec->data;
    if (is_clip(spec)) return;
    RunSpec *defaults = arena_alloc(arena, 1, sizeof *defaults);
    schema_defaults(&spec->keys->schema, defaults, arena);
    if (data->image_size == 0) data->image_size = defaults->data.image_size;
    if (spec->net.mean.n == 0) spec->net.mean = defaults->net.mean;
    if (spec->net.std.n == 0) spec->net.std = defaults->net.std;
    if (data->fit == SPEC_FIT_SQUASH) data->fit = SPEC_FIT_AUTO;
    if (data->filter == SPEC_FILTER_BILINEAR) data->filter = SPEC_FILTER_AUTO;
}

/* Nothing learns: no updates, and nothing that goes along with updates, so that such a method may
 * stand beside others in one experiment. */
static void be_still(RunSpec *spec)
{
    MethodSpec *method = &spec->method;
    spec->train.steps = 0;
    method->warm_start = method->lr_warm_up = 0;
    method->averaging.n = 0;
    method->auto_lr = method->full_data = false;
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
    complete_input(spec, arena);
    if (method->trainable == TRAIN_NONE) be_still(spec);
    return sort_set(&method->averaging, place, "method.averaging", arena, err) &&
           sort_set(&spec->held_out, place, "held_out", arena, err) &&
           sort_set(&spec->merge.members, place, "merge.members", arena, err) &&
           run_spec_check(spec, place, err);
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

static bool fail_model(const char *wanted, const char *place, Err *err)
{
    return err_set(
        err, ERR_FORMAT,
        "%s: net.model: found nothing, expected a model directory%s%s (net.name is clip)", place,
        wanted[0] != '\0' ? " with the weights " : "", wanted);
}

bool run_spec_check_weights(const RunSpec *spec, const char *place, Err *err)
{
    const char *wanted = spec->net.pretraining;
    if (is_clip(spec)) return spec->net.model[0] != '\0' || fail_model(wanted, place, err);
    if (wanted[0] == '\0' || spec->net.init[0] != '\0') return true;
    return err_set(err, ERR_FORMAT,
                   "%s: net.init: found nothing, expected a safetensors file with the weights %s "
                   "(or --set net.pretraining= to train from scratch)",
                   place, wanted);
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
             RunWeights weights)
{
    bool has_init = spec->net.init[0] != '\0', has_model = spec->net.model[0] != '\0';
    check(has_init == (weights.init != NULL), "net.init \"%s\" and its digest", spec->net.init);
    check(has_model == (weights.model != NULL), "net.model \"%s\" and its digest", spec->net.model);
    bool has_adapter = spec->method.adapter_load[0] != '\0';
    check(has_adapter == (weights.adapter != NULL), "method.adapter_load \"%s\" and its digest",
          spec->method.adapter_load);
    Str identity = {0};
    run_spec_identity_json(spec, &identity);
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, "dgbench run 1");
    sha256_add_str(sha, str_text(&identity));
    sha256_add_str(sha, dataset_fingerprint);
    sha256_add_str(sha, has_init ? weights.init : "");
    if (has_model)
        sha256_add_str(sha, weights.model); /* keys of runs without one stay as they were */
    if (has_adapter) sha256_add_str(sha, weights.adapter);
    sha256_done_hex(sha, out);
    str_done(&identity);
}
