/* Checkpoints: flat arrays under fixed names, counters as text in the metadata ("%a" keeps doubles
 * exact). */
#include "checkpoint.h"

#include "arena.h"
#include "file.h"
#include "safetensors.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "dgbench-checkpoint-2";
static const char OPTIMIZER_STEPS[] = "optimizer.steps"; /* of each parameter */

/* ---- what is in it: one list for saving and loading ---- */

typedef struct {
    char name[64];
    Real *values;
} Section;

enum { MAX_SECTIONS = 8 + LEARNER_MAX_AVERAGES * AVERAGE_MAX_ARRAYS };

static int list_sections(Section *sections, Learner *l)
{
    int n = 0;
    sections[n++] = (Section){"values", params_values(learner_params(l))};
    if (learner_keeps_gradients(l))
        sections[n++] = (Section){"gradients", params_gradients(learner_params(l))};
    for (int i = 0; i < optim_slots(learner_optimizer(l)); i++) {
        sections[n].values = optim_slot(learner_optimizer(l), i);
        snprintf(sections[n++].name, sizeof sections->name, "optimizer.%d", i);
    }
    for (int i = 0; i < learner_n_averages(l); i++) {
        Average *a = learner_average(l, i);
        for (int j = 0; j < average_n_arrays(a); j++) {
            sections[n].values = average_array(a, j);
            snprintf(sections[n++].name, sizeof sections->name, "average.%s.%d", average_name(a),
                     j);
        }
    }
    return n;
}

static void put_int(SafeWriter *w, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    safewriter_metadata(w, key, text);
}

static void put_double(SafeWriter *w, const char *key, double value)
{
    char text[48];
    snprintf(text, sizeof text, "%a", value);
    safewriter_metadata(w, key, text);
}

/* ---- the numbers of TrainState: one list for saving and loading, too ---- */

typedef struct {
    const char *name;
    int64_t *integer; /* one of the two */
    double *real;
} Number;

enum { MAX_NUMBERS = 16 + STAGES_DROPS, NUMBER_NAME_SIZE = 96 };

/* stage: in place of state->stages.stage, whose type is not int64_t. */
static int list_numbers(Number *numbers, TrainState *state, int64_t *stage, int64_t *counts)
{
    static const char *const drops[STAGES_DROPS] = {"stages.drop.0", "stages.drop.1",
                                                    "stages.drop.2"};
    Stages *s = &state->stages;
    const Number fixed[] = {
        {"next_step", &state->next_step, NULL},
        {"n_losses", &state->n_losses, NULL},
        {"loss_sum", NULL, &state->loss_sum},
        {"train_seconds", NULL, &state->train_seconds},
        {"eval_seconds", NULL, &state->eval_seconds},
        {"data_seconds", NULL, &state->data_seconds},
        {"stages.stage", stage, NULL},
        {"stages.steps", &s->steps, NULL},
        {"stages.before", &s->before, NULL},
        {"stages.best_accuracy", NULL, &s->best_accuracy},
        {"stages.best_step", &s->best_step, NULL},
        {"stages.plateau.lr", NULL, &s->plateau.lr},
        {"stages.plateau.best", NULL, &s->plateau.best},
        {"stages.plateau.n_bad", &counts[0], NULL},
        {"stages.n_drops", &counts[1], NULL},
    };
    int n = sizeof fixed / sizeof *fixed;
    memcpy(numbers, fixed, sizeof fixed);
    for (int i = 0; i < STAGES_DROPS; i++) numbers[n++] = (Number){drops[i], &s->drops[i], NULL};
    return n;
}

static void number_name(char out[NUMBER_NAME_SIZE], const Average *a, int i)
{
    snprintf(out, NUMBER_NAME_SIZE, "average.%s.number.%d", average_name(a), i);
}

static void put_average(SafeWriter *w, Average *a)
{
    for (int i = 0; i < average_n_numbers(a); i++) {
        char name[NUMBER_NAME_SIZE];
        number_name(name, a, i);
        put_double(w, name, average_numbers(a)[i]);
    }
}

static void put_state(SafeWriter *w, const TrainState *state)
{
    TrainState copy = *state;
    int64_t stage = (int64_t)copy.stages.stage;
    int64_t counts[] = {copy.stages.plateau.n_bad, copy.stages.n_drops};
    Number numbers[MAX_NUMBERS];
    int n = list_numbers(numbers, &copy, &stage, counts);
    for (int i = 0; i < n; i++) {
        if (numbers[i].integer != NULL) {
            put_int(w, numbers[i].name, *numbers[i].integer);
        } else {
            put_double(w, numbers[i].name, *numbers[i].real);
        }
    }
}

bool checkpoint_save(const char *path, const char *key, Learner *l, const TrainState *state,
                     Err *err)
{
    SafeWriter *w = safewriter_new();
    safewriter_metadata(w, "format", FORMAT);
    safewriter_metadata(w, "run", key);
    put_state(w, state);
    int64_t n_params = params_count(learner_params(l));
    safewriter_i64(w, OPTIMIZER_STEPS, optim_steps(learner_optimizer(l)), 1, &n_params);
    for (int i = 0; i < learner_n_averages(l); i++) put_average(w, learner_average(l, i));
    Section sections[MAX_SECTIONS];
    int n = list_sections(sections, l);
    int64_t size = (int64_t)params_size(learner_params(l));
    for (int i = 0; i < n; i++) safewriter_f32(w, sections[i].name, sections[i].values, 1, &size);
    bool ok = safewriter_write(w, path, err);
    safewriter_free(w);
    return ok;
}

