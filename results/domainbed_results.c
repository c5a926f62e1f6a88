/* Reads all records in the order of the file, which is the fast one; then takes the runs sorted by
 * dataset, algorithm, trial and set of hyper-parameters, and keeps the best set of each trial. */
#include "domainbed_results.h"

#include "mem.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

static const char runs_sql[] =
    "SELECT run.id, dataset.fingerprint, run.method, run.trial, run.hparams_seed, run.origin"
    " FROM run_experiment"
    " JOIN run ON run.id = run_experiment.run_id"
    " JOIN dataset ON dataset.id = run.dataset_id"
    " WHERE run_experiment.experiment = ? AND run.origin GLOB 'domainbed:*'"
    " ORDER BY run_experiment.run_id";

/* One row per record and environment it holds out. */
static const char records_sql[] =
    "SELECT checkpoint.id, checkpoint.step, checkpoint.source_accuracy, domain.position,"
    "  (SELECT accuracy FROM eval WHERE checkpoint_id = checkpoint.id AND domain_id = domain.id"
    "   AND split = 'in'),"
    "  (SELECT accuracy FROM eval WHERE checkpoint_id = checkpoint.id AND domain_id = domain.id"
    "   AND split = 'out')"
    " FROM checkpoint"
    " LEFT JOIN run_domain ON run_domain.run_id = checkpoint.run_id AND role = 'held_out'"
    " LEFT JOIN domain ON domain.id = run_domain.domain_id"
    " WHERE checkpoint.run_id = ?"
    " ORDER BY checkpoint.id, domain.position";

typedef struct {
    int dataset; /* place in domainbed_datasets; -1: not there */
    int algorithm;
    int64_t trial, hparams_seed;
    char *origin; /* orders runs that are alike in all these */
    int first_record, n_records;
} RunRow;

typedef struct {
    Db *db;
    sqlite3_stmt *run_row, *record_row;
    DomainbedResults results;
    RunRow *runs;
    SelectRecord *records, *group; /* group: those of one set of hyper-parameters */
    int n_runs, run_capacity, n_records, record_capacity, n_group, group_capacity;
} Reader;

static double column_real(sqlite3_stmt *row, int i)
{
    bool null = sqlite3_column_type(row, i) == SQLITE_NULL;
    return null ? (double)NAN : sqlite3_column_double(row, i);
}

static const char *column_text(sqlite3_stmt *row, int i)
{
    const char *text = (const char *)sqlite3_column_text(row, i);
    return text != NULL ? text : "";
}

static int dataset_place(const char *fingerprint)
{
    static const char prefix[] = "domainbed:";
    if (!str_starts_with(fingerprint, prefix)) return -1;
    const DomainbedDataset *found = domainbed_dataset_find(fingerprint + sizeof prefix - 1);
    return found != NULL ? (int)(found - domainbed_datasets) : -1;
}

static int algorithm_index(DomainbedResults *results, const char *name, const char *origin)
{
    int i = results->n_algorithms - 1;
    while (i >= 0 && !str_equal(results->algorithms[i].name, name)) i--;
    if (i < 0) {
        mem_reserve(results->algorithms, results->algorithm_capacity, results->n_algorithms + 1);
        i = results->n_algorithms++;
        results->algorithms[i] = (DomainbedAlgorithm){mem_strdup(name), mem_strdup(origin)};
    } else if (strcmp(origin, results->algorithms[i].first) < 0) {
        free(results->algorithms[i].first);
        results->algorithms[i].first = mem_strdup(origin);
    }
    return i;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void add_test_env(SelectRecord *record, sqlite3_stmt *row)
{
    if (sqlite3_column_type(row, 3) == SQLITE_NULL) return;
    int i = record->n_test_envs++;
    if (i >= 2) return;
    record->test_env[i] = sqlite3_column_int(row, 3);
    record->in[i] = column_real(row, 4);
    record->out[i] = column_real(row, 5);
}

static void add_record(Reader *r, sqlite3_stmt *row)
{
    mem_reserve(r->records, r->record_capacity, r->n_records + 1);
    r->records[r->n_records++] =
        (SelectRecord){.step = sqlite3_column_int64(row, 1), .source = column_real(row, 2)};
}

static bool read_records(Reader *r, int64_t run, Err *err)
{
    sqlite3_stmt *row = r->record_row;
    int64_t before = -1;
    int rc;
    sqlite3_bind_int64(row, 1, run);
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(row, 0);
        if (id != before) add_record(r, row);
        add_test_env(&r->records[r->n_records - 1], row);
        before = id;
    }
    bool ok = rc == SQLITE_DONE || db_fail(r->db, err);
    sqlite3_reset(row);
    return ok;
}

