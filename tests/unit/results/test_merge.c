/* Merging: what comes along, what stays, what is reported. */
#include "fixture.h"
#include "merge_case.h"
#include "test.h"

/* ---- what comes along ---- */

static void test_every_table_and_column_comes_along(void **state)
{
    (void)state;
    make_full_file(source_path);
    uint64_t before = bytes_digest(source_path);
    merge_file(source_path);
    assert_int_equal(merge_counts.added, MERGE_FULL);
    assert_string_equal(merge_report, "");
    assert_same_content(source_path, target_path,
                        true); /* an empty target: even the ids are the same */
    assert_true(bytes_digest(source_path) == before);
}

static void test_ids_are_translated(void **state)
{
    (void)state;
    Err err;
    Store *store;
    int64_t id;
    static const char *const domains[] = {"sketch", "art"}, *const classes[] = {"dog", "cat",
                                                                                "eel"};
    static const StoreImage images[] = {{0, 0, "x", NULL, NULL}, {1, 2, "y", NULL, NULL}};
    const StoreDataset other = {"tiny", "fedcba9876543210", domains, 2, classes, NULL, 3, images,
                                2};
    make_full_file(source_path);
    assert_ok(store_open(&store, target_path, &err));
    assert_ok(store_dataset(store, &id, &other, &err));
    StoreRunInfo info = fixture_run_info("mine", id);
    const int held_out[] = {0};
    StoreRun *run;
    info.held_out = held_out;
    info.environment.cpu = "another";
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    store_run_free(run);
    store_close(store);
    merge_file(source_path);
    assert_string_equal(
        merge_report + strlen(source_path),
        ": dataset \"tiny\" has another content than the one of this name here, and is called "
        "\"tiny@01234567\"\n");
    static const char *const checks[] = {
        "SELECT group_concat(domain || split || accuracy || role) FROM (SELECT * FROM eval_info"
        " ORDER BY run_id, step, domain, split)",
        "SELECT group_concat(path || class || predicted || confidence || domain) FROM (SELECT * "
        "FROM"
        " outcome_info ORDER BY run_id, step, path)",
        "SELECT group_concat(scorer.name || path || score || class.name) FROM alignment JOIN "
        "scorer ON"
        " scorer.id = scorer_id JOIN image ON image.id = image_id JOIN class ON class.id ="
        " zero_shot_class_id",
        "SELECT group_concat(scorer.name || class.name || prompt) FROM class_prompt JOIN scorer ON"
        " scorer.id = scorer_id JOIN class ON class.id = class_id",
        "SELECT group_concat(key || name) FROM run JOIN scorer ON run_id = run.id",
        "SELECT cpu FROM run JOIN environment ON environment.id = environment_id WHERE key = "
        "'full-1'",
        "SELECT group_concat(position || path) FROM (SELECT image.* FROM image JOIN dataset ON"
        " dataset.id = dataset_id AND fingerprint LIKE '0123%' ORDER BY image.id)"};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        char here[4096];
        snprintf(here, sizeof here, "%s", fixture_value(checks[i]));
        assert_string_not_equal(here, "NULL");
        assert_string_equal(here, fixture_value_in(source_path, checks[i]));
    }
    assert_string_equal(fixture_value("SELECT group_concat(name) FROM dataset"),
                        "tiny,tiny@01234567");
    assert_ok(store_open(&store, target_path, &err)); /* and the store goes on with what it finds */
    fixture_add_dataset(store);
    store_close(store);
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "2");
}

static void test_merged_twice_changes_nothing(void **state)
{
    (void)state;
    make_full_file(source_path);
    merge_file(source_path);
    merge_file(source_path);
    assert_int_equal(merge_counts.added, 0);
    assert_int_equal(merge_counts.same, MERGE_FULL);
    assert_string_equal(merge_report, "");
    assert_same_content(source_path, target_path, true);
}

/* ---- what stays and what is replaced ---- */

static void test_the_run_that_got_further_wins(void **state)
{
    (void)state;
    make_file(target_path, "here",
              (TestRun[]){{"a", RUN_INTERRUPTED, 1, 50, false},
                          {"b", RUN_DONE, 3, 50, false},
                          {"c", RUN_RUNNING, 1, 50, false},
                          {"d", RUN_FAILED, 2, 50, false},
                          {"e", RUN_RUNNING, 2, 50, false},
                          {"f", RUN_RUNNING, 1, 50, false},
                          {0}});
    make_file(source_path, "there",
              (TestRun[]){{"a", RUN_DONE, 3, 60, false},
                          {"b", RUN_RUNNING, 1, 60, false},
                          {"c", RUN_RUNNING, 2, 60, false},
                          {"d", RUN_INTERRUPTED, 1, 60, false},
                          {"e", RUN_RUNNING, 2, 60, false},
                          {"f", RUN_DIVERGED, 1, 60, false},
                          {"g", RUN_RUNNING, 1, 60, false},
                          {0}});
    merge_file(source_path);
    assert_int_equal(merge_counts.added, 1);
    assert_int_equal(merge_counts.completed, 3);
    assert_int_equal(merge_counts.kept, 2);
    assert_int_equal(merge_counts.same, 1);
    assert_int_equal(merge_counts.conflicts, 0);
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(key || ' ' || status || ' ' || last_step || ' ' || accuracy, ', ')"
            " FROM (SELECT key, run.status, last_step, min(accuracy) AS accuracy FROM run JOIN "
            "eval_info ON"
            " run_id = run.id GROUP BY run.id ORDER BY key)"),
        "a done 3 0.6, b done 3 0.5, c running 2 0.6, d failed 2 0.5, e running 2 0.5, f diverged "
        "1 0.6, "
        "g running 1 0.6");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(experiment || key, ' ') FROM (SELECT experiment, key FROM"
            " run_experiment JOIN run ON run.id = run_id ORDER BY 1, 2)"),
        "herea hereb herec hered heree heref therea thereb therec thered theree theref thereg");
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "14");
}

