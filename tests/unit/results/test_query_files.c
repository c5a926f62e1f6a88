/* Files that are no results, damaged, of another version or locked, opened for reading. */
#include "file.h"
#include "log.h"
#include "results_files.h"
#include "store_case.h"
#include "test.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[2000];

static void test_files_that_are_no_results_are_refused(void **state)
{
    (void)state;
    Err err;
    Db *other;
    char name[128];
    snprintf(name, sizeof name, "%s.missing", fixture_file());
    assert_fails(results_open(&other, name, &err), "can't be read");
    sqlite3 *foreign;
    assert_int_equal(sqlite3_open(name, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "CREATE TABLE x (y)", NULL, NULL, NULL), SQLITE_OK);
    assert_fails(results_open(&other, name, &err), "of another program");
    assert_int_equal(sqlite3_exec(foreign,
                                  "PRAGMA application_id = 1684496945; PRAGMA user_version = 5",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(foreign);
    assert_fails(results_open(&other, name, &err),
                 "version 5 of the results schema, this dgbench knows up to 4");
    unlink(name);
    assert_int_equal(mkdir(name, 0777), 0);
    assert_fails(results_open(&other, name, &err), "a folder, expected a results file");
    rmdir(name);
    FILE *empty = fopen(name, "w");
    assert_non_null(empty);
    (void)fclose(empty);
    assert_fails(results_open(&other, name, &err), "empty, expected a results file");
    assert_int_equal(file_size(name), 0);
}

static void test_cut_and_overwritten_files_are_refused(void **state)
{
    (void)state;
    Err err;
    Db *other;
    store_case_end(); /* the last one that may write: what is in the log goes into the file */
    static const off_t sizes[] = {5000, 1000, 99};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(truncate(fixture_file(), sizes[i]), 0);
        if (results_open(&other, fixture_file(), &err)) fail_msg("opened %d bytes", (int)sizes[i]);
        bool clear = strstr(err.text, ": damaged (") || strstr(err.text, ": not a database");
        if (!clear) fail_msg("%d bytes: %s", (int)sizes[i], err.text);
        assert_int_equal(file_size(fixture_file()), sizes[i]);
    }
    FILE *file = fopen(fixture_file(), "w");
    fputs("This is a text that somebody wrote and wants to keep.", file);
    (void)fclose(file);
    assert_fails(results_open(&other, fixture_file(), &err),
                 "not a database, expected a results file");
}

/* A file as version 1 or 2 made it, with one run. */
static void make_older(const char *name, int version)
{
    sqlite3 *old;
    static const char rows[] =
        "PRAGMA application_id = 1684496945; PRAGMA journal_mode = WAL;"
        "INSERT INTO dataset VALUES (1, 'old', 'f00d', 1);"
        "INSERT INTO domain VALUES (1, 1, 0, 'art'); INSERT INTO class VALUES (1, 1, 0, 'cat', "
        "'cat');"
        "INSERT INTO image VALUES (1, 1, 0, 1, 1, 'cat.png', NULL, NULL);"
        "INSERT INTO scorer VALUES (1, 'clip', '', '', '', '', NULL);"
        "INSERT INTO alignment VALUES (1, 1, 0.25, 1, NULL);"
        "INSERT INTO environment VALUES (1, '0', 'c', 'c', 'b', 'c', 1);"
        "INSERT INTO run (id, key, dataset_id, method, held_out, n_held_out, split_rule, trial,"
        " hparams_seed, seed, variant, status, steps, started, updated, threads, environment_id,"
        " protocol, spec) VALUES (1, 'k', 1, 'erm', 'art', 1, 'image', 0, 0, 0, 'raw', 'done', 1,"
        " 'now', 'now', 1, 1, '', '{}');"
        "INSERT INTO run_experiment VALUES ('old', 1); INSERT INTO run_domain VALUES (1, 1, "
        "'held_out');"
        "INSERT INTO checkpoint (id, run_id, step, variant, source_accuracy) VALUES"
        " (1, 1, 50, 'raw', 0.75), (2, 1, 100, 'raw', 0.5);"
        "INSERT INTO eval (checkpoint_id, domain_id, split, accuracy) VALUES (2, 1, 'out', 0.25);";
    assert_int_equal(sqlite3_open(name, &old), SQLITE_OK);
    for (int i = 0; i < version; i++) {
        assert_int_equal(sqlite3_exec(old, schema_files[i].text, NULL, NULL, NULL), SQLITE_OK);
        if (i == 0) assert_int_equal(sqlite3_exec(old, rows, NULL, NULL, NULL), SQLITE_OK);
    }
    const char *pragma = version == 1 ? "PRAGMA user_version = 1" : "PRAGMA user_version = 2";
    assert_int_equal(sqlite3_exec(old, pragma, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(old);
}

static void bring_up_to_date(int version)
{
    Err err;
    Db *old;
    char name[128];
    snprintf(name, sizeof name, "%s.old-%d", fixture_file(), version);
    make_older(name, version);
    log_set_level(LOG_WARN);
    assert_ok(results_open(&old, name, &err));
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    assert_ok(query_named(old, out, "status", (QueryParameters){0}, FORMAT_CSV, &err));
    (void)fclose(out);
    assert_non_null(strstr(output, "old,old,1,1,"));
    results_close(old);
    assert_string_equal(
        fixture_value_in(name, "SELECT name || selection || scored || stderr FROM experiment"),
        "oldtraining-domaininpopulation");
    assert_string_equal(fixture_value_in(name, "SELECT score || coalesce(rank, '-') ||"
                                               " coalesce(zero_shot_score, '-') FROM alignment"),
                        "0.25--");
    assert_string_equal(fixture_value_in(name, "PRAGMA user_version"), "4");
    assert_string_equal(
        fixture_value_in(name, "SELECT group_concat(rule || ' ' || step || ' ' || value, ', ')"
                               " FROM candidate ORDER BY rule"),
        "last 100 0.5, oracle 100 0.25, training-domain 50 0.75");
    fixture_check_derived(name);
}

static void test_older_files_are_brought_up_to_date(void **state)
{
    (void)state;
    bring_up_to_date(1);
    bring_up_to_date(2);
}

/* All that the file holds is there in the old version still, when it can't be written. */
static void test_an_older_file_that_cannot_be_written_stays(void **state)
{
    (void)state;
    if (geteuid() != 0) skip(); /* has to become somebody who is not the owner */
    Err err;
    Db *old;
    char folder[128], name[160];
    snprintf(folder, sizeof folder, "%s.theirs", fixture_file());
    snprintf(name, sizeof name, "%s/old.db", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    make_older(name, 1);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(chmod(folder, 0755), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        bool as_expected = setuid(65534) == 0 && !results_open(&old, name, &err) &&
                           strstr(err.text, "version 1 of the results schema") != NULL &&
                           strchr(err.text, '\n') == NULL;
        if (!as_expected) fprintf(stderr, "# %s\n", err.text);
        _exit(as_expected ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_string_equal(fixture_value_in(name, "PRAGMA user_version"), "1");
    char command[256];
    snprintf(command, sizeof command, "%s-wal", name);
    unlink(command);
    snprintf(command, sizeof command, "%s-shm", name);
    unlink(command);
    unlink(name);
    folder[strlen(folder)] = '/';
    assert_int_equal(rmdir(folder), 0);
}

static void test_a_file_that_another_one_keeps_for_itself_is_reported(void **state)
{
    (void)state;
    Err err;
    Db *other;
    sqlite3 *owner;
    store_case_end();
    assert_int_equal(sqlite3_open(fixture_file(), &owner), SQLITE_OK);
    assert_int_equal(sqlite3_exec(owner, "PRAGMA locking_mode = EXCLUSIVE; UPDATE run SET seed = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_fails(results_open(&other, fixture_file(), &err), "locked by another program");
    assert_fails(store_open(&store, fixture_file(), &err), "locked by another program");
    store = NULL;
    sqlite3_close(owner);
    assert_ok(results_open(&other, fixture_file(), &err));
    results_close(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_files_that_are_no_results_are_refused),
        TEST(test_cut_and_overwritten_files_are_refused),
        TEST(test_older_files_are_brought_up_to_date),
        TEST(test_an_older_file_that_cannot_be_written_stays),
        TEST(test_a_file_that_another_one_keeps_for_itself_is_reported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
