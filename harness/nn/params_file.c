/* Parameters by name: compared with the file first, then copied, so that a refused file changes
 * nothing. */
#include "params_file.h"

#include "differences.h"
#include "mem.h"
#include "positions.h"
#include "str.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Shape in PyTorch's order. */
typedef struct {
    int rank;
    int64_t dims[SAFETENSOR_MAX_RANK];
} Shape;

static Shape torch_shape(const Param *q)
{
    if (q->flags & PARAM_SCALAR) return (Shape){.rank = 0};
    Shape s = {.rank = q->rank};
    for (int i = 0; i < q->rank; i++) s.dims[i] = q->dims[i];
    if (q->flags & PARAM_CONV) {
        s.dims[1] = q->dims[3];
        s.dims[2] = q->dims[1];
        s.dims[3] = q->dims[2];
    }
    return s;
}

/* ---- comparing ---- */

/* The tensors that a parameter is made of. */
typedef struct {
    const SafeTensor *parts[NAME_MAX_PARTS];
    int n; /* 0: it keeps its values */
    bool transposed;
} Found;

typedef struct {
    const Params *params;
    const SafeTensors *file;
    ParamsLoad options;
    const ParamNaming *naming; /* the file's; NULL: ours */
    Found *found;              /* [params_count] */
    bool *wanted;              /* [safetensors_count]: some parameter is to be made of it */
    Difference missing, unexpected, misshapen, not_float, not_finite;
} Load;

static bool is_input_conv(const Load *l, const Param *q)
{
    return l->options.input_conv != NULL && str_equal(l->options.input_conv, q->name);
}

/* n of 1 + n * n tokens; 0: there is none. */
static int grid_side(int64_t n_tokens)
{
    if (n_tokens < 2 || n_tokens > INT_MAX) return 0;
    int side = (int)lround(sqrt((double)(n_tokens - 1)));
    return (int64_t)side * side == n_tokens - 1 ? side : 0;
}

static bool is_resizable(const Load *l, const Param *q)
{
    return l->options.resize_positions && (q->flags & PARAM_POSITIONS);
}

/* The dimension of positions that counts tokens. */
static int token_axis(const Param *q)
{
    return q->rank - 2;
}

/* What one of n tensors that a parameter is stacked of has to look like. */
static Shape part_shape(const Param *q, int n, bool transposed)
{
    Shape want = torch_shape(q);
    if (n > 1) want.dims[0] /= n;
    if (transposed && want.rank == 2) {
        int64_t rows = want.dims[0];
        want.dims[0] = want.dims[1];
        want.dims[1] = rows;
    }
    return want;
}

static bool shape_fits(const Load *l, const Param *q, const SafeTensor *s, const Shape *want)
{
    if (s->rank != want->rank) return false;
    for (int i = 0; i < want->rank; i++) {
        bool may_differ = (i == 1 && is_input_conv(l, q) && s->dims[1] > 0) ||
                          (is_resizable(l, q) && i == token_axis(q) && grid_side(s->dims[i]) > 0);
        if (s->dims[i] != want->dims[i] && !may_differ) return false;
    }
    return true;
}

static void add_dims(Str *out, int rank, const int64_t *dims)
{
    for (int i = 0; i < rank; i++) {
        str_addf(out, "%s%lld", i > 0 ? "," : "[", (long long)dims[i]);
    }
    str_add(out, rank > 0 ? "]" : "[]");
}

static void note_misshapen(Load *l, const SafeTensor *s, const Shape *want)
{
    Str detail = {0};
    str_add(&detail, " ");
    add_dims(&detail, s->rank, s->dims);
    str_add(&detail, ", expected ");
    add_dims(&detail, want->rank, want->dims);
    difference_add(&l->misshapen, s->name, detail.text);
    str_done(&detail);
}

/* Adds a tensor to what was found; false: it does not fit, which is noted unless optional. */
static bool compare_part(Load *l, const Param *q, const char *name, const Shape *want, Found *found)
{
    bool optional = (q->flags & PARAM_HEAD) && l->options.allow_missing_head;
    const SafeTensor *s = safetensors_find(l->file, name);
    if (s == NULL) {
        if (!optional) difference_add(&l->missing, name, "");
        return false;
    }
    l->wanted[s - safetensors_at(l->file, 0)] = true;
    if (!shape_fits(l, q, s, want)) {
        if (!optional) note_misshapen(l, s, want);
        return false;
    }
    if (!safetensors_is_real(s)) {
        difference_add(&l->not_float, name, "");
        return false;
    }
    found->parts[found->n++] = s;
    return true;
}

