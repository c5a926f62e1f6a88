#include "run_weights.h"

#include "file.h"
#include "low_rank_adapter.h"
#include "peft_dir.h"
#include "str.h"

/* ---- what a run keeps ---- */

const char *run_weights_path(const char *folder, const char *stem, Arena *arena)
{
    return arena_printf(arena, "%s/%s.safetensors", folder, stem);
}

const char *run_weights_adapter_path(const char *folder, const char *stem, Arena *arena)
{
    return arena_printf(arena, "%s/%s-adapter.safetensors", folder, stem);
}

bool run_weights_save(Learner *l, const char *folder, const char *stem, Err *err)
{
    Net *net = learner_net(l);
    const Adapter *adapter = net_adapter(net);
    Arena *arena = arena_new();
    bool ok = net_save(net, run_weights_path(folder, stem, arena), err);
    if (ok && adapter != NULL) {
        const char *path = run_weights_adapter_path(folder, stem, arena);
        ok = adapter_save(adapter, net_params(net), path, err);
    }
    arena_free(arena);
    return ok;
}

/* ---- what it starts from ---- */

const char *run_base_name(const RunSpec *spec, const ModelDir *model)
{
    return model != NULL ? model_dir_name(model) : spec->net.name;
}

typedef struct {
    const char *folder, *base_name;
} Start;

static bool load(const void *context, Net *net, Err *err)
{
    const Start *start = context;
    Params *params = net_params(net);
    const Adapter *adapter = net_adapter(net);
    LowRankSet set = {0};
    bool ok = peft_dir_read(&set, params, start->folder, start->base_name, err);
    if (ok && adapter != NULL) {
        ok = low_rank_set_put(&set, adapter, params, start->folder, err);
    } else if (ok) {
        low_rank_set_merge(&set, params);
    }
    low_rank_set_done(&set);
    return ok || err_context(err, "method.adapter_load");
}

bool run_adapter_load_set(LearnerOptions *o, const RunSpec *spec, const ModelDir *model,
                          Arena *arena, Err *err)
{
    const MethodSpec *m = &spec->method;
    if (m->adapter_load[0] == '\0') return true;
    const AdapterKind *kind = adapter_kind_find(m->adapter);
    if (kind != NULL && kind->is_generated) {
        return err_set(err, ERR_FORMAT,
                       "method.adapter_load: found %s with method.adapter %s, whose factors are "
                       "generated: expected one without a generator, or none",
                       m->adapter_load, m->adapter);
    }
    if (kind != NULL && m->adapting.init == FACTORS_PISSA) {
        return err_set(
            err, ERR_FORMAT,
            "method.adapter_load: found %s with method.adapter_init pissa, which changes "
            "the weights it is for: expected default",
            m->adapter_load);
    }
    Start *start = arena_alloc(arena, 1, sizeof *start);
    *start = (Start){m->adapter_load, run_base_name(spec, model)};
    o->load = load;
    o->load_context = start;
    return true;
}
