/* Reading adapter directories: everything is compared with the network before a value is taken. */
#include "differences.h"
#include "file.h"
#include "mem.h"
#include "net.h"
#include "peft_config.h"
#include "peft_dir.h"
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 4 << 20 };

/* A module's tensors; a NULL: it has none. */
typedef struct {
    const SafeTensor *a, *b, *magnitude;
    int rank;
    double alpha;
} Found;

typedef struct {
    Params *params;
    const char *folder, *config_place;
    Arena *arena;
    PeftConfig config;
    SafeTensors *file;
    const PeftLayout *layout;
    const PeftModule *modules;
    int n;
    Found *found;    /* [n] */
    bool *wanted;    /* [count of tensors] */
    bool *is_target; /* [n_targets] a module was found for it */
    Difference missing, misshapen, not_float, not_finite, unexpected, not_targeted, no_module;
} Read;

/* ---- which layout ---- */

static const SafeTensor *tensor_of(const Read *r, const PeftModule *m, const char *end)
{
    Str name = {0};
    str_addf(&name, PEFT_PREFIX "%s.%s", m->name, end);
    const SafeTensor *s = safetensors_find(r->file, str_text(&name));
    str_done(&name);
    return s;
}

/* How many of the layout's modules the file has. */
static int count_modules(const Read *r, const PeftModule *modules, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        count += tensor_of(r, &modules[i], "lora_A.weight") != NULL;
        count += tensor_of(r, &modules[i], "lora_B.weight") != NULL;
    }
    return count;
}

/* That of most tensors, the first of equals. */
static void choose_layout(Read *r)
{
    int n_layouts, most = -1;
    const PeftLayout *layouts = peft_layouts(&n_layouts);
    for (int i = 0; i < n_layouts; i++) {
        if (!peft_layout_fits(&layouts[i], r->params)) continue;
        int n;
        const PeftModule *modules = peft_modules(&n, &layouts[i], r->params, r->arena);
        int count = count_modules(r, modules, n);
        if (count <= most) continue;
        most = count;
        r->layout = &layouts[i];
        r->modules = modules;
        r->n = n;
    }
    r->found = arena_alloc(r->arena, (size_t)r->n, sizeof *r->found);
}

/* ---- comparing ---- */

static void add_shape(Str *out, int rank, const int64_t *dims)
{
    str_add(out, "[");
    for (int i = 0; i < rank; i++) str_addf(out, "%s%lld", i > 0 ? "," : "", (long long)dims[i]);
    str_add(out, "]");
}

static bool has_shape(const SafeTensor *s, int rank, const int64_t *dims)
{
    bool same = s->rank == rank;
    for (int i = 0; same && i < rank; i++) same = s->dims[i] == dims[i];
    return same;
}

static const char *short_name(const char *name)
{
    return str_starts_with(name, PEFT_PREFIX) ? name + strlen(PEFT_PREFIX) : name;
}

static void want(Read *r, const SafeTensor *s)
{
    for (int i = 0; i < safetensors_count(r->file); i++) {
        if (safetensors_at(r->file, i) == s) r->wanted[i] = true;
    }
}

static void compare_tensor(Read *r, const SafeTensor *s, int rank, const int64_t *dims)
{
    want(r, s);
    if (!has_shape(s, rank, dims)) {
        Str detail = {0};
        str_add(&detail, " ");
        add_shape(&detail, s->rank, s->dims);
        str_add(&detail, ", expected ");
        add_shape(&detail, rank, dims);
        difference_add(&r->misshapen, short_name(s->name), str_text(&detail));
        str_done(&detail);
    } else if (!safetensors_is_real(s)) {
        difference_add(&r->not_float, short_name(s->name), "");
    } else if (!safetensors_is_finite(s)) {
        difference_add(&r->not_finite, short_name(s->name), "");
    }
}

/* What the config asks for and the file has not. */
static void compare_missing(Read *r, const PeftModule *m, const Found *f)
{
    if (f->a == NULL) difference_add(&r->missing, m->name, ".lora_A.weight");
    if (f->b == NULL) difference_add(&r->missing, m->name, ".lora_B.weight");
    if (f->magnitude == NULL && r->config.use_dora)
        difference_add(&r->missing, m->name, ".lora_magnitude_vector");
}

static void compare_module(Read *r, const PeftModule *m, const Found *f)
{
    const Param *w = params_get(r->params, m->weight);
    int64_t dims[4];
    compare_missing(r, m, f);
    if (f->a != NULL) compare_tensor(r, f->a, peft_a_dims(dims, w, f->rank), dims);
    if (f->b != NULL) compare_tensor(r, f->b, peft_b_dims(dims, w, m->n_rows, f->rank), dims);
    if (f->magnitude != NULL && r->config.use_dora)
        compare_tensor(r, f->magnitude, peft_magnitude_dims(dims, w, m->n_rows), dims);
}

