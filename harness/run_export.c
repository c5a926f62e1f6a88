#include "run_export.h"

#include "differences.h"
#include "file.h"
#include "low_rank_adapter.h"
#include "mem.h"
#include "peft_dir.h"
#include "run_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Merging again rounds in another order; more than this is another adapter. */
static const double MOST_DIFFERENCE = 1e-4;

bool run_export_merged(FinishedRun *f, const char *stem, const char *path, Err *err)
{
    return finished_run_learner(f, true, err) && finished_run_load(f, stem, err) &&
           net_save(learner_net(f->setup.learner), path, err);
}

typedef struct {
    FinishedRun *run;
    Net *base;       /* as it was published, without adapter */
    Params *trained; /* the learner's: the run's merged weights */
    LowRankSet initial, set;
} Export;

/* The network that the adapter is for; its classifier is of no interest. */
MUST_USE static bool make_base(Export *e, Err *err)
{
    const LearnerOptions *o = &e->run->setup.learner_options;
    NetOptions net = o->net;
    net.adapter = NULL;
    net.adapter_options = NULL;
    net.classifier = NULL;
    if (!net_new(&e->base, &net, err)) return false;
    return o->init_path[0] == '\0' || net_load(e->base, o->init_path, err);
}

/* The changes that training made. Of PiSSA the ones before it are needed too. */
MUST_USE static bool take_changes(Export *e, const char *stem, Err *err)
{
    FinishedRun *f = e->run;
    Net *net = learner_net(f->setup.learner);
    const Adapter *adapter = net_adapter(net);
    bool is_pissa = f->spec.method.adapting.init == FACTORS_PISSA;
    const char *path = run_weights_adapter_path(f->folder, stem, f->arena);
    if (!file_exists(path)) {
        return err_set(err, ERR_NOT_FOUND,
                       "run %s: no adapter in %s, expected one: runs keep it when they are made "
                       "with train.save=last (or --output says where it is)",
                       f->key, path);
    }
    if (is_pissa) low_rank_set_take(&e->initial, adapter, net_params(net), NULL);
    if (!adapter_load(adapter, net_params(net), path, err)) return false;
    low_rank_set_take(&e->set, adapter, net_params(net), is_pissa ? &e->initial : NULL);
    return true;
}

static bool is_changed(const LowRankSet *set, int id)
{
    for (int i = 0; i < set->n; i++) {
        if (set->items[i].weight == id) return true;
    }
    return false;
}

/* Nothing else of the network may have moved: an adapter directory would not say so. */
MUST_USE static bool check_rest(const Export *e, Err *err)
{
    Difference moved = {0};
    Str text = {0};
    Params *base = net_params(e->base);
    for (int id = 0; id < params_count(base); id++) {
        const Param *p = params_get(base, id);
        if ((p->flags & PARAM_HEAD) || is_changed(&e->set, id)) continue;
        const Real *was = params_values(base) + p->offset;
        const Real *is = params_values(e->trained) + p->offset;
        if (memcmp(was, is, p->size * sizeof *was) != 0) difference_add(&moved, p->name, "");
    }
    difference_text(&moved, "trained beside the adapter", &text);
    bool ok = moved.n == 0;
    if (!ok) {
        err_set(err, ERR_FORMAT,
                "run %s: %s: expected method.trainable=adapter and method.batch_norm=frozen, or "
                "--merged",
                e->run->key, text.text);
    }
    difference_done(&moved);
    str_done(&text);
    return ok;
}

static double difference_of(const Param *p, const Real *a, const Real *b)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < p->size; i++) {
        worst = fmax(worst, fabs((double)(a[i] - b[i])));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return largest > 0 ? worst / largest : worst;
}

/* The base with these changes is the network that the run ended with. */
MUST_USE static bool check_merged(double *worst, const Export *e, Err *err)
{
    Params *base = net_params(e->base);
    Real *kept = mem_alloc(params_size(base), sizeof *kept);
    memcpy(kept, params_values(base), params_size(base) * sizeof *kept);
    low_rank_set_merge(&e->set, base);
    *worst = 0;
    for (int id = 0; id < params_count(base); id++) {
        const Param *p = params_get(base, id);
        if (!is_changed(&e->set, id)) continue;
        *worst = fmax(*worst, difference_of(p, params_values(base) + p->offset,
                                            params_values(e->trained) + p->offset));
    }
    memcpy(params_values(base), kept, params_size(base) * sizeof *kept);
    free(kept);
    if (*worst <= MOST_DIFFERENCE) return true;
    return err_set(err, ERR_FORMAT,
                   "run %s: base and adapter differ from its weights by %.3g, expected at most %g",
                   e->run->key, *worst, MOST_DIFFERENCE);
}

MUST_USE static bool write_adapter(double *worst, Export *e, const char *stem, const char *folder,
                                   const char *layout, Err *err)
{
    FinishedRun *f = e->run;
    e->trained = learner_params(f->setup.learner);
    PeftBase what = {run_base_name(f->setup.spec, f->setup.model), layout};
    return take_changes(e, stem, err) && finished_run_load(f, stem, err) && make_base(e, err) &&
           check_rest(e, err) && check_merged(worst, e, err) &&
           peft_dir_write(folder, &e->set, net_params(e->base), e->trained, &what, err);
}

bool run_export_adapter(double *worst, FinishedRun *f, const char *stem, const char *folder,
                        const char *layout, Err *err)
{
    if (adapter_kind_find(f->spec.method.adapter) == NULL) {
        return err_set(err, ERR_FORMAT,
                       "run %s: method.adapter: found %s, expected an adapter (--merged takes any "
                       "run)",
                       f->key, f->spec.method.adapter);
    }
    if (f->spec.merge.kind != MERGE_NONE) {
        return err_set(err, ERR_FORMAT,
                       "run %s: is a merge of others, which has merged weights only, expected "
                       "--merged",
                       f->key);
    }
    Export e = {.run = f};
    if (!finished_run_learner(f, false, err)) return false;
    bool ok = write_adapter(worst, &e, stem, folder, layout, err);
    low_rank_set_done(&e.initial);
    low_rank_set_done(&e.set);
    net_free(e.base);
    return ok;
}
