/* See merge_case.h. */
#include "merge_case.h"

#include "file.h"
#include "fixture.h"
#include "log.h"
#include "mem.h"
#include "str.h"
#include "test.h"

const char *target_path;
char source_path[128];
char merge_report[4096];
MergeCounts merge_counts;

int merge_setup(void **state)
{
    (void)state;
    log_set_level(LOG_WARN);
    target_path = fixture_path();
    snprintf(source_path, sizeof source_path, "%s.other", target_path);
    return 0;
}

int merge_teardown(void **state)
{
    (void)state;
    fixture_remove();
    return 0;
}

static void add_checkpoint(StoreRun *run, int64_t step, int percent)
{
    Err err;
    const StoreOutcome outcomes[] = {{0, 1, 0.5F}, {2, 0, 0.75F}};
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        StoreEval in = fixture_eval(step, "raw", domain, "in", percent);
        StoreEval out = fixture_eval(step, "raw", domain, "out", percent);
        store_eval(run, &in, outcomes, domain == 0 ? 2 : 0);
        store_eval(run, &out, NULL, 0);
    }
    store_train_log(run, step, "loss", 1.0 / (double)step);
    assert_ok(store_checkpoint_commit(run, step, &err));
}

void add_run(Store *store, int64_t dataset, const char *experiment, TestRun test)
{
    Err err;
    StoreRun *run;
    StoreRunInfo info = fixture_run_info(test.key, dataset);
    info.experiment = experiment;
    if (test.two) {
        info.held_out = (const int[]){0, 2};
        info.n_held_out = 2;
    }
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int64_t step = 1; step <= test.steps; step++) add_checkpoint(run, step, test.percent);
    if (test.status != RUN_RUNNING)
        assert_ok(store_run_finish(run, test.status, NULL, &(StoreCost){.train_seconds = 3}, &err));
    store_run_free(run);
}

void make_file(const char *file, const char *experiment, const TestRun *runs)
{
    Err err;
    Store *store;
    assert_ok(store_open(&store, file, &err));
    int64_t dataset = fixture_add_dataset(store);
    for (; runs->key != NULL; runs++) add_run(store, dataset, experiment, *runs);
    store_close(store);
}

void sql_in(const char *file, const char *sql)
{
    Err err;
    Db *db;
    assert_ok(db_open(&db, file, DB_WRITE, &err));
    assert_ok(db_script(db, sql, &err));
    db_close(db);
}

/* Rows in the tables that nothing in this program fills yet, or that need more than a run. */
static const char SCORERS_SQL[] =
    "INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES"
    " ('clip', 'vit', 'w1', 'A {}.', 'resize');"
    "INSERT INTO scorer (name, model, weights, template, preprocessing, run_id) VALUES"
    " ('tuned', 'vit', 'w2', 'A {}.', 'resize', (SELECT max(id) FROM run));"
    "INSERT INTO class_prompt SELECT scorer.id, class.id, 'A ' || class.name || '.' FROM scorer, "
    "class;"
    "INSERT INTO alignment SELECT scorer.id, image.id, image.position / 100.0, class_id, NULL, 1, "
    "0.5, 'near.png'"
    " FROM scorer, image;"
    "UPDATE image SET concept = 'c' || position, sha256 = randomblob(32);"
    "INSERT INTO ip_oop_rule (name, scorer, kind, low, split, high, source)"
    " VALUES ('mine', '*', 'threshold', 0, 0.1, 0.2, 'here');"
    "INSERT INTO exclusion (name, source, stored) VALUES ('reviewed', 'r.csv', "
    "'2026-01-01T00:00:00Z');"
    "INSERT INTO exclusion_image SELECT exclusion.id, image.id, 'exclude', 'blurred' FROM "
    "exclusion, image WHERE position < 3;"
    "INSERT INTO forecast (experiment, dataset_id, split_rule, method, variant, rule, scored,"
    " scorer_id, domain_id, calibration, feature, exclusion, n_sources, n_outcomes, n_images, "
    "predicted,"
    " low, high, fit_low, fit_high, actual, error, n_trials, source_accuracy, zero_shot_accuracy,"
    " made) SELECT 'full', dataset_id, 'image', 'erm', 'raw', 'last', 'in', scorer.id, domain.id,"
    " 'seen', 'score', '', 2, 8, 4, 0.5, 0.4, 0.6, 0.45, 0.55, 0.75, -0.25, 1, 0.7, 0.3,"
    " '2026-01-01T00:00:00Z' FROM scorer, domain;"
    "INSERT INTO study_cell (study, problem, parameterisation, input_std, optimizer, lr, seed, "
    "n_parameters, floor, floor_rank, first_loss, loss, best_loss, diverged_at, curvature, "
    "sharp_gradient, learned_curvature, learned_sharp_gradient, seconds, environment_id, made) "
    "SELECT 'factorize', '3 x 3', 'op-mf', 0.01, "
    "'adam', column1, 2, 40, 0.25, 1.5, 2, column2, 0.5, column3, 7, 0.125, 8, 0.5, 3, "
    "environment.id,"
    " '2026-01-01T00:00:00Z' FROM environment, (VALUES (0.1, 0.5, NULL), (0.2, NULL, 8));"
    "INSERT INTO study_step SELECT id, column1, 1.0 / column1, 2, 3, 0.5 FROM study_cell, (VALUES "
    "(10), (20));";

