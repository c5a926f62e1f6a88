/* What the store writes, and what it refuses. */
#include "store_case.h"
#include "test.h"

#include <sqlite3.h>

static const char *path;
static StoreRun *run;

static int setup(void **state)
{
    (void)store_setup(state);
    path = fixture_file();
    run = NULL;
    return 0;
}

static int teardown(void **state)
{
    store_run_free(run);
    return store_teardown(state);
}

static void begin(const char *key, int64_t resume_step)
{
    Err err;
    StoreRunInfo info = fixture_run_info(key, dataset);
    store_run_free(run);
    run = NULL;
    assert_ok(store_run_begin(store, &run, &info, resume_step, &err));
}

static void commit(int64_t step, int percent)
{
    Err err;
    static const StoreOutcome outcomes[] = {{8, 0, 0.9F}, {9, 0, 0.6F}, {10, 1, 0.7F}};
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        StoreEval eval = fixture_eval(step, "raw", domain, "out", percent + domain);
        store_eval(run, &eval, outcomes, domain == 2 ? 3 : 0);
    }
    store_train_log(run, step, "loss", 0.5);
    assert_ok(store_checkpoint_commit(run, step, &err));
}

static void test_new_file_is_recognised_as_ours(void **state)
{
    (void)state;
    Err err;
    Store *again;
    assert_ok(store_open(&again, path, &err));
    store_close(again);
    assert_string_equal(fixture_value("PRAGMA user_version"), "4");
    assert_string_equal(fixture_value("PRAGMA application_id"), "1684496945");
    assert_string_equal(fixture_value("PRAGMA journal_mode"), "wal");
    assert_string_equal(
        fixture_value("SELECT name || ' ' || low || ' ' || split || ' ' || high FROM ip_oop_rule"),
        "default 0.15 0.21 0.4");
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    (void)fclose(file);
}

static void test_foreign_files_are_refused_and_not_touched(void **state)
{
    (void)state;
    Err err;
    Store *other = NULL;
    char name[128];
    snprintf(name, sizeof name, "%s.text", path);
    write_file(name, "this is no database, whatever its name says; it has to be longer than a "
                     "header is: 100 bytes "
                     "and some more, so that SQLite looks at it.\n");
    assert_fails(store_open(&other, name, &err), "not a database");
    snprintf(name, sizeof name, "%s.other", path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(name, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE songs (title TEXT)", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_fails(store_open(&other, name, &err),
                 "of another program, expected a results file of dgbench");
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open(name, &db), SQLITE_OK);
    sqlite3_stmt *statement;
    (void)sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &statement, NULL);
    (void)sqlite3_step(statement);
    assert_string_equal(sqlite3_column_text(statement, 0), "delete"); /* not switched to WAL */
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void test_newer_version_is_refused(void **state)
{
    (void)state;
    Err err;
    Store *other = NULL;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_fails(store_open(&other, path, &err),
                 "version 9 of the results schema, this dgbench knows up to 4");
}

static void test_folder_that_cannot_be_written(void **state)
{
    (void)state;
    Err err;
    Store *other = NULL;
    char name[128];
    snprintf(name, sizeof name, "%s/results.db", path); /* a file stands where the folder should */
    assert_fails(store_open(&other, name, &err), "can't be made or written");
    assert_fails(store_open(&other, "/proc/results.db", &err), "/proc/results.db: ");
}

static void test_dataset_is_registered_once(void **state)
{
    (void)state;
    Err err;
    int64_t again;
    StoreDataset info = fixture_dataset();
    assert_ok(store_dataset(store, &again, &info, &err));
    assert_int_equal(again, dataset);
    assert_string_equal(fixture_value("SELECT count(*) FROM image"), "12");
    assert_string_equal(
        fixture_value(
            "SELECT domain.name || class.name || path FROM image JOIN domain ON domain.id ="
            " domain_id JOIN class ON class.id = class_id WHERE image.position = 7"),
        "photodogphoto/dog/1.png");
    info.n_images--;
    assert_fails(store_dataset(store, &again, &info, &err), "under the same fingerprint");
    info.fingerprint = "fedcba9876543210"; /* other content, same name */
    assert_ok(store_dataset(store, &again, &info, &err));
    assert_string_equal(fixture_value("SELECT group_concat(name) FROM dataset"),
                        "tiny,tiny@fedcba98");
}

