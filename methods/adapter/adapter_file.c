/* The factors of an adapter in a file, for the program itself. */
#include "differences.h"
#include "low_rank_adapter.h"
#include "mem.h"
#include "safetensors.h"

#include <stdlib.h>

enum { MOST_TENSORS = 3 };

/* Ids of a part's tensors; returns how many. */
static int part_ids(int ids[MOST_TENSORS], const AdapterPart *part)
{
    ids[0] = part->a;
    ids[1] = part->b;
    ids[2] = part->magnitude;
    return part->magnitude >= 0 ? 3 : 2;
}

static int shape_of(int64_t dims[TENSOR_MAX_RANK], const Param *p)
{
    for (int i = 0; i < p->rank; i++) dims[i] = p->dims[i];
    return p->rank;
}

static void add_tensor(SafeWriter *w, Params *params, const Param *p, float *values)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (size_t i = 0; i < p->size; i++)
        values[p->offset + i] = (float)params_values(params)[p->offset + i];
    safewriter_f32(w, p->name, values + p->offset, shape_of(dims, p), dims);
}

bool adapter_save(const Adapter *adapter, Params *params, const char *path, Err *err)
{
    float *values = mem_alloc(params_size(params), sizeof *values);
    SafeWriter *w = safewriter_new();
    for (int i = 0; i < adapter_n_parts(adapter); i++) {
        int ids[MOST_TENSORS], n = part_ids(ids, adapter_part(adapter, i));
        for (int k = 0; k < n; k++) add_tensor(w, params, params_get(params, ids[k]), values);
    }
    bool ok = safewriter_write(w, path, err);
    safewriter_free(w);
    free(values);
    return ok;
}

static bool fits(const SafeTensor *s, const Param *p)
{
    bool same = s != NULL && safetensors_is_real(s) && s->rank == p->rank;
    for (int i = 0; same && i < p->rank; i++) same = s->dims[i] == p->dims[i];
    return same;
}

MUST_USE static bool load_all(const Adapter *adapter, Params *params, const SafeTensors *f,
                              Err *err)
{
    Difference misfits = {0};
    Str text = {0};
    bool ok = true;
    for (int i = 0; ok && i < adapter_n_parts(adapter); i++) {
        int ids[MOST_TENSORS], n = part_ids(ids, adapter_part(adapter, i));
        for (int k = 0; ok && k < n; k++) {
            const Param *p = params_get(params, ids[k]);
            const SafeTensor *s = safetensors_find(f, p->name);
            if (fits(s, p)) {
                ok = safetensors_to_real(s, params_values(params) + p->offset, err);
            } else {
                difference_add(&misfits, p->name, "");
            }
        }
    }
    difference_text(&misfits, "tensors missing or of another shape", &text);
    if (ok && misfits.n > 0)
        ok = err_set(err, ERR_FORMAT, "%s: is not this adapter: %s", safetensors_place(f),
                     text.text);
    difference_done(&misfits);
    str_done(&text);
    return ok;
}

bool adapter_load(const Adapter *adapter, Params *params, const char *path, Err *err)
{
    SafeTensors *f;
    if (!safetensors_open(&f, path, err)) return false;
    bool ok = load_all(adapter, params, f, err);
    safetensors_close(f);
    return ok;
}