void make_full_file(const char *file)
{
    make_file(file, "full",
              (TestRun[]){{"full-1", RUN_DONE, 2, 70, false},
                          {"full-2", RUN_DONE, 1, 60, false},
                          {"full-3", RUN_DONE, 2, 55, true},
                          {0}});
    sql_in(file, SCORERS_SQL);
}

bool merge_now(const char *source, Err *err)
{
    Store *store;
    FILE *out = fmemopen(merge_report, sizeof merge_report, "w");
    if (!store_open(&store, target_path, err)) {
        (void)fclose(out);
        return false;
    }
    bool ok = merge_source(store, source, out, &merge_counts, err);
    (void)fclose(out);
    store_close(store);
    return ok;
}

void merge_file(const char *source)
{
    Err err;
    memset(merge_report, 0, sizeof merge_report);
    assert_ok(merge_now(source, &err));
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
    assert_string_equal(fixture_value("SELECT count(*) FROM pragma_foreign_key_check"), "0");
    fixture_check_derived(target_path);
}

/* ---- looking inside ---- */

/* All values of one column as text, sorted; free it. */
static char *column_values(sqlite3 *db, const char *table, const char *column)
{
    sqlite3_stmt *statement;
    Str sql = {0};
    str_addf(
        &sql,
        "SELECT group_concat(v, char(10)) FROM (SELECT quote(\"%s\") AS v FROM \"%s\" ORDER BY 1)",
        column, table);
    assert_int_equal(sqlite3_prepare_v2(db, str_text(&sql), -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *values = mem_strdup(text != NULL ? text : "");
    sqlite3_finalize(statement);
    str_done(&sql);
    return values;
}

void assert_same_content(const char *one, const char *other, bool with_ids)
{
    sqlite3 *a, *b;
    sqlite3_stmt *columns;
    int n_columns = 0;
    assert_int_equal(sqlite3_open_v2(one, &a, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(other, &b, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    static const char sql[] =
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        " AND (?1 OR (c.name <> 'id' AND c.name NOT LIKE '%\\_id' ESCAPE '\\'))";
    assert_int_equal(sqlite3_prepare_v2(a, sql, -1, &columns, NULL), SQLITE_OK);
    sqlite3_bind_int(columns, 1, with_ids);
    while (sqlite3_step(columns) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(columns, 0);
        const char *column = (const char *)sqlite3_column_text(columns, 1);
        char *here = column_values(a, table, column), *there = column_values(b, table, column);
        if (here[0] == '\0') fail_msg("%s.%s: no rows to compare", table, column);
        if (strcmp(here, there) != 0) fail_msg("%s.%s differs", table, column);
        free(here);
        free(there);
        n_columns++;
    }
    assert_true(n_columns > 60);
    sqlite3_finalize(columns);
    sqlite3_close(a);
    sqlite3_close(b);
}

uint64_t bytes_digest(const char *file)
{
    Err err;
    char *bytes;
    size_t n;
    uint64_t hash = 1469598103934665603U;
    assert_ok(file_read(&bytes, &n, file, 100U << 20, &err));
    for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211U;
    free(bytes);
    return hash;
}

void make_many(void)
{
    Err err;
    Store *store;
    char key[32];
    make_full_file(source_path);
    assert_ok(store_open(&store, source_path, &err));
    assert_ok(db_script(store->db, "PRAGMA synchronous = OFF", &err));
    for (int i = 0; i < MERGE_MANY; i++) {
        snprintf(key, sizeof key, "many-%d", i);
        add_run(store, 1, i % 2 ? "odd" : "even", (TestRun){key, RUN_DONE, 1, 40 + i % 7, false});
    }
    store_close(store);
}
