/* Read, checked, made, compared. */
#include "run_again.h"

#include "dataset.h"
#include "environment.h"
#include "evaluation_diff.h"
#include "explain.h"
#include "log.h"
#include "registry.h"
#include "run_setup.h"

#include <stdio.h>

enum { SHORT_KEY = 16 };

typedef struct {
    const RunAgainOptions *options;
    Arena *arena;
    Db *db;
    ExplainRun stored;
    RunSpec spec;
} Again;

static bool read_stored(Again *a, Err *err)
{
    ExplainRun *run = &a->stored;
    if (!explain_find_run(run, a->db, a->options->run, a->arena, err)) return false;
    if (!str_equal(run->origin, "dgbench")) {
        return err_set(err, ERR_FORMAT,
                       "run %lld was imported (%s), it cannot be made again here; `dgbench explain "
                       "--run %lld` prints its command",
                       (long long)run->id, run->origin, (long long)run->id);
    }
    RunTables *tables = arena_alloc(a->arena, 1, sizeof *tables);
    *tables = method_tables(a->arena);
    const RunKeys *keys = run_keys_new(tables, a->arena);
    if (!run_spec_from_json(&a->spec, keys, run->spec, a->arena, err))
        return err_context(err, "the stored spec of run %lld", (long long)run->id);
    a->spec.results = arena_strdup(a->arena, a->options->into);
    a->spec.output = arena_strdup(a->arena, a->options->output);
    a->spec.train.threads = a->options->threads > 0 ? a->options->threads : run->threads;
    return true;
}

static bool fail_data(const Again *a, const Dataset *data, Err *err)
{
    return err_set(err, ERR_FORMAT,
                   "%s: other data than those of run %lld: fingerprint %.*s, expected %.*s",
                   a->spec.dataset, (long long)a->stored.id, SHORT_KEY, data->fingerprint,
                   SHORT_KEY, a->stored.fingerprint);
}

static bool check_data(const Again *a, Err *err)
{
    DatasetOptions options = {.root = a->spec.data.root[0] != '\0' ? a->spec.data.root : NULL};
    Dataset *data;
    char key[SHA256_HEX_SIZE];
    if (!dataset_open(&data, a->spec.dataset, &options, err)) return false;
    bool ok = str_equal(data->fingerprint, a->stored.fingerprint) || fail_data(a, data, err);
    if (ok) ok = run_setup_key(key, &a->spec, data->fingerprint, err);
    if (ok && !str_equal(key, a->stored.key)) {
        ok = err_set(
            err, ERR_FORMAT,
            "run %lld: its spec has the key %.*s here, expected %.*s: the weights of "
            "net.init or net.model are others, or this version reads the spec in another way",
            (long long)a->stored.id, SHORT_KEY, key, SHORT_KEY, a->stored.key);
    }
    dataset_close(data);
    return ok;
}

/* Bit-identical only on the same machine with the same threads. */
static void tell_environment(const Again *a)
{
    Environment here;
    environment_read(&here);
    const ExplainRun *run = &a->stored;
    if (!str_equal(here.cpu, run->cpu) || !str_equal(here.blas, run->blas)) {
        log_warn("run %lld was made on %s with %s, here are %s and %s: last digits may differ",
                 (long long)run->id, run->cpu, run->blas, here.cpu, here.blas);
    }
    if (a->spec.train.threads != run->threads) {
        log_warn("run %lld was made with %d threads, not %lld: last digits may differ",
                 (long long)run->id, run->threads, (long long)a->spec.train.threads);
    }
}

static bool compare(const Again *a, Err *err)
{
    Db *other = NULL;
    EvaluationDiff diff;
    if (!results_open(&other, a->options->into, err)) return false;
    bool ok = evaluation_diff(&diff, stdout, a->db, other, a->stored.key, err);
    results_close(other);
    if (!ok) return false;
    long long n = (long long)diff.n_rows, differ = (long long)diff.n_differ;
    if (diff.n_more > 0) printf("%lld more evaluations than were stored\n", (long long)diff.n_more);
    if (differ == 0 && diff.n_missing == 0) {
        printf("run %lld again: all %lld stored evaluations came out the same (n, correct, nll)\n",
               (long long)a->stored.id, n);
        return true;
    }
    printf("run %lld again: largest difference of accuracy %.6f, of nll %.3g\n",
           (long long)a->stored.id, diff.worst_accuracy, diff.worst_nll);
    return err_set(err, ERR_FORMAT,
                   "%lld of %lld stored evaluations came out otherwise, %lld are missing", differ,
                   n, (long long)diff.n_missing);
}

static bool make_again(Again *a, const RunHooks *hooks, Err *err)
{
    RunOutcome outcome;
    if (!read_stored(a, err) || !check_data(a, err)) return false;
    tell_environment(a);
    if (!run_execute(&outcome, NULL, &a->spec, hooks, err)) return false;
    if (outcome == RUN_WAS_STORED) {
        log_info("%s holds this run already: it is compared, not made again", a->options->into);
    }
    if (outcome == RUN_ENDED_DIVERGED) printf("it diverged again\n");
    return compare(a, err);
}

bool run_again(const RunAgainOptions *options, const RunHooks *hooks, Err *err)
{
    Again a = {.options = options};
    if (str_equal(options->results, options->into)) {
        return err_set(err, ERR_USAGE,
                       "run --again: --into %s is where the run is stored, "
                       "expected another file",
                       options->into);
    }
    if (!results_open(&a.db, options->results, err)) return false;
    a.arena = arena_new();
    bool ok = make_again(&a, hooks, err);
    arena_free(a.arena);
    results_close(a.db);
    return ok;
}
