/* Merging: a kill at any moment harms nothing. */
#include "fixture.h"
#include "merge_case.h"
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_KILLS = 24 };

/* How often SQLite's machine has gone on for 50 steps, and when the process dies of it. */
typedef struct {
    int n, last;
} Countdown;

static int count_and_die(void *data)
{
    Countdown *countdown = data;
    return ++countdown->n == countdown->last ? raise(SIGKILL) : 0;
}

static void merge_in_child(int last, int channel)
{
    Err err;
    Store *store;
    Countdown countdown = {0, last};
    if (!store_open(&store, target_path, &err)) _exit(1);
    sqlite3_progress_handler(db_handle(store->db), 50, count_and_die, &countdown);
    FILE *nowhere = fopen("/dev/null", "w");
    bool ok = merge_source(store, source_path, nowhere, &merge_counts, &err);
    ok = ok && write(channel, &countdown.n, sizeof countdown.n) > 0;
    _exit(ok ? 0 : 1);
}

/* Whether a merge died at this count; when it did not, *total is the count that it got to. */
static bool killed_in_merge(int last, int *total)
{
    (void)fflush(NULL);
    int channel[2], status;
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) merge_in_child(last, channel[1]);
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(read(channel[0], total, sizeof *total) == (ssize_t)sizeof *total);
    }
    close(channel[0]);
    close(channel[1]);
    return WIFSIGNALED(status);
}

static void test_a_kill_at_any_moment_loses_nothing(void **state)
{
    (void)state;
    int total = 0, n_killed = 0, n_between = 0;
    make_many();
    assert_false(killed_in_merge(0, &total)); /* never */
    assert_same_content(source_path, target_path, true);
    assert_true(total > N_KILLS);
    for (int i = 0; i < N_KILLS; i++) {
        char name[160];
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        for (int s = 0; s < 3; s++) {
            snprintf(name, sizeof name, "%s%s", target_path, suffixes[s]);
            unlink(name);
        }
        int ignored;
        n_killed += killed_in_merge(1 + (int)((int64_t)total * i / N_KILLS), &ignored);
        assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
        int n_runs = atoi(fixture_value("SELECT count(*) FROM run"));
        n_between += n_runs > 0 && n_runs < MERGE_MANY + MERGE_FULL;
        assert_true(n_runs == MERGE_MANY + MERGE_FULL || n_runs % 200 == 0); /* whole batches */
        merge_file(source_path);
        assert_int_equal(merge_counts.same, n_runs);
        assert_int_equal(merge_counts.added, MERGE_MANY + MERGE_FULL - n_runs);
        assert_same_content(source_path, target_path, true);
    }
    assert_int_equal(n_killed, N_KILLS);
    assert_true(n_between >= 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, merge_setup, merge_teardown)
    const struct CMUnitTest tests[] = {TEST(test_a_kill_at_any_moment_loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