/* More than the smaller side says nothing new, but controls of many parameters have it. */
MUST_USE static bool check_rank(const Read *r, const PeftModule *m, int rank, Err *err)
{
    int columns = low_rank_columns(params_get(r->params, m->weight));
    if (rank <= (int64_t)m->n_rows * columns) return true;
    return err_set(
        err, ERR_FORMAT, "%s: rank %d of %s, which has %d rows of %d, expected at most %lld",
        r->config_place, rank, m->name, m->n_rows, columns, (long long)m->n_rows * columns);
}

MUST_USE static bool find_target(Read *r, const PeftModule *m, Err *err)
{
    bool is_target;
    int which;
    if (!peft_config_targets(&r->config, m->target, &is_target, &which, r->config_place, err))
        return false;
    if (!is_target) difference_add(&r->not_targeted, m->target, "");
    if (is_target && which >= 0) r->is_target[which] = true;
    return true;
}

static Found find_tensors(const Read *r, const PeftModule *m)
{
    return (Found){.a = tensor_of(r, m, "lora_A.weight"),
                   .b = tensor_of(r, m, "lora_B.weight"),
                   .magnitude = tensor_of(r, m, "lora_magnitude_vector")};
}

static bool is_there(const Found *f)
{
    return f->a != NULL || f->b != NULL || f->magnitude != NULL;
}

MUST_USE static bool compare_modules(Read *r, Err *err)
{
    for (int i = 0; i < r->n; i++) r->found[i] = find_tensors(r, &r->modules[i]);
    for (int i = 0; i < r->n; i++) {
        const PeftModule *m = &r->modules[i];
        Found *f = &r->found[i];
        bool goes_along = m->companion >= 0 && is_there(&r->found[m->companion]);
        if (!is_there(f) && !goes_along) continue;
        if (!find_target(r, m, err) ||
            !peft_config_values(&r->config, m->target, &f->rank, &f->alpha, r->config_place, err) ||
            !check_rank(r, m, f->rank, err))
            return false;
        compare_module(r, m, f);
    }
    return true;
}

static const SafeTensor *head_tensor(const Read *r, const Param *p)
{
    const char *name = peft_head_name(r->layout, p, r->arena);
    return safetensors_find(r->file, arena_printf(r->arena, PEFT_PREFIX "%s", name));
}

/* The tensor that a classifier's parameter is read from: NULL when there is none of its size. */
static const SafeTensor *fitting_head(const Read *r, const Param *p)
{
    const SafeTensor *s = head_tensor(r, p);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < p->rank; i++) dims[i] = p->dims[i];
    return s != NULL && has_shape(s, p->rank, dims) ? s : NULL;
}

static void compare_head(Read *r)
{
    for (int id = 0; id < params_count(r->params); id++) {
        const Param *p = params_get(r->params, id);
        const SafeTensor *s = p->flags & PARAM_HEAD ? head_tensor(r, p) : NULL;
        if (s != NULL) want(r, s);
        if (s != NULL && !safetensors_is_real(s)) {
            difference_add(&r->not_float, short_name(s->name), "");
        } else if (s != NULL && !safetensors_is_finite(s)) {
            difference_add(&r->not_finite, short_name(s->name), "");
        }
    }
}

static void compare_rest(Read *r)
{
    for (int i = 0; i < safetensors_count(r->file); i++) {
        const char *name = short_name(safetensors_at(r->file, i)->name);
        if (!r->wanted[i]) difference_add(&r->unexpected, name, "");
    }
    for (int i = 0; i < r->config.n_targets; i++) {
        if (!r->is_target[i]) difference_add(&r->no_module, r->config.targets[i], "");
    }
}

static bool report(const Read *r, const char *base_name, Err *err)
{
    Str text = {0};
    difference_text(&r->missing, "tensors missing", &text);
    difference_text(&r->misshapen, "of another shape", &text);
    difference_text(&r->not_float, "not of a floating-point type", &text);
    difference_text(&r->not_finite, "with NaN or infinity", &text);
    difference_text(&r->unexpected, "unexpected", &text);
    difference_text(&r->not_targeted, "not in target_modules", &text);
    difference_text(&r->no_module, "of target_modules without tensors", &text);
    bool same = text.n == 0;
    if (!same) {
        err_set(err, ERR_FORMAT, "%s: does not fit the network \"%s\": %s", r->folder, base_name,
                text.text);
    }
    str_done(&text);
    return same;
}

/* ---- the base ---- */

/* A name that is none of our networks' is a model's on some hub, or a path: it says nothing. */
MUST_USE static bool check_base_name(const Read *r, const char *base_name, Err *err)
{
    int n;
    const NetInfo *nets = net_list(&n);
    for (int i = 0; i < n; i++) {
        if (!str_equal(nets[i].name, r->config.base_name)) continue;
        if (str_equal(base_name, r->config.base_name)) return true;
        return err_set(
            err, ERR_FORMAT,
            "%s: base_model_name_or_path: \"%s\", the network is \"%s\": made for another "
            "base",
            r->config_place, r->config.base_name, base_name);
    }
    return true;
}

