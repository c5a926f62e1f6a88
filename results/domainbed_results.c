/* Reads the runs sorted by dataset, algorithm, trial and set of hyper-parameters, holds the records
 * of one such set at a time, and keeps the best set. */
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
    " ORDER BY dataset.fingerprint, run.method, run.trial, run.hparams_seed, run.origin";

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
    Db *db;
    sqlite3_stmt *runs, *records;
    DomainbedResults results;
    SelectRecord *group; /* records of one set of hyper-parameters */
    int n_group, group_capacity;
    int dataset;   /* of the group; -1: not in the registry */
    int algorithm; /* of the group */
    int64_t trial, hparams_seed;
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

/* ---- groups ------------------------------------------------------------------------------------
 */

static DomainbedTrial *trial_of_group(Reader *r)
{
    DomainbedResults *results = &r->results;
    DomainbedTrial *last = results->trials + results->n_trials - 1;
    if (results->n_trials > 0 && last->dataset == r->dataset && last->algorithm == r->algorithm &&
        last->trial == r->trial)
        return last;
    mem_reserve(results->trials, results->trial_capacity, results->n_trials + 1);
    last = &results->trials[results->n_trials++];
    *last = (DomainbedTrial){.dataset = r->dataset, .algorithm = r->algorithm, .trial = r->trial};
    for (int rule = 0; rule < N_SELECTIONS; rule++) {
        for (int env = 0; env < 10; env++)
            last->value[rule][env] = last->accuracy[rule][env] = (double)NAN;
    }
    return last;
}

/* Sets come in the order of their seeds: of equal ones the later stays. */
static void close_group(Reader *r)
{
    int n = r->n_group;
    r->n_group = 0;
    if (n == 0 || r->dataset < 0) return;
    DomainbedTrial *trial = trial_of_group(r);
    int n_envs = domainbed_datasets[r->dataset].n_envs;
    for (int rule = 0; rule < N_SELECTIONS; rule++) {
        for (int env = 0; env < n_envs; env++) {
            Selected one = domainbed_select(rule, r->group, n, env, n_envs);
            if (!one.found || one.value < trial->value[rule][env]) continue;
            trial->value[rule][env] = one.value;
            trial->accuracy[rule][env] = one.accuracy;
        }
    }
}

static void open_group(Reader *r)
{
    const char *method = column_text(r->runs, 2), *origin = column_text(r->runs, 5);
    int dataset = dataset_place(column_text(r->runs, 1));
    int algorithm = algorithm_index(&r->results, method, origin);
    int64_t trial = sqlite3_column_int64(r->runs, 3), seed = sqlite3_column_int64(r->runs, 4);
    if (dataset != r->dataset || algorithm != r->algorithm || trial != r->trial ||
        seed != r->hparams_seed)
        close_group(r);
    r->dataset = dataset;
    r->algorithm = algorithm;
    r->trial = trial;
    r->hparams_seed = seed;
    if (dataset >= 0) r->results.datasets[dataset] = true;
}

static void add_test_env(SelectRecord *record, sqlite3_stmt *row)
{
    if (sqlite3_column_type(row, 3) == SQLITE_NULL) return;
    int i = record->n_test_envs++;
    if (i >= 2) return;
    record->test_env[i] = sqlite3_column_int(row, 3);
    record->in[i] = column_real(row, 4);
    record->out[i] = column_real(row, 5);
}

static bool read_records(Reader *r, Err *err)
{
    sqlite3_stmt *row = r->records;
    int64_t before = -1;
    int rc;
    sqlite3_bind_int64(row, 1, sqlite3_column_int64(r->runs, 0));
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(row, 0);
        if (id != before) {
            mem_reserve(r->group, r->group_capacity, r->n_group + 1);
            r->group[r->n_group++] =
                (SelectRecord){.step = sqlite3_column_int64(row, 1), .source = column_real(row, 2)};
            r->results.n_records++;
        }
        add_test_env(&r->group[r->n_group - 1], row);
        before = id;
    }
    bool ok = rc == SQLITE_DONE || db_fail(r->db, err);
    sqlite3_reset(row);
    return ok;
}

/* ---- all runs ----------------------------------------------------------------------------------
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

static bool read_runs(Reader *r, Err *err)
{
    int rc;
    while ((rc = sqlite3_step(r->runs)) == SQLITE_ROW) {
        open_group(r);
        if (!read_records(r, err)) return false;
    }
    if (rc != SQLITE_DONE) return db_fail(r->db, err);
    close_group(r);
    return true;
}

static bool prepare(Reader *r, const char *experiment, Err *err)
{
    sqlite3 *handle = db_handle(r->db);
    if (sqlite3_prepare_v2(handle, runs_sql, -1, &r->runs, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(handle, records_sql, -1, &r->records, NULL) != SQLITE_OK ||
        sqlite3_bind_text(r->runs, 1, experiment, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_fail(r->db, err);
    return true;
}

bool domainbed_results_read(DomainbedResults *out, Db *db, const char *experiment, Err *err)
{
    Reader r = {.db = db, .dataset = -1, .algorithm = -1};
    r.results.datasets = mem_alloc((size_t)domainbed_n_datasets, sizeof *r.results.datasets);
    bool ok = prepare(&r, experiment, err) && read_runs(&r, err);
    if (ok && r.results.n_algorithms == 0) {
        ok = err_set(err, ERR_NOT_FOUND,
                     "%s: no run of experiment \"%s\" was imported from DomainBed", db_path(db),
                     experiment);
    }
    sqlite3_finalize(r.runs);
    sqlite3_finalize(r.records);
    free(r.group);
    if (!ok) {
        domainbed_results_done(&r.results);
        return false;
    }
    sort_algorithms(&r.results);
    *out = r.results;
    return true;
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
