/* Merging: files of another version, damaged, locked, somebody else's. */
#include "file.h"
#include "fixture.h"
#include "merge_case.h"
#include "results_files.h"
#include "test.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_version_1(const char *file)
{
    sql_in(file, schema_files[0].text);
    sql_in(file,
           "PRAGMA application_id = 1684496945; PRAGMA user_version = 1;"
           "INSERT INTO dataset VALUES (5, 'old', 'f00d', 1); INSERT INTO domain VALUES (7, 5, 0, "
           "'art');"
           "INSERT INTO class VALUES (3, 5, 0, 'cat', 'cat'); INSERT INTO image VALUES (9, 5, 0, "
           "7, 3, 'p', NULL, NULL);"
           "INSERT INTO environment VALUES (1, '0', 'c', 'c', 'b', 'c', 1);"
           "INSERT INTO run (id, key, dataset_id, method, held_out, n_held_out, split_rule, trial, "
           "hparams_seed, seed,"
           " variant, status, steps, started, updated, threads, environment_id, protocol, spec) "
           "VALUES (4, 'old-run', 5,"
           " 'erm', 'art', 1, 'image', 0, 0, 0, 'raw', 'done', 1, 'now', 'now', 1, 1, '', '{}');"
           "INSERT INTO run_experiment VALUES ('old', 4); INSERT INTO run_domain VALUES (4, 7, "
           "'held_out');"
           "INSERT INTO checkpoint VALUES (8, 4, 1, 'raw', NULL, NULL);"
           "INSERT INTO eval VALUES (8, 7, 'in', 1, 1, 1.0, 0.5, 0.0, NULL, NULL);");
}

static void test_an_older_source_is_brought_up_to_date_on_a_copy(void **state)
{
    (void)state;
    make_version_1(source_path);
    uint64_t before = bytes_digest(source_path);
    merge_file(source_path);
    assert_int_equal(merge_counts.added, 1);
    assert_true(bytes_digest(source_path) == before);
    assert_string_equal(fixture_value("SELECT name || selection FROM experiment"),
                        "oldtraining-domain");
    assert_string_equal(fixture_value("SELECT domain || accuracy FROM eval_info"), "art1.0");
    char **names, folder[128];
    int n;
    Err err;
    Arena *arena = arena_new();
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(target_path, '/') - target_path),
             target_path);
    assert_ok(file_list(&names, &n, folder, arena, &err));
    for (int i = 0; i < n; i++) assert_null(strstr(names[i], "older"));
    arena_free(arena);
}

static void cut_file(const char *file, off_t size)
{
    assert_int_equal(truncate(file, size), 0);
}

static void overwrite(const char *file, long at, int n)
{
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    (void)fseek(f, at, SEEK_SET);
    for (int i = 0; i < n; i++) fputc(0xa5, f);
    (void)fclose(f);
}

/* One line, and the target holds what it held. */
static void assert_refused(const char *source, const char *why)
{
    Err err;
    assert_fails(merge_check(source, &err), why);
    assert_non_null(strstr(err.text, source));
    if (strcmp(why, "damaged") != 0) { /* only a check reads all of it before anything is copied */
        assert_false(merge_now(source, &err));
        assert_non_null(strstr(err.text, why));
    }
    assert_string_equal(fixture_value("SELECT group_concat(key) FROM run"), "mine");
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "1");
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
}

static void test_files_that_cannot_be_merged_change_nothing(void **state)
{
    (void)state;
    make_file(target_path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50, false}, {0}});
    assert_refused(source_path, "no such file");
    assert_int_equal(mkdir(source_path, 0777), 0);
    assert_refused(source_path, "a folder, expected a results file");
    rmdir(source_path);
    sql_in(source_path, "");
    assert_refused(source_path, "empty, expected a results file");
    sql_in(source_path, "CREATE TABLE x (y)");
    assert_refused(source_path, "a database of another program");
    unlink(source_path);
    make_many();
    int64_t size = file_size(source_path);
    overwrite(source_path, size / 2 / 4096 * 4096, 8192);
    assert_refused(source_path, "damaged");
    cut_file(source_path, size / 3);
    assert_refused(source_path, "damaged");
    cut_file(source_path, 1000);
    assert_refused(source_path, "damaged");
    overwrite(source_path, 0, 1000);
    assert_refused(source_path, "not a database");
    unlink(source_path);
    make_full_file(source_path);
    sql_in(source_path, "PRAGMA user_version = 99");
    assert_refused(source_path, "version 99 of the results schema, this dgbench knows up to 4");
}

static void test_a_dataset_with_another_content_is_refused(void **state)
{
    (void)state;
    Err err;
    make_file(target_path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50, false}, {0}});
    make_full_file(source_path);
    sql_in(source_path, "UPDATE domain SET name = 'cartoon' WHERE name = 'photo'");
    assert_false(merge_now(source_path, &err));
    assert_non_null(strstr(err.text, "dataset \"tiny\" has other domains, classes or images"));
    assert_string_equal(fixture_value("SELECT group_concat(key) FROM run"), "mine");
    assert_string_equal(fixture_value("SELECT group_concat(name) FROM domain"), "art,photo,sketch");
}

static void test_locked_files_are_reported(void **state)
{
    (void)state;
    Err err;
    Db *other;
    make_file(target_path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50, false}, {0}});
    make_full_file(source_path);
    assert_ok(db_open(&other, source_path, DB_WRITE, &err));
    assert_ok(db_script(other, "PRAGMA locking_mode = EXCLUSIVE; UPDATE run SET seed = 1", &err));
    assert_refused(source_path, "locked by another program");
    db_close(other);
    assert_ok(db_open(&other, target_path, DB_WRITE, &err));
    assert_ok(db_begin(other, &err));
    assert_false(merge_now(source_path, &err));
    assert_non_null(strstr(err.text, "locked by another program"));
    db_rollback(other);
    db_close(other);
    merge_file(source_path);
    assert_int_equal(merge_counts.added, MERGE_FULL);
}

/* Somebody else's file, on a folder of theirs. */
static void test_a_source_that_cannot_be_written_is_read(void **state)
{
    (void)state;
    if (geteuid() != 0) skip(); /* has to become somebody who is not the owner */
    char folder[160], file[200];
    Err err;
    snprintf(folder, sizeof folder, "%s.theirs", target_path);
    snprintf(file, sizeof file, "%s/a.db", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(chmod(folder, 0755), 0);
    folder[strlen(folder)] = '/';
    make_full_file(file);
    uint64_t before = bytes_digest(file);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(setuid(65534) == 0 && merge_check(file, &err) ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(bytes_digest(file) == before);
    unlink(file);
    assert_int_equal(rmdir(folder), 0); /* nothing was left beside it */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, merge_setup, merge_teardown)
    const struct CMUnitTest tests[] = {TEST(test_an_older_source_is_brought_up_to_date_on_a_copy),
                                       TEST(test_files_that_cannot_be_merged_change_nothing),
                                       TEST(test_a_dataset_with_another_content_is_refused),
                                       TEST(test_locked_files_are_reported),
                                       TEST(test_a_source_that_cannot_be_written_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
