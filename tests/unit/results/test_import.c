/* The import of DomainBed sweeps on folders written here: what is stored, what is refused. The
 * pieces below it are in test_domainbed.c. The tables as a whole are compared with golden files in
 * tests/cli/import.cases. */
#include "import_domainbed.h"

#include "domainbed_line.h"
#include "file.h"
#include "fixture.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static Store *store;
static char sweep[64];
static const char *path;

static int setup(void **state)
{
    (void)state;
    Err err;
    path = fixture_path();
    assert_ok(store_open(&store, path, &err));
    snprintf(sweep, sizeof sweep, "/tmp/dgbench-sweep-XXXXXX");
    assert_non_null(mkdtemp(sweep));
    return 0;
}

static void remove_folder(const char *folder)
{
    Err err = {0};
    Arena *arena = arena_new();
    char **names;
    int n;
    assert_ok(file_list(&names, &n, folder, arena, &err));
    for (int i = 0; i < n; i++) {
        const char *name = file_join(arena, folder, names[i]);
        if (file_is_dir(name))
            remove_folder(name);
        else
            unlink(name);
    }
    arena_free(arena);
    rmdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    fixture_remove();
    remove_folder(sweep);
    return 0;
}

static void write_file(const char *run, const char *name, const char *text)
{
    char file[256];
    snprintf(file, sizeof file, "%s/%s", sweep, run);
    mkdir(file, 0700);
    snprintf(file, sizeof file, "%s/%s/%s", sweep, run, name);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static ImportSummary import_now(bool *ok, Err *err)
{
    ImportSummary summary;
    *ok = import_domainbed(store, &summary, sweep, "old", err);
    return summary;
}

static ImportSummary import_all(void)
{
    Err err = {0};
    bool ok;
    ImportSummary summary = import_now(&ok, &err);
    if (!ok) fail_msg("%s", err.text);
    return summary;
}

static void test_run_is_stored_with_names(void **state)
{
    (void)state;
    write_file("r", "results.jsonl", record("2", 0, "\"loss\": NaN, \"mem_gb\": 1.5,"));
    write_file("r", "done", "done");
    write_file("r", "out.txt", "Environment:\n\tPython: 3.7.6\n\tCUDA: 9.2\nArgs:\n");
    ImportSummary s = import_all();
    assert_int_equal(s.added, 1);
    assert_int_equal(s.done, 1);
    assert_int_equal(s.nonfinite, 1);
    assert_string_equal(
        fixture_value(
            "SELECT method || held_out || trial || hparams_seed || seed || steps || status "
            "|| origin || peak_bytes || train_seconds FROM run"),
        "ERM-90%1355001donedomainbed:r16106127360.5");
    assert_string_equal(fixture_value("SELECT compiler || '; ' || blas FROM environment"),
                        "Python 3.7.6; CUDA 9.2");
    assert_string_equal(fixture_value("SELECT json_extract(spec, '$.args.data_dir') IS NULL AND "
                                      "json_extract(spec, '$.hparams.name') = 'NaN' FROM run"),
                        "1");
    assert_string_equal(fixture_value("SELECT count(*) FROM hparam WHERE value IS NULL"), "1");
    assert_string_equal(fixture_value("SELECT typeof(value) FROM train_log WHERE name = 'loss'"),
                        "null");
    assert_string_equal(fixture_value("SELECT source_accuracy FROM checkpoint"), "0.75");
    assert_string_equal(fixture_value("SELECT count(*) || sum(accuracy) || count(n) FROM eval"),
                        "62.6250");
}

static void test_importing_again_changes_nothing(void **state)
{
    (void)state;
    write_file("r", "results.jsonl", record("2", 0, ""));
    import_all();
    ImportSummary s = import_all();
    assert_int_equal(s.unchanged, 1);
    assert_int_equal(s.added + s.updated, 0);
    assert_string_equal(fixture_value("SELECT count(*) FROM run"), "1");
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "1");
}

static void test_marker_makes_a_run_done(void **state)
{
    (void)state;
    write_file("r", "results.jsonl", record("2", 300, ""));
    assert_int_equal(import_all().partial, 1);
    assert_string_equal(fixture_value("SELECT status || message FROM run"),
                        "interruptedno done marker: last record at step 300 of 5001");
    write_file("r", "done", "done");
    assert_int_equal(import_all().updated, 1);
    assert_string_equal(fixture_value("SELECT status || coalesce(message, '-') FROM run"), "done-");
}

static void test_last_record_of_a_step_counts(void **state)
{
    (void)state;
    char text[4096];
    snprintf(text, sizeof text, "%s%s%s%s", record("1", 0, "\"loss\": 1,"),
             record("1", 300, "\"loss\": 2,"), record("1", 0, "\"loss\": 3,"),
             record("1", 0, "\"loss\": 4,"));
    write_file("r", "results.jsonl", text);
    ImportSummary s = import_all();
    assert_int_equal(s.records, 4);
    assert_int_equal(s.duplicates, 2);
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(variant || step) FROM (SELECT * FROM checkpoint ORDER BY "
            "id)"),
        "superseded0,raw300,superseded-20,raw0");
    assert_string_equal(
        fixture_value("SELECT group_concat(value) FROM train_log WHERE name = 'loss'"), "4.0,2.0");
}

