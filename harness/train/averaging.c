/* The flat loop behind all running averages of weights, and what they remember. */
#include "averaging.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct Average {
    const Averaging *kind;
    AverageState state;
    int n_arrays;
    bool ready;
    double *hparams, numbers[AVERAGE_MAX_NUMBERS];
    Real *arrays[AVERAGE_MAX_ARRAYS];
};

Average *average_new(const Averaging *kind, const AveragingOptions *options, Params *params)
{
    Average *a = mem_alloc(1, sizeof *a);
    a->kind = kind;
    a->ready = !kind->at_the_end;
    a->state = (AverageState){.options = *options,
                              .size = params_size(params),
                              .arrays = a->arrays,
                              .numbers = a->numbers};
    a->hparams = mem_alloc((size_t)kind->n_hparams + 1, sizeof *a->hparams);
    for (int i = 0; i < kind->n_hparams; i++) a->hparams[i] = options->hparams[i];
    a->state.options.hparams = a->hparams;
    a->n_arrays = kind->n_arrays != NULL ? kind->n_arrays(&a->state.options) : 1;
    check(a->n_arrays >= 1 && a->n_arrays <= AVERAGE_MAX_ARRAYS, "%s: %d arrays", kind->name,
          a->n_arrays);
    check(kind->n_numbers >= 1 && kind->n_numbers <= AVERAGE_MAX_NUMBERS, "%s: %d numbers",
          kind->name, kind->n_numbers);
    for (int i = 0; i < a->n_arrays; i++) {
        a->arrays[i] = mem_alloc(a->state.size, sizeof *a->arrays[i]);
    }
    memcpy(a->arrays[0], params_values(params), a->state.size * sizeof *a->arrays[0]);
    if (kind->begin != NULL) kind->begin(&a->state);
    return a;
}

void average_free(Average *a)
{
    if (a == NULL) return;
    for (int i = 0; i < a->n_arrays; i++) free(a->arrays[i]);
    free(a->hparams);
    free(a);
}

/* ---- the flat loop ---- */

enum { CHUNK = 1 << 15 };

typedef struct {
    Real *average;
    const Real *values;
    size_t size;
    Real share;
} MixWork;

SIMD_CLONES static void move_towards(Real *average, const Real *values, size_t n, Real share)
{
    for (size_t i = 0; i < n; i++) average[i] += share * (values[i] - average[i]);
}

static void mix_chunk(void *context, int task, int thread)
{
    (void)thread;
    const MixWork *work = context;
    size_t begin = (size_t)task * CHUNK;
    size_t left = work->size - begin, n = left < CHUNK ? left : CHUNK;
    if (work->share == 1) {
        memcpy(work->average + begin, work->values + begin, n * sizeof *work->average);
    } else {
        move_towards(work->average + begin, work->values + begin, n, work->share);
    }
}

void average_mix(AverageState *s, int array, const Real *values, double share)
{
    MixWork work = {s->arrays[array], values, s->size, (Real)share};
    thread_pool_run(s->threads, (int)((s->size + CHUNK - 1) / CHUNK), mix_chunk, &work);
}

/* ---- along the trajectory ---- */

void average_update(Average *a, Params *params, int64_t step, ThreadPool *threads)
{
    a->state.threads = threads;
    a->kind->update(&a->state, params_values(params), step);
}

void average_checkpoint(Average *a, const AverageCheckpoint *checkpoint, ThreadPool *threads)
{
    a->state.threads = threads;
    if (a->kind->checkpoint != NULL) a->kind->checkpoint(&a->state, checkpoint);
    if (checkpoint->last) a->ready = true;
}

/* ---- parts ---- */

const char *average_name(const Average *a)
{
    return a->kind->name;
}

Real *average_values(Average *a)
{
    return a->arrays[0];
}

int64_t average_count(const Average *a)
{
    return (int64_t)a->numbers[0];
}

bool average_is_copy(Average *a, Params *params)
{
    size_t n_bytes = a->state.size * sizeof(Real);
    return memcmp(average_values(a), params_values(params), n_bytes) == 0;
}

bool average_is_ready(const Average *a)
{
    return a->ready;
}

int average_n_arrays(const Average *a)
{
    return a->n_arrays;
}

Real *average_array(Average *a, int i)
{
    check(i >= 0 && i < a->n_arrays, "array %d of %d", i, a->n_arrays);
    return a->arrays[i];
}

int average_n_numbers(const Average *a)
{
    return a->kind->n_numbers;
}

double *average_numbers(Average *a)
{
    return a->numbers;
}
