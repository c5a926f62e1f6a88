/* What one row of the schema cannot see: checks over several keys of a spec. */
#include "run_layers.h"

#include <string.h>

enum { SMALLEST_IMAGE = 8 };

static bool is_clip(const RunSpec *spec)
{
    return str_equal(spec->net.name, RUN_NET_CLIP);
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

/* What adapters are known by name only; what a member may not do is checked where they are known.
 */
static bool check_adapter(const RunSpec *spec, const char *place, Err *err)
{
    const MethodSpec *method = &spec->method;
    bool has_adapter = !str_equal(method->adapter, "none");
    if (method->trainable == TRAIN_ADAPTER && !has_adapter) {
        return err_set(err, ERR_FORMAT,
                       "%s: method.trainable: found adapter with method.adapter none, expected an "
                       "adapter or another choice",
                       place);
    }
    if (has_adapter && method->adapting.target.n == 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: method.adapter_target: found nothing, expected layers to adapt", place);
    }
    if (spec->train.accumulate > 1 && method->sam_rho > 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: train.accumulate: found %lld, expected 1 with method.sam_rho", place,
                       (long long)spec->train.accumulate);
    }
    return true;
}

static bool check_data(const RunSpec *spec, const char *place, Err *err)
{
    const DataSpec *data = &spec->data;
    if (data->image_size < SMALLEST_IMAGE && (data->image_size > 0 || !is_clip(spec))) {
        return err_set(err, ERR_FORMAT, "%s: data.image_size: found %lld, expected at least %d",
                       place, (long long)data->image_size, SMALLEST_IMAGE);
    }
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

/* What only the image tower of a model directory can do. */
static bool check_clip(const RunSpec *spec, const char *place, Err *err)
{
    const NetSpec *net = &spec->net;
    bool clip = is_clip(spec);
    const struct {
        const char *key, *found;
        bool given;
    } only[] = {{"net.model", net->model, net->model[0] != '\0'},
                {"net.head", "zero-shot", net->head == HEAD_ZERO_SHOT},
                {"net.pretrained", "false", !net->pretrained},
                {"eval.alignment", "true", spec->eval.alignment}};
    for (size_t i = 0; !clip && i < sizeof only / sizeof only[0]; i++) {
        if (!only[i].given) continue;
        return err_set(err, ERR_FORMAT, "%s: %s: found %s with net.name %s, expected net.name clip",
                       place, only[i].key, only[i].found, net->name);
    }
    if (net->head != HEAD_ZERO_SHOT || net->pretrained) return true;
    return err_set(err, ERR_FORMAT,
                   "%s: net.head: found zero-shot with net.pretrained false, expected random",
                   place);
}

static bool check_templates(const RunSpec *spec, const char *place, Err *err)
{
    const TextList *templates = &spec->net.template_texts;
    for (int i = 0; i < templates->n; i++) {
        const char *text = templates->items[i];
        if (strstr(text, "{}") != NULL || strstr(text, "{name}") != NULL) continue;
        return err_set(err, ERR_FORMAT,
                       "%s: net.template: found \"%s\", expected {} (or {name}) where the class "
                       "stands",
                       place, text);
    }
    return true;
}

static bool check_steps(const RunSpec *spec, const char *place, Err *err)
{
    if (spec->train.steps > 0 || spec->method.trainable == TRAIN_NONE) return true;
    return err_set(err, ERR_FORMAT,
                   "%s: train.steps: found 0, expected at least 1 unless method.trainable is none",
                   place);
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
        if (starts[i].step == 0 || starts[i].step < spec->train.steps) continue;
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

bool run_spec_check(const RunSpec *spec, const char *place, Err *err)
{
    const NumberList *lists[] = {&spec->net.mean, &spec->net.std};
    for (int i = 0; i < 2; i++) {
        if (lists[i]->n == 3 || (lists[i]->n == 0 && is_clip(spec))) continue;
        return err_set(err, ERR_FORMAT,
                       "%s: net.%s: found %d numbers, expected 3 (red, green, blue)", place,
                       i == 0 ? "mean" : "std", lists[i]->n);
    }
    if (!check_data(spec, place, err) || !check_clip(spec, place, err) ||
        !check_templates(spec, place, err) || !check_steps(spec, place, err))
        return false;
    if (spec->method.lr_warm_up > 0 && spec->method.lr_warm_up >= spec->train.steps) {
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
    return check_names(spec, place, err) && check_adapter(spec, place, err) &&
           check_schedule(spec, place, err) && check_optimizer(&spec->method, place, err);
}