/* ---- loading ---- */

MUST_USE static bool get_int(const SafeTensors *f, const char *path, const char *key, int64_t *out,
                             Err *err)
{
    const char *text = safetensors_metadata(f, key);
    long long value;
    if (text == NULL || !str_to_int64(text, &value) || value < 0) {
        return err_set(err, ERR_FORMAT, "%s: counter \"%s\" is %s, expected a whole number", path,
                       key, text != NULL ? text : "missing");
    }
    *out = value;
    return true;
}

MUST_USE static bool get_double(const SafeTensors *f, const char *path, const char *key,
                                double *out, Err *err)
{
    const char *text = safetensors_metadata(f, key);
    if (text == NULL || !str_to_double(text, out)) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is %s, expected a number", path, key,
                       text != NULL ? text : "missing");
    }
    return true;
}

MUST_USE static bool check_identity(const SafeTensors *f, const char *path, const char *key,
                                    Err *err)
{
    const char *format = safetensors_metadata(f, "format");
    if (format == NULL || !str_equal(format, FORMAT)) {
        return err_set(err, ERR_FORMAT, "%s: format is \"%s\", expected \"%s\"", path,
                       format != NULL ? format : "none", FORMAT);
    }
    const char *run = safetensors_metadata(f, "run");
    if (run == NULL || !str_equal(run, key)) {
        return err_set(err, ERR_FORMAT, "%s: belongs to run %.12s, expected %.12s", path,
                       run != NULL ? run : "?", key);
    }
    return true;
}

MUST_USE static bool check_array(const SafeTensors *f, const char *path, const char *name,
                                 const char *dtype, size_t n, Err *err)
{
    const SafeTensor *tensor = safetensors_find(f, name);
    if (tensor == NULL || tensor->n_elements != n || !str_equal(tensor->dtype, dtype)) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is %s, expected %zu %s values", path, name,
                       tensor == NULL ? "missing" : "of another size or type", n, dtype);
    }
    return true;
}

MUST_USE static bool read_number(const SafeTensors *f, const char *path, const Number *number,
                                 Err *err)
{
    if (number->integer == NULL) return get_double(f, path, number->name, number->real, err);
    return get_int(f, path, number->name, number->integer, err);
}

MUST_USE static bool read_state(const SafeTensors *f, const char *path, TrainState *s, Err *err)
{
    int64_t stage, counts[2];
    Number numbers[MAX_NUMBERS];
    int n = list_numbers(numbers, s, &stage, counts);
    for (int i = 0; i < n; i++) {
        if (!read_number(f, path, &numbers[i], err)) return false;
    }
    if (stage > STAGE_FULL_DATA || counts[1] > STAGES_DROPS) {
        return err_set(err, ERR_FORMAT, "%s: stage %lld with %lld drops, expected at most %d, %d",
                       path, (long long)stage, (long long)counts[1], STAGE_FULL_DATA, STAGES_DROPS);
    }
    s->stages.stage = (Stage)stage;
    s->stages.plateau.n_bad = (int)counts[0];
    s->stages.n_drops = (int)counts[1];
    return true;
}

MUST_USE static bool read_average(const SafeTensors *f, const char *path, const Average *a,
                                  double *numbers, Err *err)
{
    for (int i = 0; i < average_n_numbers(a); i++) {
        char name[NUMBER_NAME_SIZE];
        number_name(name, a, i);
        if (!get_double(f, path, name, &numbers[i], err)) return false;
    }
    return true;
}

/* All checks come first, so that a refused file leaves the learner as it was. */
MUST_USE static bool load_open_file(const SafeTensors *f, const char *path, const char *key,
                                    Learner *l, TrainState *state, Err *err)
{
    Section sections[MAX_SECTIONS];
    int n = list_sections(sections, l);
    size_t size = params_size(learner_params(l));
    size_t n_params = (size_t)params_count(learner_params(l));
    TrainState read = {0};
    double numbers[LEARNER_MAX_AVERAGES][AVERAGE_MAX_NUMBERS];
    if (!check_identity(f, path, key, err) || !read_state(f, path, &read, err)) return false;
    if (!check_array(f, path, OPTIMIZER_STEPS, "I64", n_params, err)) return false;
    for (int i = 0; i < learner_n_averages(l); i++) {
        if (!read_average(f, path, learner_average(l, i), numbers[i], err)) return false;
    }
    for (int i = 0; i < n; i++) {
        if (!check_array(f, path, sections[i].name, "F32", size, err)) return false;
    }
    for (int i = 0; i < n; i++) {
        const SafeTensor *tensor = safetensors_find(f, sections[i].name);
        memcpy(sections[i].values, tensor->data, size * sizeof(Real));
    }
    memcpy(optim_steps(learner_optimizer(l)), safetensors_find(f, OPTIMIZER_STEPS)->data,
           n_params * sizeof(int64_t));
    for (int i = 0; i < learner_n_averages(l); i++) {
        Average *a = learner_average(l, i);
        memcpy(average_numbers(a), numbers[i], (size_t)average_n_numbers(a) * sizeof **numbers);
    }
    *state = read;
    return true;
}

bool checkpoint_load(const char *path, const char *key, Learner *l, TrainState *state, Err *err)
{
    if (!file_exists(path)) return err_set(err, ERR_NOT_FOUND, "%s: no checkpoint", path);
    SafeTensors *f;
    if (!safetensors_open(&f, path, err)) return false;
    bool ok = load_open_file(f, path, key, l, state, err);
    safetensors_close(f);
    return ok;
}
