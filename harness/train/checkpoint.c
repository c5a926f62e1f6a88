/* What a checkpoint holds; how it lies in the file is state_file.h's business. */
#include "checkpoint.h"

#include "mem.h"
#include "state_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "dgbench-checkpoint-2";

/* ---- what is in it: one list for saving and loading ---- */

enum { MAX_ARRAYS = 9 + LEARNER_MAX_AVERAGES * AVERAGE_MAX_ARRAYS };

/* Arrays of params_size first; returns how many these are. */
static int list_flat_arrays(StateArray *arrays, Learner *l)
{
    Params *params = learner_params(l);
    size_t size = params_size(params);
    int n = 0;
    arrays[n++] = (StateArray){"values", params_values(params), NULL, size};
    if (learner_keeps_gradients(l))
        arrays[n++] = (StateArray){"gradients", params_gradients(params), NULL, size};
    for (int i = 0; i < learner_n_averages(l); i++) {
        Average *a = learner_average(l, i);
        for (int j = 0; j < average_n_arrays(a); j++) {
            arrays[n] = (StateArray){.reals = average_array(a, j), .n = size};
            snprintf(arrays[n++].name, STATE_NAME_SIZE, "average.%s.%d", average_name(a), j);
        }
    }
    return n;
}

static int list_optimizer(StateArray *arrays, Learner *l)
{
    Optimizer *o = learner_optimizer(l);
    int n = 0;
    for (int i = 0; i < optim_slots(o); i++) {
        arrays[n] = (StateArray){.reals = optim_slot(o, i), .n = optim_slot_size(o)};
        snprintf(arrays[n++].name, STATE_NAME_SIZE, "optimizer.%d", i);
    }
    arrays[n++] = (StateArray){"optimizer.steps", NULL, optim_steps(o),
                               (size_t)params_count(learner_params(l))};
    return n;
}

/* ---- what never learns is left out ---- */

/* The arrays, with those of params_size packed: what learns and buffers, each on a cache line, as
 * in Params. */
typedef struct {
    Learner *learner;
    StateArray arrays[MAX_ARRAYS];
    Real *flat[MAX_ARRAYS]; /* that arrays[i].reals is packed from */
    int n, n_flat;
} Packed;

static void packed_init(Packed *p, Learner *l)
{
    const Params *params = learner_params(l);
    *p = (Packed){.learner = l};
    p->n_flat = list_flat_arrays(p->arrays, l);
    p->n = p->n_flat + list_optimizer(p->arrays + p->n_flat, l);
    size_t size = 0;
    for (int i = 0; i < params_count(params); i++) {
        if (!learner_is_frozen(l, i)) size += param_padded_size(params_get(params, i));
    }
    for (int i = 0; i < p->n_flat; i++) {
        p->flat[i] = p->arrays[i].reals;
        p->arrays[i].n = size;
        p->arrays[i].reals = mem_alloc(size, sizeof *p->flat[i]);
    }
}

static void packed_done(Packed *p)
{
    for (int i = 0; i < p->n_flat; i++) free(p->arrays[i].reals);
}

/* Between packed and flat arrays, one way or the other. */
static void packed_move(Packed *p, bool pack)
{
    const Params *params = learner_params(p->learner);
    size_t at = 0;
    for (int i = 0; i < params_count(params); i++) {
        const Param *q = params_get(params, i);
        if (learner_is_frozen(p->learner, i)) continue;
        for (int k = 0; k < p->n_flat; k++) {
            Real *packed = p->arrays[k].reals + at, *flat = p->flat[k] + q->offset;
            memcpy(pack ? packed : flat, pack ? flat : packed, q->size * sizeof *flat);
        }
        at += param_padded_size(q);
    }
}

/* ---- numbers ---- */

enum {
    MAX_NUMBERS = 16 + STAGES_DROPS + LEARNER_MAX_AVERAGES * AVERAGE_MAX_NUMBERS,
};

typedef struct {
    TrainState state;
    int64_t stage, counts[2]; /* of state, where its type is not int64_t */
    double averages[LEARNER_MAX_AVERAGES][AVERAGE_MAX_NUMBERS];
} Counters;

