/* Writing adapter directories: changes become modules, modules become tensors. */
#include "file.h"
#include "peft_config.h"
#include "peft_dir.h"
#include "safetensors.h"

#include <math.h>
#include <string.h>

/* A module's tensors, in PEFT's order. */
typedef struct {
    const PeftModule *module; /* NULL: not adapted */
    int rank;
    double alpha;
    float *a, *b, *magnitude; /* NULL until they are made; magnitude also without one */
} Written;

typedef struct {
    const LowRankSet *set;
    Params *base, *trained;
    const PeftLayout *layout;
    Arena *arena;
    const PeftModule *modules;
    Written *written; /* [n] */
    int n;
    bool has_magnitudes;
} Write;

static bool overlaps(const LowRankChange *c, const PeftModule *m)
{
    return c->weight == m->weight && c->row < m->row + m->n_rows && m->row < c->row + c->n_rows;
}

/* ---- ranks and alphas ---- */

/* Sums over the module's changes: their alphas too, as long as they have one scale. */
static void sum_ranks(const Write *w, Written *out, const PeftModule *m)
{
    double scale = 0;
    int n = 0;
    for (int i = 0; i < w->set->n; i++) {
        const LowRankChange *c = &w->set->items[i];
        if (!overlaps(c, m)) continue;
        if (n++ == 0) scale = low_rank_scale(w->set, c);
        out->rank += c->rank;
        out->alpha += c->alpha;
        out->module = m;
    }
    if (n > 1 && w->set->is_rank_stabilised) out->alpha = scale * sqrt(out->rank);
}

static double scale_of(const Write *w, const Written *m)
{
    return m->alpha / (w->set->is_rank_stabilised ? sqrt(m->rank) : (double)m->rank);
}

/* What is adapted with another module has its rank and alpha, with zeros where it has less. */
static void join_companions(Write *w)
{
    for (int i = 0; i < w->n; i++) {
        int other = w->modules[i].companion;
        if (other < 0) continue;
        Written *m = &w->written[i], *o = &w->written[other];
        if (m->module == NULL || (o->module != NULL && o->rank > m->rank)) continue;
        o->module = &w->modules[other];
        o->rank = m->rank;
        o->alpha = m->alpha;
    }
}

/* ---- values ---- */

/* theirs [n,in,kh,kw] from ours [n,kh,kw,in] */
static void to_theirs(float *theirs, const Real *ours, int n, const Param *w)
{
    int in = w->dims[w->rank - 1], area = low_rank_columns(w) / in;
    for (int k = 0; k < n; k++) {
        for (int c = 0; c < in; c++) {
            for (int at = 0; at < area; at++)
                *theirs++ = (float)ours[((size_t)k * area + at) * in + c];
        }
    }
}

/* The change's factors from column `first` of the module's rank on. */
static void place(const Write *w, Written *out, const LowRankChange *c, int first)
{
    const PeftModule *m = out->module;
    const Param *weight = params_get(w->base, m->weight);
    to_theirs(out->a + (size_t)first * low_rank_columns(weight), c->a, c->rank, weight);
    double factor = low_rank_scale(w->set, c) / scale_of(w, out);
    if (fabs(factor - 1) < 1e-12) factor = 1; /* to the bit */
    for (int o = 0; o < m->n_rows; o++) {
        int row = m->row + o - c->row;
        if (row < 0 || row >= c->n_rows) continue;
        for (int k = 0; k < c->rank; k++) {
            double value = factor * (double)c->b[(size_t)row * c->rank + k];
            out->b[(size_t)o * out->rank + first + k] = (float)value;
        }
        if (out->magnitude != NULL && c->magnitude != NULL)
            out->magnitude[o] = (float)c->magnitude[row];
    }
}

