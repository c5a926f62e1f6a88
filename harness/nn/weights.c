/* Who makes each weight, and this step's tensors. */
#include "weights.h"

#include "err.h"
#include "mem.h"

#include <stdlib.h>

typedef struct {
    WeightMaker *make;
    void *self;
    Tensor *tensor; /* of this tape epoch */
    uint64_t epoch;
} Source;

struct Weights {
    Params *params;
    Source *sources;
};

Weights *weights_new(Params *params)
{
    Weights *w = mem_alloc(1, sizeof *w);
    w->params = params;
    w->sources = mem_alloc((size_t)params_count(params), sizeof *w->sources);
    return w;
}

void weights_free(Weights *w)
{
    if (w == NULL) return;
    free(w->sources);
    free(w);
}

void weights_replace(Weights *w, int id, WeightMaker *make, void *self)
{
    check(id >= 0 && id < params_count(w->params), "weight %d of %d", id, params_count(w->params));
    w->sources[id] = (Source){.make = make, .self = self};
}

bool weights_is_replaced(const Weights *w, int id)
{
    return w->sources[id].make != NULL;
}

Tensor *weights_get(Weights *w, Tape *t, int id)
{
    check(id >= 0 && id < params_count(w->params), "weight %d of %d", id, params_count(w->params));
    Source *s = &w->sources[id];
    if (s->tensor != NULL && s->epoch == tape_epoch(t)) return s->tensor;
    s->tensor =
        s->make != NULL ? s->make(s->self, w->params, t, id) : params_tensor(w->params, t, id);
    tape_pin(s->tensor);
    s->epoch = tape_epoch(t);
    return s->tensor;
}

Params *weights_params(Weights *w)
{
    return w->params;
}
