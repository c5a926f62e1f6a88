#include "study_grid.h"

#include "environment.h"
#include "log.h"
#include "mem.h"
#include "progress.h"
#include "read_results.h"
#include "stop_signal.h"
#include "store_study.h"
#include "str.h"
#include "tables.h"
#include "thread_pool.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- which cells ---- */

typedef struct {
    double *items; /* in the arena */
    int n;
} Numbers;

/* What one call works with. Below `mutex`: under it. */
typedef struct {
    const StudyGrid *grid;
    Arena *arena;
    Environment environment;
    const volatile sig_atomic_t *stop;
    StudyCell *cells; /* heap: those to compute */
    int n_cells, capacity;
    pthread_mutex_t mutex;
    Store *store;
    Progress bar;
    int n_done;
    bool failed;
    Err *err;
} GridRun;

/* The names between the commas of an option, or of its default. */
static const char **listed(int *n, const Args *args, const char *option, const char *otherwise,
                           Arena *arena)
{
    if (args_has(args, option)) return args_names(args, n, option, arena);
    char *copy = arena_strdup(arena, otherwise), *save = NULL;
    const char **names = arena_alloc(arena, strlen(otherwise) + 1, sizeof *names);
    *n = 0;
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save))
        names[(*n)++] = name;
    return names;
}

MUST_USE static bool read_numbers(Numbers *out, const Args *args, const char *option,
                                  const char *otherwise, Arena *arena, Err *err)
{
    const char **texts = listed(&out->n, args, option, otherwise, arena);
    out->items = arena_alloc(arena, (size_t)out->n + 1, sizeof *out->items);
    for (int i = 0; i < out->n; i++) {
        if (!str_to_double(texts[i], &out->items[i]) || out->items[i] <= 0)
            return err_set(err, ERR_USAGE, "--%s: found \"%s\", expected a number above 0", option,
                           texts[i]);
    }
    return true;
}

/* Four digits of 10^(k/2), so that a rate is the same number on every machine. */
static double half_decade(int k)
{
    char text[32];
    double value = 0;
    snprintf(text, sizeof text, "%.4g", pow(10, k / 2.0));
    bool ok = str_to_double(text, &value);
    check(ok, "10^(%d/2)", k);
    return value;
}

static StoreStudyKey key_of(const StudyGrid *grid, const StudyCell *cell)
{
    return (StoreStudyKey){grid->study,
                           grid->problem,
                           cell->generated ? grid->generated : grid->learned,
                           cell->input_std,
                           study_optimizer_name(cell->optimizer),
                           cell->lr,
                           (int64_t)cell->seed};
}

MUST_USE static bool add_missing(GridRun *run, StudyCell cell, int64_t n_seeds, Err *err)
{
    for (cell.seed = 0; cell.seed < (uint64_t)n_seeds; cell.seed++) {
        bool is_there;
        StoreStudyKey key = key_of(run->grid, &cell);
        if (!store_study_has(run->store, &is_there, &key, err)) return false;
        if (is_there) continue;
        mem_reserve(run->cells, run->capacity, run->n_cells + 1);
        run->cells[run->n_cells++] = cell;
    }
    return true;
}

/* All learning rates and seeds of a parameterisation and an optimiser. */
MUST_USE static bool add_rates(GridRun *run, StudyCell cell, const Args *args, int64_t n_seeds,
                               Err *err)
{
    Numbers given;
    int low = run->grid->half_decades[cell.optimizer].low;
    int high = run->grid->half_decades[cell.optimizer].high;
    if (!read_numbers(&given, args, "lr", "", run->arena, err)) return false;
    int n = args_has(args, "lr") ? given.n : high - low + 1;
    for (int i = 0; i < n; i++) {
        cell.lr = args_has(args, "lr") ? given.items[i] : half_decade(low + i);
        if (!add_missing(run, cell, n_seeds, err)) return false;
    }
    return true;
}

MUST_USE static bool add_parameterisation(GridRun *run, const char *name, const Args *args,
                                          int64_t n_seeds, Err *err)
{
    const StudyGrid *g = run->grid;
    Numbers stds = {.items = (double[]){0}, .n = 1};
    bool generated = str_equal(name, g->generated);
    if (!generated && !str_equal(name, g->learned))
        return err_set(err, ERR_USAGE, "--parameterisation: found \"%s\", expected %s or %s", name,
                       g->learned, g->generated);
    if (generated && !read_numbers(&stds, args, "input-std", g->input_stds, run->arena, err))
        return false;
    int n;
    const char **optimizers = listed(&n, args, "optimizer", g->optimizers, run->arena);
    for (int o = 0; o < n; o++) {
        int optimizer = study_optimizer_find(optimizers[o]);
        if (optimizer < 0)
            return err_set(err, ERR_USAGE,
                           "--optimizer: found \"%s\", expected sgd, momentum or adam",
                           optimizers[o]);
        for (int i = 0; i < stds.n; i++) {
            StudyCell cell = {.generated = generated,
                              .input_std = stds.items[i],
                              .optimizer = (StudyOptimizer)optimizer};
            if (!add_rates(run, cell, args, n_seeds, err)) return false;
        }
    }
    return true;
}