static void test_other_numbers_are_a_conflict(void **state)
{
    (void)state;
    make_file(target_path, "x",
              (TestRun[]){{"a", RUN_DONE, 1, 50, false},
                          {"b", RUN_DONE, 1, 50, false},
                          {"c", RUN_DONE, 1, 50, false},
                          {"d", RUN_DONE, 2, 50, false},
                          {0}});
    make_file(source_path, "x",
              (TestRun[]){{"a", RUN_DONE, 1, 51, false},
                          {"b", RUN_DIVERGED, 1, 50, false},
                          {"c", RUN_DONE, 1, 50, false},
                          {"d", RUN_DONE, 1, 50, false},
                          {"e", RUN_DONE, 1, 50, false},
                          {0}});
    sql_in(source_path,
           "UPDATE eval SET nll = 1.5 WHERE split = 'out' AND domain_id = 2 AND checkpoint_id ="
           " (SELECT c.id FROM checkpoint AS c JOIN run ON run.id = run_id WHERE key = 'c')");
    merge_file(source_path);
    assert_int_equal(merge_counts.conflicts, 4);
    assert_int_equal(merge_counts.added, 1);
    assert_int_equal(merge_counts.same, 0);
    static const char *const want[] = {
        ("conflict: run a (erm, held out sketch, trial 0): 6 evaluations are other: in of art, "
         "step "
         "1, weights"
         " \"raw\": accuracy 0.51000000000000001 there, 0.5 here\n"),
        ("conflict: run b (erm, held out sketch, trial 0): diverged there, done here\n"),
        ("conflict: run c (erm, held out sketch, trial 0): 1 evaluation is other: out of photo, "
         "step 1, weights"
         " \"raw\": nll 1.5 there, 1.0 here\n"),
        ("conflict: run d (erm, held out sketch, trial 0): 6 evaluations are other: 6 there, 12 "
         "here\n")};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (strstr(merge_report, want[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", want[i], merge_report);
    }
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(accuracy || nll || status) FROM (SELECT DISTINCT accuracy,"
            " nll, status FROM eval_info JOIN run ON run.id = run_id)"),
        "0.51.0done");
}

static void test_rules_and_scorers_that_differ_are_reported(void **state)
{
    (void)state;
    make_full_file(source_path);
    merge_file(source_path);
    sql_in(source_path, "UPDATE experiment SET selection = 'oracle', protocol = 'swad';"
                        "UPDATE ip_oop_rule SET split = 0.15 WHERE name = 'mine';"
                        "UPDATE scorer SET weights = 'w3' WHERE name = 'tuned';"
                        "UPDATE alignment SET score = 0.9 WHERE scorer_id = 1 AND image_id = 1;"
                        "UPDATE alignment SET similarity = 0.4 WHERE image_id = 2;");
    sql_in(target_path, "DELETE FROM alignment WHERE image_id = 3");
    merge_file(source_path);
    assert_int_equal(merge_counts.conflicts, 3);
    static const char *const want[] = {
        "experiment \"full\" is read by other rules there (oracle, in, population) than here "
        "(training-domain, in,"
        " population), which stay",
        "experiment \"full\" follows protocol \"swad\" there and \"\" here",
        "conflict: ip_oop_rule \"mine\" cuts otherwise",
        "conflict: scorer \"tuned\" is another one there (vit, weights w3, ",
        "conflict: scorer \"clip\": 1 image score is another one there than here"};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (strstr(merge_report, want[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", want[i], merge_report);
    }
    assert_string_equal(fixture_value("SELECT selection || protocol FROM experiment"),
                        "training-domain");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(score || coalesce(similarity, '-'), ' ') FROM alignment WHERE"
            " scorer_id = 1 AND image_id < 4"),
        "0.0- 0.010.4 0.02-"); /* here, completed from there, only there */
}

static void test_names_are_never_sql(void **state)
{
    (void)state;
    Err err;
    char hostile[160];
    snprintf(hostile, sizeof hostile, "%s'; DROP TABLE run; --%%41?mode=rwc#x", target_path);
    make_full_file(source_path);
    sql_in(
        source_path,
        "UPDATE dataset SET name = '''; DROP TABLE run; --'; UPDATE experiment SET name = '%s%n';"
        " UPDATE run SET method = 'a'' OR 1', key = key || '''';");
    assert_int_equal(rename(source_path, hostile), 0);
    assert_ok(merge_check(hostile, &err));
    merge_file(hostile);
    assert_same_content(hostile, target_path, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, merge_setup, merge_teardown)
    const struct CMUnitTest tests[] = {TEST(test_every_table_and_column_comes_along),
                                       TEST(test_ids_are_translated),
                                       TEST(test_merged_twice_changes_nothing),
                                       TEST(test_the_run_that_got_further_wins),
                                       TEST(test_other_numbers_are_a_conflict),
                                       TEST(test_rules_and_scorers_that_differ_are_reported),
                                       TEST(test_names_are_never_sql)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
