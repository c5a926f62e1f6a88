/* Parameters by name: compared with the file first, then copied, so that a refused file changes
 * nothing. */
#include "params_file.h"

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

enum { LISTED = 4 }; /* names shown of each kind of difference */

/* One kind of difference: the first names and how many there are. */
typedef struct {
    Str names;
    int n;
} Difference;

static void difference_add(Difference *d, const char *name, const char *detail)
{
    if (d->n++ >= LISTED) return;
    str_addf(&d->names, "%s%.80s%s", d->n > 1 ? ", " : "", name, detail);
}

static void difference_text(const Difference *d, const char *kind, Str *out)
{
    if (d->n == 0) return;
    str_addf(out, "%s%d %s (%s%s)", out->n > 0 ? "; " : "", d->n, kind, d->names.text,
             d->n > LISTED ? ", ..." : "");
}

typedef struct {
    Params *params;
    const SafeTensors *file;
    ParamsLoad options;
    const SafeTensor **found; /* [params_count]; NULL: keeps its values */
    Difference missing, unexpected, misshapen, not_float;
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

static bool shape_fits(const Load *l, const Param *q, const SafeTensor *s)
{
    Shape want = torch_shape(q);
    if (s->rank != want.rank) return false;
    for (int i = 0; i < want.rank; i++) {
        bool may_differ = i == 1 && ((is_input_conv(l, q) && s->dims[1] > 0) ||
                                     (is_resizable(l, q) && grid_side(s->dims[1]) > 0));
        if (s->dims[i] != want.dims[i] && !may_differ) return false;
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

static void note_misshapen(Load *l, const Param *q, const SafeTensor *s)
{
    Shape want = torch_shape(q);
    Str detail = {0};
    str_add(&detail, " ");
    add_dims(&detail, s->rank, s->dims);
    str_add(&detail, ", expected ");
    add_dims(&detail, want.rank, want.dims);
    difference_add(&l->misshapen, q->name, detail.text);
    str_done(&detail);
}

static void compare_param(Load *l, int id)
{
    const Param *q = params_get(l->params, id);
    Str name = {0};
    str_addf(&name, "%s%s", l->options.prefix, q->name);
    const SafeTensor *s = safetensors_find(l->file, name.text);
    bool optional = (q->flags & PARAM_HEAD) && l->options.allow_missing_head;
    if (s == NULL) {
        if (!optional) difference_add(&l->missing, name.text, "");
    } else if (!shape_fits(l, q, s)) {
        if (!optional) note_misshapen(l, q, s);
    } else if (!safetensors_is_real(s)) {
        difference_add(&l->not_float, name.text, "");
    } else {
        l->found[id] = s;
    }
    str_done(&name);
}

static void compare_unexpected(Load *l)
{
    for (int i = 0; i < safetensors_count(l->file); i++) {
        const char *name = safetensors_at(l->file, i)->name;
        if (!str_starts_with(name, l->options.prefix)) continue;
        if (str_ends_with(name, "num_batches_tracked")) continue;
        if (params_find(l->params, name + strlen(l->options.prefix)) >= 0) continue;
        difference_add(&l->unexpected, name, "");
    }
}

static bool compare(Load *l, Err *err)
{
    for (int i = 0; i < params_count(l->params); i++) compare_param(l, i);
    if (!l->options.allow_unexpected) compare_unexpected(l);
    Str text = {0};
    difference_text(&l->missing, "tensors missing", &text);
    difference_text(&l->misshapen, "of another shape", &text);
    difference_text(&l->not_float, "not of a floating-point type", &text);
    difference_text(&l->unexpected, "unexpected", &text);
    bool same = text.n == 0;
    if (!same) {
        err_set(err, ERR_FORMAT, "%s: does not fit the network: %s", safetensors_place(l->file),
                text.text);
    }
    str_done(&text);
    return same;
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
    int width = q->dims[2];
    memcpy(ours, theirs, (size_t)width * sizeof *ours);
    positions_resize(ours + width, grid_side(q->dims[1]), theirs + width, grid_side(n_theirs),
                     width);
}

static bool copy_param(const Load *l, int id, Real *scratch, Err *err)
{
    const Param *q = params_get(l->params, id);
    const SafeTensor *s = l->found[id];
    if (s == NULL) return true;
    Real *values = params_values(l->params) + q->offset;
    bool is_conv = q->flags & PARAM_CONV;
    bool is_resized = is_resizable(l, q) && s->dims[1] != q->dims[1];
    if (!safetensors_to_real(s, is_conv || is_resized ? scratch : values, err)) return false;
    if (is_conv) conv_from_torch(q, values, scratch, (int)s->dims[1]);
    if (is_resized) resize_positions(q, values, scratch, s->dims[1]);
    return true;
}

static bool copy(const Load *l, Err *err)
{
    size_t largest = 0;
    for (int i = 0; i < params_count(l->params); i++) {
        const SafeTensor *s = l->found[i];
        if (s != NULL && s->n_elements > largest) largest = s->n_elements;
    }
    Real *scratch = mem_alloc(largest, sizeof *scratch);
    bool ok = true;
    for (int i = 0; ok && i < params_count(l->params); i++) ok = copy_param(l, i, scratch, err);
    free(scratch);
    return ok;
}

bool params_load(Params *p, const SafeTensors *f, const ParamsLoad *options, Err *err)
{
    Load l = {.params = p, .file = f};
    if (options != NULL) l.options = *options;
    if (l.options.prefix == NULL) l.options.prefix = "";
    l.found = mem_alloc((size_t)params_count(p), sizeof *l.found);
    bool ok = compare(&l, err) && copy(&l, err);
    str_done(&l.missing.names);
    str_done(&l.unexpected.names);
    str_done(&l.misshapen.names);
    str_done(&l.not_float.names);
    free(l.found);
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

bool params_save(Params *p, const char *path, Err *err)
{
    float *values = mem_alloc(params_size(p), sizeof *values);
    SafeWriter *w = safewriter_new();
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        const Real *ours = params_values(p) + q->offset;
        float *theirs = values + q->offset;
        if (q->flags & PARAM_CONV) {
            conv_to_torch(q, theirs, ours);
        } else {
            for (size_t j = 0; j < q->size; j++) theirs[j] = (float)ours[j];
        }
        Shape shape = torch_shape(q);
        safewriter_f32(w, q->name, theirs, shape.rank, shape.dims);
    }
    bool ok = safewriter_write(w, path, err);
    safewriter_free(w);
    free(values);
    return ok;
}
