/* The import of a sweep: see import_domainbed.h. */
#include "import_domainbed.h"

#include "domainbed_run.h"
#include "file.h"
#include "log.h"
#include "numpy_sum.h"
#include "progress.h"
#include "store_bulk.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>

enum { RUNS_PER_TRANSACTION = 256, MAX_DATASETS = 64 };

typedef struct {
    Store *store;
    const char *folder, *experiment;
    ImportSummary summary;
    bool in_transaction;
    int n_waiting; /* runs in the transaction */
    struct {
        char fingerprint[128];
        int64_t id;
    } datasets[MAX_DATASETS]; /* those seen last */
    int n_datasets;
} Import;

/* ---- what a run is stored as -------------------------------------------------------------------
 */

static bool is_held_out(const DomainbedRecord *r, int env)
{
    for (int i = 0; i < r->n_test_envs; i++) {
        if (r->test_envs[i] == env) return true;
    }
    return false;
}

/* Mean over the source environments of their out split, summed as numpy does; NAN when one has
 * none. */
static double source_accuracy(const DomainbedRecord *r, int n_envs)
{
    double values[DOMAINBED_MAX_ENVS];
    int n = 0, n_sources = 0;
    for (int env = 0; env < n_envs; env++) {
        if (is_held_out(r, env)) continue;
        n_sources++;
        for (int i = 0; i < r->n_evals; i++) {
            if (r->evals[i].env == env && str_equal(r->evals[i].split, "out"))
                values[n++] = r->evals[i].accuracy;
        }
    }
    return n > 0 && n == n_sources ? numpy_sum(values, n) / n : (double)NAN;
}

/* "raw", or for the k-th record of its step that a later one supersedes "superseded-k". */
static const char *variant_of(const DomainbedRun *run, int at, Arena *arena)
{
    if (!run->superseded[at]) return "raw";
    int k = 1;
    for (int i = 0; i < at; i++)
        k += run->superseded[i] && run->records[i].step == run->records[at].step;
    return k == 1 ? "superseded" : arena_printf(arena, "superseded-%d", k);
}

static StoreBulkCheckpoint checkpoint_of(const DomainbedRun *run, int at, Arena *arena)
{
    const DomainbedRecord *r = &run->records[at];
    StoreBulkEval *evals = arena_alloc(arena, (size_t)r->n_evals, sizeof *evals);
    StoreBulkNumber *numbers = arena_alloc(arena, (size_t)r->n_numbers, sizeof *numbers);
    for (int i = 0; i < r->n_evals; i++)
        evals[i] = (StoreBulkEval){r->evals[i].env, r->evals[i].split, r->evals[i].accuracy};
    for (int i = 0; i < r->n_numbers; i++)
        numbers[i] = (StoreBulkNumber){r->numbers[i].name, r->numbers[i].value};
    return (StoreBulkCheckpoint){.step = r->step,
                                 .variant = variant_of(run, at, arena),
                                 .source_accuracy = source_accuracy(r, run->records[0].n_envs),
                                 .evals = evals,
                                 .n_evals = r->n_evals,
                                 .numbers = numbers,
                                 .n_numbers = r->n_numbers};
}

static double number_of(const DomainbedRecord *r, const char *name)
{
    for (int i = 0; i < r->n_numbers; i++) {
        if (str_equal(r->numbers[i].name, name)) return r->numbers[i].value;
    }
    return (double)NAN;
}

/* step_time is the mean over the steps since the record before. */
static double train_seconds(const DomainbedRun *run)
{
    double seconds = 0;
    int64_t before = -1;
    for (int i = 0; i < run->n_records; i++) {
        const DomainbedRecord *r = &run->records[i];
        if (r->step <= before) before = -1; /* started again */
        seconds += number_of(r, "step_time") * (double)(r->step - before);
        before = r->step;
    }
    return seconds;
}

static int64_t peak_bytes(const DomainbedRun *run)
{
    double gib = 0;
    for (int i = 0; i < run->n_records; i++) gib = fmax(gib, number_of(&run->records[i], "mem_gb"));
    return gib < 1e6 ? (int64_t)(gib * 1073741824.0) : 0;
}

static int64_t last_step(const DomainbedRun *run)
{
    int64_t last = 0;
    for (int i = 0; i < run->n_records; i++) {
        if (run->records[i].step > last) last = run->records[i].step;
    }
    return last;
}

/* ---- datasets ----------------------------------------------------------------------------------
 */

/* No images: only the names. A dataset that is not in DomainBed's registry has environments env0,
 * env1, ..., and one for each number of them. */