/* Rows that no change has keep the length that they have. */
static void fill_magnitudes(const Write *w, Written *out)
{
    const PeftModule *m = out->module;
    const Param *weight = params_get(w->base, m->weight);
    int columns = low_rank_columns(weight);
    const Real *rows = params_values(w->base) + weight->offset + (size_t)m->row * columns;
    for (int o = 0; o < m->n_rows; o++) {
        Real norm;
        low_rank_row_norms(&norm, rows + (size_t)o * columns, 1, columns);
        out->magnitude[o] = (float)norm;
    }
}

static void make_values(const Write *w, Written *out)
{
    const PeftModule *m = out->module;
    const Param *weight = params_get(w->base, m->weight);
    size_t rank = (size_t)out->rank, n_rows = (size_t)m->n_rows;
    out->a = arena_alloc(w->arena, rank * (size_t)low_rank_columns(weight), sizeof *out->a);
    out->b = arena_alloc(w->arena, rank * n_rows, sizeof *out->b);
    if (w->has_magnitudes) {
        out->magnitude = arena_alloc(w->arena, n_rows, sizeof *out->magnitude);
        fill_magnitudes(w, out);
    }
    int first = 0;
    for (int i = 0; i < w->set->n; i++) {
        const LowRankChange *c = &w->set->items[i];
        if (!overlaps(c, m)) continue;
        place(w, out, c, first);
        first += c->rank;
    }
}

/* ---- files ---- */

static const char *tensor_name(const Write *w, const PeftModule *m, const char *end)
{
    return arena_printf(w->arena, PEFT_PREFIX "%s.%s", m->name, end);
}

static void add_module(const Write *w, SafeWriter *out, const Written *m)
{
    const Param *weight = params_get(w->base, m->module->weight);
    int64_t dims[4];
    int rank = peft_a_dims(dims, weight, m->rank);
    safewriter_f32(out, tensor_name(w, m->module, "lora_A.weight"), m->a, rank, dims);
    rank = peft_b_dims(dims, weight, m->module->n_rows, m->rank);
    safewriter_f32(out, tensor_name(w, m->module, "lora_B.weight"), m->b, rank, dims);
    if (m->magnitude == NULL) return;
    rank = peft_magnitude_dims(dims, weight, m->module->n_rows);
    safewriter_f32(out, tensor_name(w, m->module, "lora_magnitude_vector"), m->magnitude, rank,
                   dims);
}

static void add_head(const Write *w, SafeWriter *out)
{
    for (int id = 0; id < params_count(w->trained); id++) {
        const Param *p = params_get(w->trained, id);
        if (!(p->flags & PARAM_HEAD)) continue;
        float *values = arena_alloc(w->arena, p->size, sizeof *values);
        for (size_t i = 0; i < p->size; i++)
            values[i] = (float)params_values(w->trained)[p->offset + i];
        int64_t dims[TENSOR_MAX_RANK];
        for (int i = 0; i < p->rank; i++) dims[i] = p->dims[i];
        safewriter_f32(
            out, arena_printf(w->arena, PEFT_PREFIX "%s", peft_head_name(w->layout, p, w->arena)),
            values, p->rank, dims);
    }
}

MUST_USE static bool write_weights(const Write *w, const char *path, Err *err)
{
    char digest[SHA256_HEX_SIZE];
    int *ids = arena_alloc(w->arena, (size_t)w->n, sizeof *ids), n_ids = 0;
    SafeWriter *out = safewriter_new();
    safewriter_metadata(out, "format", "pt");
    for (int i = 0; i < w->n; i++) {
        if (w->written[i].module == NULL) continue;
        add_module(w, out, &w->written[i]);
        ids[n_ids++] = w->modules[i].weight;
    }
    add_head(w, out);
    peft_base_digest(digest, w->base, ids, n_ids);
    safewriter_metadata(out, PEFT_DIGEST, digest);
    bool ok = safewriter_write(out, path, err);
    safewriter_free(out);
    return ok;
}