static void test_run_goes_from_absent_to_done(void **state)
{
    (void)state;
    Err err;
    RunStatus status;
    int64_t id;
    assert_ok(store_run_find(store, &status, &id, "k", &err));
    assert_int_equal(status, RUN_ABSENT);
    begin("k", STORE_FRESH);
    assert_ok(store_run_find(store, &status, &id, "k", &err));
    assert_int_equal(status, RUN_RUNNING);
    assert_int_equal(id, store_run_id(run));
    commit(10, 50);
    StoreCost cost = {
        .train_flops = 3e12, .train_seconds = 1.5, .peak_bytes = 123, .n_parameters = 7};
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &cost, &err));
    assert_ok(store_run_find(store, &status, NULL, "k", &err));
    assert_int_equal(status, RUN_DONE);
    assert_string_equal(
        fixture_value("SELECT held_out || n_held_out || last_step || train_flops FROM run"),
        "sketch1103000000000000.0");
    assert_string_equal(
        fixture_value("SELECT group_concat(name || '=' || value || typeof(value)) FROM hparam"),
        "batch=32integer,lr=5.0e-05real,optimizer=adamtext");
    StoreRunInfo info = fixture_run_info("k", dataset);
    StoreRun *again = NULL;
    assert_fails(store_run_begin(store, &again, &info, STORE_FRESH, &err), "run k is done already");
}

static void test_every_status_has_its_name(void **state)
{
    (void)state;
    Err err;
    static const RunStatus ends[] = {RUN_DONE, RUN_FAILED, RUN_DIVERGED, RUN_INTERRUPTED};
    for (int i = 0; i < 4; i++) {
        char key[8];
        RunStatus status;
        snprintf(key, sizeof key, "k%d", i);
        begin(key, STORE_FRESH);
        assert_ok(
            store_run_finish(run, ends[i], i == 1 ? "out of luck" : NULL, &(StoreCost){0}, &err));
        assert_ok(store_run_find(store, &status, NULL, key, &err));
        assert_int_equal(status, ends[i]);
    }
    assert_string_equal(
        fixture_value("SELECT group_concat(status || coalesce(message, '')) FROM run"),
        "done,failedout of luck,diverged,interrupted");
}

static void test_checkpoint_holds_all_that_was_logged(void **state)
{
    (void)state;
    begin("k", STORE_FRESH);
    commit(10, 50);
    assert_string_equal(fixture_value("SELECT count(*) FROM eval"), "3");
    /* mean of art 50 % and photo 51 %; sketch is held out */
    assert_string_equal(fixture_value("SELECT source_accuracy FROM checkpoint"), "0.505");
    assert_string_equal(
        fixture_value("SELECT group_concat(path || ' ' || predicted || correct) FROM outcome_info"),
        "sketch/cat/0.png cat1,sketch/dog/0.png cat0,sketch/cat/1.png dog0");
    assert_string_equal(
        fixture_value("SELECT value FROM train_log WHERE step = 10 AND name = 'loss'"), "0.5");
}

static void test_nothing_is_stored_before_the_commit(void **state)
{
    (void)state;
    begin("k", STORE_FRESH);
    StoreEval eval = fixture_eval(10, "raw", 0, "out", 50);
    store_eval(run, &eval, NULL, 0);
    store_train_log(run, 10, "loss", 1.0);
    assert_string_equal(
        fixture_value("SELECT (SELECT count(*) FROM eval) + (SELECT count(*) FROM train_log)"),
        "0");
}

static void test_validation_needs_every_source_domain(void **state)
{
    (void)state;
    Err err;
    begin("k", STORE_FRESH);
    StoreEval eval = fixture_eval(10, "raw", 0, "out", 50);
    store_eval(run, &eval, NULL, 0);
    assert_ok(store_checkpoint_commit(run, 10, &err));
    assert_string_equal(fixture_value("SELECT source_accuracy FROM checkpoint"), "NULL");
}

static void test_source_subset_is_what_validation_averages(void **state)
{
    (void)state;
    Err err;
    static const int sources[] = {1};
    StoreRunInfo info = fixture_run_info("k", dataset);
    info.sources = sources;
    info.n_sources = 1;
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    commit(10, 50);
    assert_string_equal(fixture_value("SELECT source_accuracy FROM checkpoint"), "0.51");
}