static StoreDataset dataset_of(const DomainbedRecord *r, Arena *arena)
{
    const DomainbedDataset *known = domainbed_dataset_find(r->dataset);
    const char **names = arena_alloc(arena, (size_t)r->n_envs, sizeof *names);
    for (int i = 0; i < r->n_envs; i++)
        names[i] = known != NULL ? known->envs[i] : arena_printf(arena, "env%d", i);
    StoreDataset dataset = {
        .name = r->dataset, .domains = names, .n_domains = r->n_envs, .fingerprint = ""};
    dataset.fingerprint = known != NULL
                              ? arena_printf(arena, "domainbed:%s", r->dataset)
                              : arena_printf(arena, "%d-envs@domainbed:%s", r->n_envs, r->dataset);
    return dataset;
}

static bool find_dataset(Import *import, int64_t *out, const DomainbedRecord *r, Arena *arena,
                         Err *err)
{
    StoreDataset dataset = dataset_of(r, arena);
    for (int i = 0; i < import->n_datasets; i++) {
        if (!str_equal(import->datasets[i].fingerprint, dataset.fingerprint)) continue;
        *out = import->datasets[i].id;
        return true;
    }
    if (!store_bulk_dataset(import->store, out, &dataset, err)) return false;
    if (import->n_datasets == MAX_DATASETS) import->n_datasets = 0;
    size_t size = sizeof import->datasets[0].fingerprint;
    int at = import->n_datasets;
    if (snprintf(import->datasets[at].fingerprint, size, "%s", dataset.fingerprint) < (int)size) {
        import->datasets[at].id = *out;
        import->n_datasets++;
    }
    return true;
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static bool begin(Import *import, Err *err)
{
    if (!import->in_transaction && !store_bulk_begin(import->store, err)) return false;
    import->in_transaction = true;
    return true;
}

static bool commit(Import *import, Err *err)
{
    if (!import->in_transaction) return true;
    import->in_transaction = false;
    import->n_waiting = 0;
    return store_bulk_commit(import->store, err);
}

static void refuse(Import *import, const char *message)
{
    import->summary.refused++;
    log_warn("%s", message);
}

/* What is there already decides. A run that is written fresh from the same folder replaces it. */
static bool write_run(Import *import, const DomainbedRun *run, const StoreBulkRun *bulk, Err *err)
{
    StoreBulkFound found;
    if (!store_bulk_find(import->store, &found, bulk, run->digest, err)) return false;
    if (found.found && !found.same_origin) {
        Err other = {0};
        err_set(&other, ERR_FORMAT,
                "%s: the same args and hparams as another folder stored before, expected a run of "
                "its own",
                run->file);
        refuse(import, other.text);
        return true;
    }
    if (found.found && found.n_checkpoints > run->n_records) {
        Err fewer = {0};
        err_set(&fewer, ERR_FORMAT, "%s: found %d records, expected the %lld that are stored",
                run->file, run->n_records, (long long)found.n_checkpoints);
        refuse(import, fewer.text);
        return true;
    }
    ImportSummary *s = &import->summary;
    *(run->done ? &s->done : &s->partial) += 1;
    *(!found.found ? &s->added : found.same ? &s->unchanged : &s->updated) += 1;
    s->nonfinite += run->has_nonfinite;
    s->records += run->n_records;
    s->duplicates += run->n_superseded;
    if (found.same) return store_run_list(import->store, found.run, import->experiment, err);
    return store_bulk_run(import->store, bulk, err);
}

static bool import_run(Import *import, const DomainbedRun *run, const char *name, Arena *arena,
                       Err *err)
{
    const DomainbedRecord *first = &run->records[0];
    StoreBulkCheckpoint *checkpoints =
        arena_alloc(arena, (size_t)run->n_records, sizeof *checkpoints);
    for (int i = 0; i < run->n_records; i++) checkpoints[i] = checkpoint_of(run, i, arena);
    StoreRunInfo info = {.key = run->key,
                         .experiment = import->experiment,
                         .method = first->algorithm,
                         .variant = "raw",
                         .split_rule = "image",
                         .protocol = "",
                         .spec_json = run->spec_json,
                         .held_out = first->test_envs,
                         .n_held_out = first->n_test_envs,
                         .trial = first->trial_seed,
                         .hparams_seed = first->hparams_seed,
                         .seed = first->seed,
                         .steps = first->steps,
                         .hparams = run->hparams,
                         .n_hparams = run->n_hparams,
                         .environment = run->environment};
    int64_t last = last_step(run);
    StoreBulkRun bulk = {.info = &info,
                         .origin = arena_printf(arena, "domainbed:%s", name),
                         .status = run->done ? RUN_DONE : RUN_INTERRUPTED,
                         .last_step = last,
                         .train_seconds = train_seconds(run),
                         .peak_bytes = peak_bytes(run),
                         .checkpoints = checkpoints,
                         .n_checkpoints = run->n_records};
    if (!run->done) {
        bulk.message = arena_printf(arena, "no done marker: last record at step %lld of %lld",
                                    (long long)last, (long long)first->steps);
    }
    return begin(import, err) && find_dataset(import, &info.dataset, first, arena, err) &&
           write_run(import, run, &bulk, err);
}

static void name_skipped_lines(Import *import, const DomainbedRun *run)
{
    import->summary.skipped_lines += run->n_skipped;
    for (int i = 0; i < run->n_skipped; i++) {
        const DomainbedSkipped *skipped = &run->skipped[i];
        log_warn("%s:%d: %s%s; line skipped", run->file, skipped->line,
                 skipped->last ? "cut off: " : "", skipped->why);
    }
}

/* Only the database makes it fail. */
static bool import_folder(Import *import, const char *name, Arena *arena, Err *err)
{
    const char *folder = file_join(arena, import->folder, name);
    DomainbedRun run;
    Err why = {0};
    if (!file_exists(file_join(arena, folder, "results.jsonl"))) return true; /* results.txt, ... */
    import->summary.folders++;
    if (!domainbed_run_read(&run, folder, arena, &why)) {
        refuse(import, why.text);
        return true;
    }
    name_skipped_lines(import, &run);
    bool ok = import_run(import, &run, name, arena, err);
    domainbed_run_done(&run);
    if (ok && ++import->n_waiting >= RUNS_PER_TRANSACTION) ok = commit(import, err);
    return ok;
}

/* ---- the sweep ---------------------------------------------------------------------------------
 */

static bool import_all(Import *import, char **names, int n, Err *err)
{
    Progress progress;
    bool ok = true;
    progress_begin(&progress, import->experiment, n, "folders");
    for (int i = 0; i < n && ok; i++) {
        Arena *arena = arena_new();
        ok = import_folder(import, names[i], arena, err);
        arena_free(arena);
        progress_update(&progress, i + 1, "");
    }
    progress_end(&progress);
    if (ok) return commit(import, err);
    if (import->in_transaction) store_bulk_rollback(import->store);
    return false;
}

static bool check_result(const Import *import, Err *err)
{
    const ImportSummary *s = &import->summary;
    if (s->refused == 0) return true;
    return err_set(err, ERR_FORMAT, "%s: %lld of %lld runs can't be used, named above",
                   import->folder, (long long)s->refused, (long long)s->folders);
}

bool import_domainbed_check(const char *folder, Err *err)
{
    Arena *arena = arena_new();
    char **names;
    int n;
    bool found = false, ok = file_list(&names, &n, folder, arena, err);
    for (int i = 0; ok && i < n && !found; i++) {
        const char *run = file_join(arena, folder, names[i]);
        found = file_exists(file_join(arena, run, "results.jsonl"));
    }
    arena_free(arena);
    if (!ok || found) return ok;
    return err_set(err, ERR_NOT_FOUND,
                   "%s: no folder with a results.jsonl in it, expected a sweep of DomainBed",
                   folder);
}

bool import_domainbed(Store *store, ImportSummary *out, const char *folder, const char *experiment,
                      Err *err)
{
    Import import = {.store = store, .folder = folder, .experiment = experiment};
    Arena *arena = arena_new();
    char **names;
    int n;
    bool ok = file_list(&names, &n, folder, arena, err);
    if (ok) ok = import_all(&import, names, n, err) && check_result(&import, err);
    *out = import.summary;
    arena_free(arena);
    return ok;
}

void import_summary_print(FILE *out, const ImportSummary *s)
{
    int64_t runs = s->added + s->updated + s->unchanged;
    fprintf(out,
            "runs            %lld: %lld new, %lld grown or changed, %lld already there\n"
            "done            %lld\n"
            "partial         %lld (no done marker; in no table but --as-domainbed)\n"
            "records         %lld\n"
            "duplicates      %lld (a later record of the same step counts)\n"
            "lines skipped   %lld\n"
            "not finite      %lld runs with a loss that is NaN or infinite\n"
            "refused         %lld\n",
            (long long)runs, (long long)s->added, (long long)s->updated, (long long)s->unchanged,
            (long long)s->done, (long long)s->partial, (long long)s->records,
            (long long)s->duplicates, (long long)s->skipped_lines, (long long)s->nonfinite,
            (long long)s->refused);
}