/* The first module's rank and alpha, the others' as patterns where they are others. */
static void make_patterns(const Write *w, PeftConfig *c)
{
    c->targets = arena_alloc(w->arena, (size_t)w->n, sizeof *c->targets);
    c->ranks = arena_alloc(w->arena, (size_t)w->n, sizeof *c->ranks);
    c->alphas = arena_alloc(w->arena, (size_t)w->n, sizeof *c->alphas);
    for (int i = 0; i < w->n; i++) {
        const Written *m = &w->written[i];
        bool is_twice = w->modules[i].companion >= 0 && w->modules[i].companion < i;
        if (m->module == NULL || is_twice) continue;
        if (c->n_targets == 0) {
            c->rank = m->rank;
            c->alpha = m->alpha;
        }
        const char *target = m->module->target;
        c->targets[c->n_targets++] = target;
        if (m->rank != c->rank) c->ranks[c->n_ranks++] = (PeftPattern){target, m->rank};
        if (m->alpha < c->alpha || m->alpha > c->alpha)
            c->alphas[c->n_alphas++] = (PeftPattern){target, m->alpha};
    }
}

/* "classifier.weight": module "classifier". */
static void make_saved(const Write *w, PeftConfig *c)
{
    c->saved = arena_alloc(w->arena, (size_t)params_count(w->trained), sizeof *c->saved);
    for (int id = 0; id < params_count(w->trained); id++) {
        const Param *p = params_get(w->trained, id);
        const char *name = peft_head_name(w->layout, p, w->arena);
        if (!(p->flags & PARAM_HEAD) || !str_ends_with(name, ".weight")) continue;
        c->saved[c->n_saved++] = arena_strndup(w->arena, name, strlen(name) - strlen(".weight"));
    }
}

MUST_USE static bool write_config(const Write *w, const char *base_name, const char *path, Err *err)
{
    PeftConfig c = {.base_name = base_name,
                    .use_dora = w->has_magnitudes,
                    .use_rslora = w->set->is_rank_stabilised};
    Str out = {0};
    make_patterns(w, &c);
    make_saved(w, &c);
    peft_config_json(&c, &out);
    bool ok = file_write_atomic(path, out.text, out.n, err);
    str_done(&out);
    return ok;
}

/* ---- all of it ---- */

static void make_modules(Write *w)
{
    w->modules = peft_modules(&w->n, w->layout, w->base, w->arena);
    w->written = arena_alloc(w->arena, (size_t)w->n, sizeof *w->written);
    for (int i = 0; i < w->n; i++) sum_ranks(w, &w->written[i], &w->modules[i]);
    join_companions(w);
    for (int i = 0; i < w->set->n; i++) w->has_magnitudes |= w->set->items[i].magnitude != NULL;
}

MUST_USE static bool check_magnitudes(const Write *w, Err *err)
{
    for (int i = 0; w->has_magnitudes && i < w->n; i++) {
        if (w->written[i].module == NULL || w->modules[i].companion < 0) continue;
        return err_set(err, ERR_FORMAT,
                       "layout \"%s\": PEFT has no DoRA for its attention (%s), expected another "
                       "layout, or merged weights",
                       w->layout->name, w->modules[i].target);
    }
    return true;
}

MUST_USE static bool write_files(Write *w, const char *folder, const char *base_name, Err *err)
{
    for (int i = 0; i < w->n; i++) {
        if (w->written[i].module != NULL) make_values(w, &w->written[i]);
    }
    return file_make_dirs(folder, err) &&
           write_weights(w, file_join(w->arena, folder, PEFT_WEIGHTS), err) &&
           write_config(w, base_name, file_join(w->arena, folder, PEFT_CONFIG), err);
}

bool peft_dir_write(const char *folder, const LowRankSet *set, Params *base, Params *trained,
                    const PeftBase *what, Err *err)
{
    Write w = {.set = set, .base = base, .trained = trained};
    check(set->n > 0, "no changes to write to %s", folder);
    if (!peft_layout_find(&w.layout, what->layout, base, err)) return false;
    w.arena = arena_new();
    make_modules(&w);
    bool ok = check_magnitudes(&w, err) && write_files(&w, folder, what->base_name, err);
    arena_free(w.arena);
    return ok;
}