static void compare_param(Load *l, int id)
{
    const Param *q = params_get(l->params, id);
    if (q->flags & PARAM_ADAPTER) return;
    ParamSource source;
    param_source_init(&source, l->naming, l->options.prefix, q->name);
    Found found = {.transposed = source.transposed && q->rank == 2};
    Shape want = part_shape(q, source.n, found.transposed);
    bool fits = true;
    for (int i = 0; i < source.n; i++) {
        fits &= compare_part(l, q, source.names[i].text, &want, &found);
    }
    if (fits) l->found[id] = found;
    param_source_done(&source);
}

static void compare_unexpected(Load *l)
{
    const char *ignored = l->naming != NULL ? l->naming->ignored : NULL;
    for (int i = 0; i < safetensors_count(l->file); i++) {
        const char *name = safetensors_at(l->file, i)->name;
        if (l->wanted[i] || !str_starts_with(name, l->options.prefix)) continue;
        if (str_ends_with(name, "num_batches_tracked")) continue;
        if (ignored != NULL && str_ends_with(name, ignored)) continue;
        difference_add(&l->unexpected, name, "");
    }
}

static const ParamNaming *find_naming(const Load *l)
{
    const ParamNaming *found = NULL;
    for (int i = 0; i < l->options.n_namings && found == NULL; i++) {
        const ParamNaming *naming = l->options.namings[i];
        Str name = {0};
        str_addf(&name, "%s%s", l->options.prefix, naming->probe);
        if (safetensors_find(l->file, name.text) != NULL) found = naming;
        str_done(&name);
    }
    return found;
}

/* The error that lists the differences, if there are any. */
static bool report(const Load *l, Err *err)
{
    Str text = {0};
    difference_text(&l->missing, "tensors missing", &text);
    difference_text(&l->misshapen, "of another shape", &text);
    difference_text(&l->not_float, "not of a floating-point type", &text);
    difference_text(&l->not_finite, "with NaN or infinity", &text);
    difference_text(&l->unexpected, "unexpected", &text);
    bool same = text.n == 0;
    if (!same) {
        err_set(err, ERR_FORMAT, "%s: does not fit the network: %s", safetensors_place(l->file),
                text.text);
    }
    str_done(&text);
    return same;
}

static bool compare(Load *l, Err *err)
{
    l->naming = find_naming(l);
    for (int i = 0; i < params_count(l->params); i++) compare_param(l, i);
    if (!l->options.allow_unexpected) compare_unexpected(l);
    return report(l, err);
}

static bool compare_values(Load *l, Err *err)
{
    for (int i = 0; l->options.finite && i < params_count(l->params); i++) {
        for (int k = 0; k < l->found[i].n; k++) {
            const SafeTensor *s = l->found[i].parts[k];
            if (!safetensors_is_finite(s)) difference_add(&l->not_finite, s->name, "");
        }
    }
    return report(l, err);
}

/* ---- copying ---- */

/* ours [out,kh,kw,in] from theirs [out,theirs_in,kh,kw] */
static void conv_from_torch(const Param *q, Real *ours, const Real *theirs, int theirs_in)
{
    int area = q->dims[1] * q->dims[2], in = q->dims[3];
    for (int m = 0; m < q->dims[0]; m++) {
        const Real *plane = theirs + (size_t)m * theirs_in * area;
        for (int a = 0; a < area; a++) {
            for (int c = 0; c < in; c++) *ours++ = plane[(size_t)(c % theirs_in) * area + a];
        }
    }
}

/* The class token's is kept. */
static void resize_positions(const Param *q, Real *ours, const Real *theirs, int64_t n_theirs)
{
    int width = q->dims[q->rank - 1];
    memcpy(ours, theirs, (size_t)width * sizeof *ours);
    positions_resize(ours + width, grid_side(q->dims[token_axis(q)]), theirs + width,
                     grid_side(n_theirs), width);
}

/* ours [rows,columns] from theirs [columns,rows] */
static void transpose(Real *ours, const Real *theirs, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) ours[i * columns + j] = theirs[j * rows + i];
    }
}

