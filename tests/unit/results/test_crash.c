/* Several writers, kills, a full disk: nothing that was stored is lost, nothing is half there. */
#include "fixture.h"
#include "store_internal.h"
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_WRITERS = 4, N_CHECKPOINTS = 15, N_KILLS = 12 };

static const char *path;

static int setup(void **state)
{
    (void)state;
    path = fixture_path();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove();
    return 0;
}

static bool log_checkpoint(StoreRun *run, int64_t step, Err *err)
{
    StoreOutcome outcomes[4];
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        StoreEval eval = fixture_eval(step, "raw", domain, "out", 50);
        for (int i = 0; i < 4; i++) outcomes[i] = (StoreOutcome){4 * domain + i, 0, 0.5F};
        store_eval(run, &eval, outcomes, 4);
    }
    store_train_log(run, step, "loss", 1.0);
    return store_checkpoint_commit(run, step, err);
}

/* What a worker process does: opens (perhaps makes) the file, registers, runs. */
static bool work(const char *key, int n_checkpoints, Err *err)
{
    Store *store;
    StoreRun *run;
    int64_t dataset;
    StoreDataset info = fixture_dataset();
    if (!store_open(&store, path, err) || !store_dataset(store, &dataset, &info, err)) return false;
    StoreRunInfo run_info = fixture_run_info(key, dataset);
    if (!store_run_begin(store, &run, &run_info, STORE_FRESH, err)) return false;
    for (int step = 1; step <= n_checkpoints; step++) {
        if (!log_checkpoint(run, step, err)) return false;
    }
    if (!store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, err)) return false;
    store_run_free(run);
    store_close(store);
    return true;
}

static void test_processes_write_one_file_at_the_same_time(void **state)
{
    (void)state;
    pid_t children[N_WRITERS];
    for (int i = 0; i < N_WRITERS; i++) {
        (void)fflush(NULL);
        children[i] = fork();
        if (children[i] == 0) {
            Err err;
            char key[16];
            snprintf(key, sizeof key, "writer-%d", i);
            bool ok = work(key, N_CHECKPOINTS, &err);
            if (!ok) fprintf(stderr, "# %s\n", err.text);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < N_WRITERS; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_string_equal(fixture_value("SELECT count(*) || status FROM run GROUP BY status"),
                        "4done");
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "1");
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "60");
    assert_string_equal(fixture_value("SELECT count(*) FROM outcome"), "720");
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
}

static int kill_now(void *unused)
{
    (void)unused;
    return raise(SIGKILL);
}

/* In a child: one whole checkpoint, then a second one killed after so many hundred steps of
 * SQLite's machine. */
static void die_in_the_second_checkpoint(int instructions)
{
    Err err;
    Store *store;
    StoreRun *run;
    int64_t dataset;
    StoreDataset info = fixture_dataset();
    if (!store_open(&store, path, &err) || !store_dataset(store, &dataset, &info, &err)) _exit(1);
    StoreRunInfo run_info = fixture_run_info("killed", dataset);
    if (!store_run_begin(store, &run, &run_info, STORE_FRESH, &err) ||
        !log_checkpoint(run, 1, &err))
        _exit(1);
    sqlite3_progress_handler(db_handle(store->db), instructions, kill_now, NULL);
    bool ok = log_checkpoint(run, 2, &err);
    _exit(ok ? 2 : 1);
}

static void test_kill_in_a_checkpoint_loses_only_that_checkpoint(void **state)
{
    (void)state;
    int n_killed = 0;
    for (int i = 0; i < N_KILLS; i++) {
        (void)fflush(NULL);
        pid_t child = fork();
        if (child == 0) die_in_the_second_checkpoint(1 + 97 * i);
        int status;
        waitpid(child, &status, 0);
        n_killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 2); /* 2: it was through before */
        Err err;
        Store *store;
        RunStatus run_status;
        assert_ok(store_open(&store, path, &err));
        assert_ok(store_run_find(store, &run_status, NULL, "killed", &err));
        assert_int_equal(run_status, RUN_RUNNING);
        store_close(store);
        const char *want = WIFSIGNALED(status) ? "1 3 12 1" : "2 6 24 2";
        assert_string_equal(
            fixture_value(
                "SELECT (SELECT count(*) FROM checkpoint) || ' ' || (SELECT count(*) FROM"
                " eval) || ' ' || (SELECT count(*) FROM outcome) || ' ' || (SELECT last_step"
                " FROM run)"),
            want);
        assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
    }
    assert_true(n_killed >= N_KILLS / 2);
}

static void test_full_disk_is_one_clear_error_and_nothing_is_lost(void **state)
{
    (void)state;
    Err err;
    Store *store;
    StoreRun *run;
    int64_t dataset;
    StoreDataset info = fixture_dataset();
    assert_ok(store_open(&store, path, &err));
    assert_ok(store_dataset(store, &dataset, &info, &err));
    StoreRunInfo run_info = fixture_run_info("full", dataset);
    assert_ok(store_run_begin(store, &run, &run_info, STORE_FRESH, &err));
    assert_ok(db_script(store->db, "PRAGMA max_page_count = 1", &err)); /* as small as it is now */
    int64_t step = 0;
    while (log_checkpoint(run, ++step, &err)) assert_true(step < 1000);
    assert_non_null(strstr(err.text, "disk full"));
    char want[64];
    snprintf(want, sizeof want, "%lld %lld", (long long)step - 1, (long long)(step - 1) * 12);
    static const char counts[] =
        "SELECT (SELECT count(*) FROM checkpoint) || ' ' || (SELECT count(*) FROM outcome)";
    assert_true(step > 1);
    assert_string_equal(fixture_value(counts), want);
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
    assert_ok(db_script(store->db, "PRAGMA max_page_count = 100000",
                        &err)); /* room again: the call is repeated */
    assert_ok(store_checkpoint_commit(run, step, &err));
    snprintf(want, sizeof want, "%lld %lld", (long long)step, (long long)step * 12);
    assert_string_equal(fixture_value(counts), want);
    store_run_free(run);
    store_close(store);
}

static void test_locked_file_is_reported(void **state)
{
    (void)state;
    Err err;
    Store *store, *other;
    assert_ok(store_open(&store, path, &err));
    assert_ok(store_open(&other, path, &err));
    assert_ok(db_begin(store->db, &err));
    sqlite3_busy_timeout(db_handle(other->db), 20);
    int64_t dataset;
    StoreDataset info = fixture_dataset();
    assert_fails(store_dataset(other, &dataset, &info, &err), "locked by another program");
    db_rollback(store->db);
    assert_ok(store_dataset(other, &dataset, &info, &err));
    store_close(other);
    store_close(store);
}

static void test_damaged_file_is_reported(void **state)
{
    (void)state;
    Err err;
    Store *store;
    assert_true(work("k", 3, &err));
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    (void)fseek(file, 4096, SEEK_SET);
    for (int i = 0; i < 200000; i++) fputc(0xa5, file);
    (void)fclose(file);
    bool ok = store_open(&store, path, &err);
    if (ok) {
        RunStatus status;
        ok = store_run_find(store, &status, NULL, "k", &err);
        store_close(store);
    }
    assert_false(ok);
    assert_non_null(strstr(err.text, "damaged"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_processes_write_one_file_at_the_same_time),
                                       TEST(test_kill_in_a_checkpoint_loses_only_that_checkpoint),
                                       TEST(test_full_disk_is_one_clear_error_and_nothing_is_lost),
                                       TEST(test_locked_file_is_reported),
                                       TEST(test_damaged_file_is_reported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