static bool read_run(Reader *r, Err *err)
{
    sqlite3_stmt *row = r->run_row;
    const char *origin = column_text(row, 5);
    RunRow run = {.dataset = dataset_place(column_text(row, 1)),
                  .algorithm = algorithm_index(&r->results, column_text(row, 2), origin),
                  .trial = sqlite3_column_int64(row, 3),
                  .hparams_seed = sqlite3_column_int64(row, 4),
                  .origin = mem_strdup(origin),
                  .first_record = r->n_records};
    mem_reserve(r->runs, r->run_capacity, r->n_runs + 1);
    bool ok = read_records(r, sqlite3_column_int64(row, 0), err);
    run.n_records = r->n_records - run.first_record;
    r->runs[r->n_runs++] = run;
    if (run.dataset >= 0) r->results.datasets[run.dataset] = true;
    return ok;
}

static bool read_runs(Reader *r, Err *err)
{
    int rc;
    while ((rc = sqlite3_step(r->run_row)) == SQLITE_ROW) {
        if (!read_run(r, err)) return false;
    }
    r->results.n_records = r->n_records;
    return rc == SQLITE_DONE || db_fail(r->db, err);
}

/* ---- groups ------------------------------------------------------------------------------------
 */

static int compare_int64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_groups(const RunRow *x, const RunRow *y)
{
    int order = compare_int64(x->dataset, y->dataset);
    if (order == 0) order = compare_int64(x->algorithm, y->algorithm);
    if (order == 0) order = compare_int64(x->trial, y->trial);
    return order != 0 ? order : compare_int64(x->hparams_seed, y->hparams_seed);
}

static int compare_runs(const void *a, const void *b)
{
    const RunRow *x = a, *y = b;
    int order = compare_groups(x, y);
    return order != 0 ? order : strcmp(x->origin, y->origin);
}

static DomainbedTrial *trial_of(DomainbedResults *results, const RunRow *run)
{
    if (results->n_trials > 0) {
        DomainbedTrial *last = &results->trials[results->n_trials - 1];
        if (last->dataset == run->dataset && last->algorithm == run->algorithm &&
            last->trial == run->trial)
            return last;
    }
    mem_reserve(results->trials, results->trial_capacity, results->n_trials + 1);
    DomainbedTrial *last = &results->trials[results->n_trials++];
    *last =
        (DomainbedTrial){.dataset = run->dataset, .algorithm = run->algorithm, .trial = run->trial};
    for (int rule = 0; rule < N_SELECTIONS; rule++) {
        for (int env = 0; env < DOMAINBED_MOST_ENVS; env++)
            last->value[rule][env] = last->accuracy[rule][env] = (double)NAN;
    }
    return last;
}

/* Sets come in the order of their seeds: of equal ones the later stays. */
static void choose(Reader *r, const RunRow *run)
{
    DomainbedTrial *trial = trial_of(&r->results, run);
    int n_envs = domainbed_datasets[run->dataset].n_envs;
    for (int rule = 0; rule < N_SELECTIONS; rule++) {
        for (int env = 0; env < n_envs; env++) {
            Selected one = domainbed_select(rule, r->group, r->n_group, env, n_envs);
            if (!one.found || one.value < trial->value[rule][env]) continue;
            trial->value[rule][env] = one.value;
            trial->accuracy[rule][env] = one.accuracy;
        }
    }
}

