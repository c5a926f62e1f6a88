#include "finished_run.h"

#include "explain.h"
#include "file.h"
#include "params_file.h"
#include "registry.h"
#include "run_weights.h"
#include "str.h"

enum { SHORT_KEY = 16 }; /* digits of the key in folder names */

MUST_USE static bool check_stored(const ExplainRun *run, Err *err)
{
    if (!str_equal(run->origin, "dgbench")) {
        return err_set(err, ERR_FORMAT, "run %lld was imported (%s), expected one made here",
                       (long long)run->id, run->origin);
    }
    if (str_equal(run->status, "done")) return true;
    return err_set(err, ERR_FORMAT, "run %lld is %s, expected one that is done", (long long)run->id,
                   run->status);
}

MUST_USE static bool read_spec(FinishedRun *f, ExplainRun *run, const FinishedRunQuery *query,
                               Err *err)
{
    Db *db;
    if (!results_open(&db, query->results, err)) return false;
    bool ok = explain_find_run(run, db, query->run, f->arena, err) && check_stored(run, err);
    results_close(db);
    if (!ok) return false;
    RunTables *tables = arena_alloc(f->arena, 1, sizeof *tables);
    *tables = method_tables(f->arena);
    const RunKeys *keys = run_keys_new(tables, f->arena);
    return run_spec_from_json(&f->spec, keys, run->spec, f->arena, err) ||
           err_context(err, "the stored spec of run %lld", (long long)run->id);
}

MUST_USE static bool open_all(FinishedRun *f, const FinishedRunQuery *query, Err *err)
{
    ExplainRun run;
    if (!read_spec(f, &run, query, err)) return false;
    const char *output = query->output != NULL ? query->output : f->spec.output;
    f->key = arena_strndup(f->arena, run.key, SHORT_KEY);
    f->folder = arena_printf(f->arena, "%s/runs/%s", output, f->key);
    if (!run_setup_open(&f->setup, &f->spec, err)) return false;
    if (str_equal(f->setup.key, run.key)) return true;
    run_setup_close(&f->setup);
    return err_set(err, ERR_FORMAT,
                   "run %s: its settings give another key now: the dataset, or a file it began "
                   "with, is not what it was",
                   f->key);
}

bool finished_run_open(FinishedRun *out, const FinishedRunQuery *query, Err *err)
{
    *out = (FinishedRun){.arena = arena_new()};
    if (open_all(out, query, err)) return true;
    arena_free(out->arena);
    return false;
}

void finished_run_close(FinishedRun *f)
{
    run_setup_close(&f->setup);
    arena_free(f->arena);
}

bool finished_run_learner(FinishedRun *f, bool merged, Err *err)
{
    f->setup.without_adapter = merged;
    f->setup.planning = true; /* what a text tower says is in the weights by now */
    return run_setup_learner(&f->setup, err);
}

const char *finished_run_stem(const FinishedRun *f, bool raw)
{
    return raw && file_exists(run_weights_path(f->folder, "model-raw", f->arena)) ? "model-raw"
                                                                                  : "model";
}

bool finished_run_load(FinishedRun *f, const char *stem, Err *err)
{
    const char *path = run_weights_path(f->folder, stem, f->arena);
    if (!file_exists(path)) {
        return err_set(err, ERR_NOT_FOUND,
                       "run %s: no weights in %s, expected some: runs keep them when they are made "
                       "with train.save=last (or --output says where they are)",
                       f->key, path);
    }
    SafeTensors *file;
    if (!safetensors_open(&file, path, err)) return false;
    bool ok = params_load(learner_params(f->setup.learner), file, NULL, err);
    safetensors_close(file);
    return ok;
}