static void test_resumed_run_leaves_one_set_of_rows(void **state)
{
    (void)state;
    begin("k", STORE_FRESH);
    commit(10, 50);
    commit(20, 60);
    commit(30, 70);
    begin("k", 10); /* killed after step 30 was stored, but its checkpoint file is of step 10 */
    assert_string_equal(fixture_value("SELECT group_concat(step) FROM checkpoint"), "10");
    assert_string_equal(fixture_value("SELECT last_step FROM run"), "10");
    commit(20, 65);
    commit(20, 66); /* the same step once more */
    assert_string_equal(fixture_value("SELECT count(*) FROM run"), "1");
    assert_string_equal(fixture_value("SELECT group_concat(step || ':' || source_accuracy) FROM"
                                      " (SELECT * FROM checkpoint ORDER BY step)"),
                        "10:0.505,20:0.665");
    assert_string_equal(fixture_value("SELECT count(*) FROM eval"), "6");
    assert_string_equal(fixture_value("SELECT count(*) FROM outcome"), "6");
    assert_string_equal(fixture_value("SELECT count(*) FROM train_log"), "2");
    begin("k", STORE_FRESH);
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "0");
    assert_string_equal(fixture_value("SELECT count(*) FROM outcome"), "0");
}

static void test_numbers_that_are_not_finite_are_null(void **state)
{
    (void)state;
    Err err;
    begin("k", STORE_FRESH);
    store_train_log(run, 1, "a", NAN);
    store_train_log(run, 2, "a", INFINITY);
    StoreEval eval = fixture_eval(2, "raw", 0, "out", 50);
    eval.nll = NAN;
    store_eval(run, &eval, NULL, 0);
    assert_ok(store_checkpoint_commit(run, 2, &err));
    assert_string_equal(fixture_value("SELECT count(*) || count(value) FROM train_log"), "20");
    assert_string_equal(fixture_value("SELECT nll FROM eval"), "NULL");
}

static void test_run_is_listed_under_two_experiments(void **state)
{
    (void)state;
    Err err;
    begin("k", STORE_FRESH);
    assert_ok(store_run_list(store, store_run_id(run), "second", &err));
    assert_ok(store_run_list(store, store_run_id(run), "second", &err));
    assert_string_equal(fixture_value("SELECT group_concat(experiment) FROM run_info"),
                        "first,second");
}

static void test_names_from_files_are_data(void **state)
{
    (void)state;
    Err err;
    StoreRunInfo info = fixture_run_info("k'); DROP TABLE run; --", dataset);
    info.method = "'; DELETE FROM dataset; --";
    info.experiment = "\"x\" OR 1=1";
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    assert_string_equal(fixture_value("SELECT method FROM run"), "'; DELETE FROM dataset; --");
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "1");
}

static void test_spec_has_to_be_json(void **state)
{
    (void)state;
    Err err;
    StoreRunInfo info = fixture_run_info("k", dataset);
    info.spec_json = "{broken";
    assert_fails(store_run_begin(store, &run, &info, STORE_FRESH, &err), "json_valid");
    assert_string_equal(fixture_value("SELECT count(*) FROM run"), "0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_new_file_is_recognised_as_ours),
                                       TEST(test_foreign_files_are_refused_and_not_touched),
                                       TEST(test_newer_version_is_refused),
                                       TEST(test_folder_that_cannot_be_written),
                                       TEST(test_dataset_is_registered_once),
                                       TEST(test_run_goes_from_absent_to_done),
                                       TEST(test_every_status_has_its_name),
                                       TEST(test_checkpoint_holds_all_that_was_logged),
                                       TEST(test_nothing_is_stored_before_the_commit),
                                       TEST(test_validation_needs_every_source_domain),
                                       TEST(test_source_subset_is_what_validation_averages),
                                       TEST(test_resumed_run_leaves_one_set_of_rows),
                                       TEST(test_numbers_that_are_not_finite_are_null),
                                       TEST(test_run_is_listed_under_two_experiments),
                                       TEST(test_names_from_files_are_data),
                                       TEST(test_spec_has_to_be_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