static void test_grown_run_gets_its_new_records(void **state)
{
    (void)state;
    char text[4096];
    write_file("r", "results.jsonl", record("1", 0, "\"loss\": 1,"));
    import_all();
    snprintf(text, sizeof text, "%s%s", record("1", 0, "\"loss\": 1,"),
             record("1", 300, "\"loss\": 2,"));
    write_file("r", "results.jsonl", text);
    assert_int_equal(import_all().updated, 1);
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "2");
    assert_string_equal(fixture_value("SELECT last_step FROM run"), "300");
    assert_string_equal(fixture_value("SELECT count(*) FROM eval"), "12");
}

static void test_moved_data_is_the_same_run(void **state)
{
    (void)state;
    char text[1024];
    write_file("r", "results.jsonl", record("1", 0, ""));
    import_all();
    snprintf(text, sizeof text, "%s", record("1", 0, ""));
    memcpy(strstr(text, "\"/a\""), "\"/b\"", 4);
    write_file("r", "results.jsonl", text);
    import_all();
    assert_string_equal(fixture_value("SELECT count(*) FROM run"), "1");
}

static void test_broken_lines_are_skipped_and_counted(void **state)
{
    (void)state;
    char text[4096];
    snprintf(text, sizeof text, "%s{\"broken\": \n\n%s{\"args\": {\"algo", record("1", 0, ""),
             record("1", 300, ""));
    write_file("r", "results.jsonl", text);
    ImportSummary s = import_all();
    assert_int_equal(s.skipped_lines, 2);
    assert_int_equal(s.records, 2);
}

static void test_bad_run_leaves_the_others(void **state)
{
    (void)state;
    Err err = {0};
    bool ok;
    write_file("a", "results.jsonl", record("1", 0, ""));
    write_file("b", "results.jsonl", record("0, 7", 0, ""));
    write_file("c", "results.jsonl", "[1, 2]\n");
    write_file("d", "results.jsonl", record("2", 0, ""));
    ImportSummary s = import_now(&ok, &err);
    assert_false(ok);
    assert_non_null(strstr(err.text, "2 of 4 runs"));
    assert_int_equal(s.added, 2);
    assert_int_equal(s.refused, 2);
    assert_string_equal(fixture_value("SELECT count(*) FROM run"), "2");
}

static void test_unknown_dataset_counts_its_environments(void **state)
{
    (void)state;
    char text[1024];
    snprintf(text, sizeof text, "%s", record("1", 0, ""));
    memcpy(strstr(text, "ColoredMNIST"), "MyOwnPhotos1", 12);
    write_file("r", "results.jsonl", text);
    import_all();
    assert_string_equal(
        fixture_value(
            "SELECT dataset.name || group_concat(domain.name) FROM dataset JOIN domain ON "
            "dataset_id = dataset.id"),
        "MyOwnPhotos1env0,env1,env2");
}

static void test_uda_counts_held_out_environments(void **state)
{
    (void)state;
    write_file("r", "results.jsonl", record("0, 2", 0, "\"env1_uda_acc\": 0.375,"));
    import_all();
    assert_string_equal(fixture_value("SELECT position || '=' || accuracy FROM eval JOIN domain ON "
                                      "domain.id = domain_id WHERE split = 'uda'"),
                        "2=0.375");
}

static void test_folder_that_is_no_sweep(void **state)
{
    (void)state;
    Err err;
    assert_fails(import_domainbed_check(sweep, &err), "no folder with a results.jsonl");
    assert_fails(import_domainbed_check("/nowhere", &err), "/nowhere: cannot list folder");
}

/* CHECKs are off while runs are written in bulk: they have to be back afterwards. */
static void test_constraints_are_back(void **state)
{
    (void)state;
    Err err;
    write_file("r", "results.jsonl", record("1", 0, ""));
    import_all();
    StoreRunInfo info = fixture_run_info("k", 1);
    StoreRun *run;
    info.spec_json = "{broken";
    assert_fails(store_run_begin(store, &run, &info, STORE_FRESH, &err), "json_valid");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_run_is_stored_with_names),
                                       TEST(test_importing_again_changes_nothing),
                                       TEST(test_marker_makes_a_run_done),
                                       TEST(test_last_record_of_a_step_counts),
                                       TEST(test_grown_run_gets_its_new_records),
                                       TEST(test_moved_data_is_the_same_run),
                                       TEST(test_broken_lines_are_skipped_and_counted),
                                       TEST(test_bad_run_leaves_the_others),
                                       TEST(test_unknown_dataset_counts_its_environments),
                                       TEST(test_uda_counts_held_out_environments),
                                       TEST(test_folder_that_is_no_sweep),
                                       TEST(test_constraints_are_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