/* One tensor to its place at ours. */
static bool copy_part(const Param *q, const SafeTensor *s, bool transposed, Real *ours,
                      Real *scratch, Err *err)
{
    bool is_conv = q->flags & PARAM_CONV, is_positions = q->flags & PARAM_POSITIONS;
    int64_t n_tokens = is_positions ? s->dims[token_axis(q)] : 0;
    bool is_resized = is_positions && n_tokens != q->dims[token_axis(q)];
    bool is_direct = !is_conv && !is_resized && !transposed;
    if (!safetensors_to_real(s, is_direct ? ours : scratch, err)) return false;
    if (is_conv) conv_from_torch(q, ours, scratch, (int)s->dims[1]);
    if (is_resized) resize_positions(q, ours, scratch, n_tokens);
    if (transposed) transpose(ours, scratch, (size_t)s->dims[1], (size_t)s->dims[0]);
    return true;
}

static bool copy(const Load *l, Params *p, Err *err)
{
    size_t largest = 0;
    for (int i = 0; i < safetensors_count(l->file); i++) {
        size_t n = safetensors_at(l->file, i)->n_elements;
        if (l->wanted[i] && n > largest) largest = n;
    }
    Real *scratch = mem_alloc(largest, sizeof *scratch);
    bool ok = true;
    for (int i = 0; ok && i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        const Found *found = &l->found[i];
        Real *ours = params_values(p) + q->offset;
        for (int k = 0; ok && k < found->n; k++) {
            const SafeTensor *s = found->parts[k];
            ok = copy_part(q, s, found->transposed, ours, scratch, err);
            ours += s->n_elements;
        }
    }
    free(scratch);
    return ok;
}

static void load_init(Load *l, const Params *p, const SafeTensors *f, const ParamsLoad *options)
{
    *l = (Load){.params = p, .file = f};
    if (options != NULL) l->options = *options;
    if (l->options.prefix == NULL) l->options.prefix = "";
    l->found = mem_alloc((size_t)params_count(p), sizeof *l->found);
    l->wanted = mem_alloc((size_t)safetensors_count(f), sizeof *l->wanted);
}

static void load_done(Load *l)
{
    difference_done(&l->missing);
    difference_done(&l->unexpected);
    difference_done(&l->misshapen);
    difference_done(&l->not_float);
    difference_done(&l->not_finite);
    free(l->found);
    free(l->wanted);
}

bool params_load(Params *p, const SafeTensors *f, const ParamsLoad *options, Err *err)
{
    Load l;
    load_init(&l, p, f, options);
    bool ok = compare(&l, err) && compare_values(&l, err) && copy(&l, p, err);
    load_done(&l);
    return ok;
}

bool params_fit(const Params *p, const SafeTensors *f, const ParamsLoad *options, Err *err)
{
    Load l;
    load_init(&l, p, f, options);
    bool ok = compare(&l, err);
    load_done(&l);
    return ok;
}

/* ---- saving ---- */

static void conv_to_torch(const Param *q, float *theirs, const Real *ours)
{
    int area = q->dims[1] * q->dims[2], in = q->dims[3];
    for (int m = 0; m < q->dims[0]; m++) {
        for (int c = 0; c < in; c++) {
            for (int a = 0; a < area; a++) {
                *theirs++ = (float)ours[((size_t)m * area + a) * in + c];
            }
        }
    }
}

/* All parameters in PyTorch's layout, each at its own offset. */
static float *torch_values(Params *p)
{
    float *values = mem_alloc(params_size(p), sizeof *values);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        const Real *ours = params_values(p) + q->offset;
        float *theirs = values + q->offset;
        if (q->flags & PARAM_CONV) {
            conv_to_torch(q, theirs, ours);
        } else {
            for (size_t j = 0; j < q->size; j++) theirs[j] = (float)ours[j];
        }
    }
    return values;
}

static bool save(Params *p, const char *path, bool bf16, Err *err)
{
    float *values = torch_values(p);
    uint16_t *halves = bf16 ? mem_alloc(params_size(p), sizeof *halves) : NULL;
    if (bf16) safetensors_to_bf16(halves, values, params_size(p));
    SafeWriter *w = safewriter_new();
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        Shape shape = torch_shape(q);
        if (q->flags & PARAM_ADAPTER) continue;
        if (bf16) {
            safewriter_bf16(w, q->name, halves + q->offset, shape.rank, shape.dims);
        } else {
            safewriter_f32(w, q->name, values + q->offset, shape.rank, shape.dims);
        }
    }
    bool ok = safewriter_write(w, path, err);
    safewriter_free(w);
    free(halves);
    free(values);
    return ok;
}

bool params_save(Params *p, const char *path, Err *err)
{
    return save(p, path, false, err);
}

bool params_save_bf16(Params *p, const char *path, Err *err)
{
    return save(p, path, true, err);
}