static void choose_all(Reader *r)
{
    if (r->n_runs > 0) qsort(r->runs, (size_t)r->n_runs, sizeof *r->runs, compare_runs);
    for (int i = 0; i < r->n_runs; i++) {
        const RunRow *run = &r->runs[i];
        if (run->dataset < 0) continue;
        mem_reserve(r->group, r->group_capacity, r->n_group + run->n_records);
        memcpy(r->group + r->n_group, r->records + run->first_record,
               (size_t)run->n_records * sizeof *r->group);
        r->n_group += run->n_records;
        if (i + 1 < r->n_runs && compare_groups(run, run + 1) == 0) continue;
        choose(r, run);
        r->n_group = 0;
    }
}

/* ---- all together
 * --------------------------------------------------------------------------------
 */

static int compare_algorithms(const void *a, const void *b)
{
    const DomainbedAlgorithm *x = a, *y = b;
    int p = domainbed_algorithm_place(x->name), q = domainbed_algorithm_place(y->name);
    if (p >= 0 && q >= 0) return p - q;
    return p >= 0 ? -1 : q >= 0 ? 1 : strcmp(x->first, y->first);
}

/* Into the order of the tables; the trials follow. */
static void sort_algorithms(DomainbedResults *results)
{
    char **names = mem_alloc((size_t)results->n_algorithms, sizeof *names);
    for (int i = 0; i < results->n_algorithms; i++) names[i] = results->algorithms[i].name;
    qsort(results->algorithms, (size_t)results->n_algorithms, sizeof *results->algorithms,
          compare_algorithms);
    for (int i = 0; i < results->n_trials; i++) {
        int place = 0;
        while (results->algorithms[place].name != names[results->trials[i].algorithm]) place++;
        results->trials[i].algorithm = place;
    }
    free(names);
}

static bool prepare(Reader *r, const char *experiment, Err *err)
{
    sqlite3 *handle = db_handle(r->db);
    return (sqlite3_prepare_v2(handle, runs_sql, -1, &r->run_row, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(handle, records_sql, -1, &r->record_row, NULL) == SQLITE_OK &&
            sqlite3_bind_text(r->run_row, 1, experiment, -1, SQLITE_STATIC) == SQLITE_OK) ||
           db_fail(r->db, err);
}

static void reader_done(Reader *r)
{
    sqlite3_finalize(r->run_row);
    sqlite3_finalize(r->record_row);
    for (int i = 0; i < r->n_runs; i++) free(r->runs[i].origin);
    free(r->runs);
    free(r->records);
    free(r->group);
}

bool domainbed_results_read(DomainbedResults *out, Db *db, const char *experiment, Err *err)
{
    Reader r = {.db = db};
    r.results.datasets = mem_alloc((size_t)domainbed_n_datasets, sizeof *r.results.datasets);
    bool ok = prepare(&r, experiment, err) && read_runs(&r, err);
    if (ok && r.n_runs == 0) {
        ok = err_set(err, ERR_NOT_FOUND,
                     "%s: no run of experiment \"%s\" was imported from DomainBed", db_path(db),
                     experiment);
    }
    if (ok) {
        choose_all(&r);
        sort_algorithms(&r.results);
        *out = r.results;
    } else {
        domainbed_results_done(&r.results);
    }
    reader_done(&r);
    return ok;
}

void domainbed_results_done(DomainbedResults *results)
{
    for (int i = 0; i < results->n_algorithms; i++) {
        free(results->algorithms[i].name);
        free(results->algorithms[i].first);
    }
    free(results->algorithms);
    free(results->trials);
    free(results->datasets);
}