MUST_USE static bool list_missing(GridRun *run, const Args *args, Err *err)
{
    int64_t n_seeds = run->grid->n_seeds;
    if (!args_int(args, &n_seeds, "seeds", 1, 1000, err)) return false;
    const char *both = arena_printf(run->arena, "%s,%s", run->grid->learned, run->grid->generated);
    int n;
    const char **names = listed(&n, args, "parameterisation", both, run->arena);
    for (int i = 0; i < n; i++) {
        if (!add_parameterisation(run, names[i], args, n_seeds, err)) return false;
    }
    return true;
}

/* ---- computing them ---- */

MUST_USE static bool write_cell(GridRun *run, const StudyCell *cell, const StudyOutcome *o,
                                Err *err)
{
    const Environment *e = &run->environment;
    StoreStudyStep *steps = mem_alloc((size_t)o->n_steps, sizeof *steps);
    for (int i = 0; i < o->n_steps; i++) {
        const StudyStep *s = &o->steps[i];
        steps[i] = (StoreStudyStep){s->step, s->loss, s->effective_rank, s->gradient_norm,
                                    s->gradient_cosine};
    }
    bool ok = store_study_cell(run->store,
                               &(StoreStudyCell){.key = key_of(run->grid, cell),
                                                 .n_parameters = o->n_parameters,
                                                 .floor = run->grid->floor,
                                                 .floor_rank = run->grid->floor_rank,
                                                 .first_loss = o->first_loss,
                                                 .loss = o->loss,
                                                 .best_loss = o->best_loss,
                                                 .diverged_at = o->diverged_at,
                                                 .curvature = o->factors.curvature,
                                                 .sharp_gradient = o->factors.gradient,
                                                 .learned_curvature = o->learned.curvature,
                                                 .learned_sharp_gradient = o->learned.gradient,
                                                 .seconds = o->seconds,
                                                 .steps = steps,
                                                 .n_steps = o->n_steps,
                                                 .environment = {e->version, e->commit, e->compiler,
                                                                 e->blas, e->cpu, e->cores}},
                               err);
    free(steps);
    return ok;
}

static void cell_task(void *context, int task, int thread)
{
    (void)thread;
    GridRun *run = context;
    StudyOutcome outcome;
    pthread_mutex_lock(&run->mutex);
    bool skip = run->failed || *run->stop != 0;
    pthread_mutex_unlock(&run->mutex);
    if (skip) return;
    run->grid->run(&outcome, run->grid->context, &run->cells[task]);
    pthread_mutex_lock(&run->mutex);
    if (!run->failed && !write_cell(run, &run->cells[task], &outcome, run->err)) run->failed = true;
    progress_update(&run->bar, ++run->n_done, "");
    pthread_mutex_unlock(&run->mutex);
    study_outcome_done(&outcome);
}

MUST_USE static bool compute(GridRun *run, const Args *args, Err *err)
{
    int64_t n_jobs = thread_count_online();
    if (!args_int(args, &n_jobs, "jobs", 1, 1024, err)) return false;
    ThreadPool *pool = thread_pool_new((int)n_jobs);
    run->stop = stop_signal_install();
    if (run->grid->prepare != NULL) run->grid->prepare(run->grid->context, pool);
    run->err = err;
    pthread_mutex_init(&run->mutex, NULL);
    progress_begin(&run->bar, run->grid->study, run->n_cells, "cells");
    thread_pool_run(pool, run->n_cells, cell_task, run);
    progress_end(&run->bar);
    pthread_mutex_destroy(&run->mutex);
    thread_pool_free(pool);
    if (run->failed) return false;
    if (run->n_done < run->n_cells)
        return err_set(err, ERR_INTERRUPTED,
                       "interrupted: %d of %d cells are stored, the same command goes on",
                       run->n_done, run->n_cells);
    return true;
}

static const char *results_path(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

bool study_grid_run(const StudyGrid *grid, const Args *args, Err *err)
{
    GridRun run = {.grid = grid};
    if (!store_open(&run.store, results_path(args), err)) return false;
    run.arena = arena_new();
    environment_read(&run.environment);
    bool ok = list_missing(&run, args, err);
    if (ok && run.n_cells == 0) log_info("%s: every cell is there already", grid->study);
    if (ok && run.n_cells > 0) ok = compute(&run, args, err);
    free(run.cells);
    arena_free(run.arena);
    store_close(run.store);
    return ok;
}

bool study_grid_print(const StudyGrid *grid, const Args *args, Err *err)
{
    const QueryParameter only[] = {{"study", grid->study}, {"problem", grid->problem}};
    ReadResults r;
    if (!read_results_open(&r, args, err)) return false;
    bool ok = table_print(r.db, stdout, "study", (QueryParameters){only, 2}, r.format, err);
    read_results_close(&r);
    return ok;
}