MUST_USE static bool check_base_weights(const Read *r, const char *base_name, Err *err)
{
    const char *expected = safetensors_metadata(r->file, PEFT_DIGEST);
    char digest[SHA256_HEX_SIZE];
    int *ids = arena_alloc(r->arena, (size_t)r->n, sizeof *ids), n_ids = 0;
    for (int i = 0; i < r->n; i++) {
        if (is_there(&r->found[i])) ids[n_ids++] = r->modules[i].weight;
    }
    peft_base_digest(digest, r->params, ids, n_ids);
    if (expected == NULL || str_equal(expected, digest)) return true;
    return err_set(
        err, ERR_FORMAT,
        "%s: made for other weights of \"%s\" (%.12s...) than these (%.12s...), expected "
        "the ones it was trained on",
        r->folder, base_name, expected, digest);
}

/* ---- values ---- */

/* ours [n,kh,kw,in] from theirs [n,in,kh,kw] */
static void from_theirs(Real *ours, const Real *theirs, int n, const Param *w)
{
    int in = w->dims[w->rank - 1], area = low_rank_columns(w) / in;
    for (int k = 0; k < n; k++) {
        for (int c = 0; c < in; c++) {
            for (int at = 0; at < area; at++) ours[((size_t)k * area + at) * in + c] = *theirs++;
        }
    }
}

MUST_USE static bool take_module(const Read *r, LowRankSet *set, int i, Err *err)
{
    const PeftModule *m = &r->modules[i];
    const Found *f = &r->found[i];
    const Param *w = params_get(r->params, m->weight);
    LowRankChange shape = {.weight = m->weight,
                           .row = m->row,
                           .n_rows = m->n_rows,
                           .rank = f->rank,
                           .alpha = f->alpha};
    LowRankChange *c = low_rank_set_add(set, r->params, &shape, r->config.use_dora);
    Real *theirs = mem_alloc(f->a->n_elements, sizeof *theirs);
    bool ok = safetensors_to_real(f->a, theirs, err) && safetensors_to_real(f->b, c->b, err) &&
              (c->magnitude == NULL || safetensors_to_real(f->magnitude, c->magnitude, err));
    if (ok) from_theirs(c->a, theirs, f->rank, w);
    free(theirs);
    return ok;
}

MUST_USE static bool take_values(const Read *r, LowRankSet *set, Err *err)
{
    set->is_rank_stabilised = r->config.use_rslora;
    for (int i = 0; i < r->n; i++) {
        if (is_there(&r->found[i]) && !take_module(r, set, i, err)) return false;
    }
    for (int id = 0; id < params_count(r->params); id++) {
        const Param *p = params_get(r->params, id);
        const SafeTensor *s = p->flags & PARAM_HEAD ? fitting_head(r, p) : NULL;
        if (s != NULL && !safetensors_to_real(s, params_values(r->params) + p->offset, err))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

MUST_USE static bool read_config(Read *r, Err *err)
{
    char *text;
    if (!file_is_dir(r->folder)) {
        return err_set(err, ERR_NOT_FOUND, "%s: no such folder, expected an adapter directory",
                       r->folder);
    }
    r->config_place = file_join(r->arena, r->folder, PEFT_CONFIG);
    if (!file_read(&text, NULL, r->config_place, MAX_CONFIG_BYTES, err)) return false;
    bool ok = peft_config_parse(&r->config, text, r->config_place, r->arena, err);
    free(text);
    return ok;
}

MUST_USE static bool open_weights(Read *r, Err *err)
{
    const char *path = file_join(r->arena, r->folder, PEFT_WEIGHTS);
    if (!file_exists(path) && file_exists(file_join(r->arena, r->folder, "adapter_model.bin"))) {
        return err_set(err, ERR_FORMAT, "%s: found adapter_model.bin only, expected " PEFT_WEIGHTS,
                       r->folder);
    }
    if (!safetensors_open(&r->file, path, err)) return false;
    r->wanted = arena_alloc(r->arena, (size_t)safetensors_count(r->file), sizeof *r->wanted);
    r->is_target = arena_alloc(r->arena, (size_t)r->config.n_targets + 1, sizeof *r->is_target);
    return true;
}

MUST_USE static bool compare(Read *r, const char *base_name, Err *err)
{
    choose_layout(r);
    if (!compare_modules(r, err)) return false;
    compare_head(r);
    compare_rest(r);
    return report(r, base_name, err) && check_base_weights(r, base_name, err);
}

static void read_done(Read *r)
{
    difference_done(&r->missing);
    difference_done(&r->misshapen);
    difference_done(&r->not_float);
    difference_done(&r->not_finite);
    difference_done(&r->unexpected);
    difference_done(&r->not_targeted);
    difference_done(&r->no_module);
    safetensors_close(r->file);
    arena_free(r->arena);
}

bool peft_dir_read(LowRankSet *set, Params *params, const char *folder, const char *base_name,
                   Err *err)
{
    check(set->n == 0, "%d changes in the set already", set->n);
    Read r = {.params = params, .folder = folder, .arena = arena_new()};
    bool ok = read_config(&r, err) && check_base_name(&r, base_name, err) &&
              open_weights(&r, err) && compare(&r, base_name, err) && take_values(&r, set, err);
    read_done(&r);
    if (!ok) low_rank_set_done(set);
    return ok;
}