static int list_numbers(StateNumber *numbers, Counters *c, Learner *l)
{
    Stages *s = &c->state.stages;
    const StateNumber fixed[] = {
        {"next_step", &c->state.next_step, NULL},
        {"n_losses", &c->state.n_losses, NULL},
        {"loss_sum", NULL, &c->state.loss_sum},
        {"train_seconds", NULL, &c->state.train_seconds},
        {"eval_seconds", NULL, &c->state.eval_seconds},
        {"data_seconds", NULL, &c->state.data_seconds},
        {"stages.stage", &c->stage, NULL},
        {"stages.steps", &s->steps, NULL},
        {"stages.before", &s->before, NULL},
        {"stages.best_accuracy", NULL, &s->best_accuracy},
        {"stages.best_step", &s->best_step, NULL},
        {"stages.plateau.lr", NULL, &s->plateau.lr},
        {"stages.plateau.best", NULL, &s->plateau.best},
        {"stages.plateau.n_bad", &c->counts[0], NULL},
        {"stages.n_drops", &c->counts[1], NULL},
    };
    int n = sizeof fixed / sizeof *fixed;
    memcpy(numbers, fixed, sizeof fixed);
    for (int i = 0; i < STAGES_DROPS; i++) {
        numbers[n] = (StateNumber){.whole = &s->drops[i]};
        snprintf(numbers[n++].name, STATE_NAME_SIZE, "stages.drop.%d", i);
    }
    for (int i = 0; i < learner_n_averages(l); i++) {
        const Average *a = learner_average(l, i);
        for (int j = 0; j < average_n_numbers(a); j++) {
            numbers[n] = (StateNumber){.real = &c->averages[i][j]};
            snprintf(numbers[n++].name, STATE_NAME_SIZE, "average.%s.number.%d", average_name(a),
                     j);
        }
    }
    return n;
}

bool checkpoint_save(const char *path, const char *key, Learner *l, const TrainState *state,
                     Err *err)
{
    Counters c = {.state = *state,
                  .stage = (int64_t)state->stages.stage,
                  .counts = {state->stages.plateau.n_bad, state->stages.n_drops}};
    for (int i = 0; i < learner_n_averages(l); i++) {
        Average *a = learner_average(l, i);
        memcpy(c.averages[i], average_numbers(a), (size_t)average_n_numbers(a) * sizeof(double));
    }
    StateNumber numbers[MAX_NUMBERS];
    Packed packed;
    packed_init(&packed, l);
    packed_move(&packed, true);
    StateContent content = {.format = FORMAT,
                            .key = key,
                            .numbers = numbers,
                            .n_numbers = list_numbers(numbers, &c, l),
                            .arrays = packed.arrays,
                            .n_arrays = packed.n};
    bool ok = state_save(path, &content, err);
    packed_done(&packed);
    return ok;
}

/* ---- loading ---- */

MUST_USE static bool check_stages(const Counters *c, const char *path, Err *err)
{
    if (c->stage <= STAGE_FULL_DATA && c->counts[1] <= STAGES_DROPS) return true;
    return err_set(err, ERR_FORMAT, "%s: stage %lld with %lld drops, expected at most %d, %d", path,
                   (long long)c->stage, (long long)c->counts[1], STAGE_FULL_DATA, STAGES_DROPS);
}

static void take_counters(Learner *l, TrainState *state, const Counters *c)
{
    for (int i = 0; i < learner_n_averages(l); i++) {
        Average *a = learner_average(l, i);
        memcpy(average_numbers(a), c->averages[i], (size_t)average_n_numbers(a) * sizeof(double));
    }
    *state = c->state;
    state->stages.stage = (Stage)c->stage;
    state->stages.plateau.n_bad = (int)c->counts[0];
    state->stages.n_drops = (int)c->counts[1];
}

bool checkpoint_load(const char *path, const char *key, Learner *l, TrainState *state, Err *err)
{
    SafeTensors *f;
    if (!state_open(&f, path, FORMAT, key, err)) return false;
    Counters c = {0};
    StateNumber numbers[MAX_NUMBERS];
    Packed packed;
    packed_init(&packed, l);
    bool ok = state_read_numbers(f, numbers, list_numbers(numbers, &c, l), err) &&
              check_stages(&c, path, err) && state_read_arrays(f, packed.arrays, packed.n, err);
    if (ok) {
        packed_move(&packed, false);
        take_counters(l, state, &c);
    }
    packed_done(&packed);
    safetensors_close(f);
    return ok;
}
