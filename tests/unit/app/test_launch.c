/* Worker processes: jobs that end well, fail, die, or are asked to stop. The workers are small
 * shell programs that get their job's text on standard input. */
#include "test.h"

#include "file.h"
#include "launch.h"
#include "log.h"
#include "str.h"
#include "worker_line.h"

#include <signal.h>
#include <unistd.h>

static char folder[] = "/tmp/dgbench-test-launch-XXXXXX";
static char log_path[64];
static volatile sig_atomic_t stop;

static int setup(void **state)
{
    (void)state;
    stop = 0;
    log_set_level(LOG_QUIET);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(log_path);
    return rmdir(folder);
}

static bool launch(LaunchCount *count, const char *const *scripts, int n, Err *err)
{
    static char sh[] = "/bin/sh", s[] = "-s";
    char *const argv[] = {sh, s, NULL};
    LaunchJob jobs[8];
    for (int i = 0; i < n; i++) {
        jobs[i] = (LaunchJob){"job", scripts[i], log_path, 10};
    }
    LaunchOptions options = {.argv = argv, .n_workers = 2, .stop = &stop, .label = "test"};
    return launch_all(count, jobs, n, &options, err);
}

static void test_each_end_is_counted(void **state)
{
    (void)state;
    Err err;
    LaunchCount count;
    const char *scripts[] = {"echo step 1 10 0.5 train; echo end made",
                             "echo end stored",
                             "echo end diverged at step 3",
                             "echo end failed disk full",
                             "kill -KILL $$",
                             "echo noise >&2; exit 3",
                             "echo step 5 10 nan train; echo end interrupted"};
    assert_ok(launch(&count, scripts, 7, &err));
    assert_int_equal(count.made, 1);
    assert_int_equal(count.stored, 1);
    assert_int_equal(count.diverged, 1);
    assert_int_equal(count.failed, 3);
    assert_int_equal(count.interrupted, 1);
    assert_int_equal(file_size(log_path), strlen("noise\n"));
}

static void test_stop_asks_the_workers_and_starts_no_more(void **state)
{
    (void)state;
    Err err;
    LaunchCount count;
    const char *worker = "trap 'echo end interrupted; exit' TERM; echo step 1 10 1 train\n"
                         "while :; do sleep 0.05; done";
    const char *scripts[] = {worker, worker, "echo end made"};
    char setter[256]; /* Ctrl-C, 0.4 s after the start */
    snprintf(setter, sizeof setter, "(sleep 0.4; kill -USR1 %d) &\n%s", (int)getpid(), worker);
    scripts[0] = setter;
    assert_ok(launch(&count, scripts, 3, &err));
    assert_int_equal(count.made, 0);
    assert_int_equal(count.interrupted, 3);
}

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void test_log_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    Err err;
    LaunchCount count;
    char bad[128];
    snprintf(bad, sizeof bad, "%s/missing/log", folder);
    static char sh[] = "/bin/sh";
    char *const shell[] = {sh, NULL};
    LaunchJob job = {"job", "echo end made", bad, 1};
    LaunchOptions options = {.argv = shell, .n_workers = 1, .stop = &stop, .label = "test"};
    assert_fails(launch_all(&count, &job, 1, &options, &err), "No such file");
}

static void test_lines_survive_the_way(void **state)
{
    (void)state;
    char text[WORKER_LINE_SIZE];
    WorkerLine line = {.step = 12, .steps = 601, .loss = 0.25, .text = "train"}, back;
    worker_line_format(text, &line);
    assert_string_equal(text, "step 12 601 0.25 train\n");
    text[strlen(text) - 1] = 0;
    assert_true(worker_line_parse(&back, text));
    assert_int_equal(back.step, 12);
    assert_int_equal(back.steps, 601);
    assert_close(back.loss, 0.25, 0, 0);
    assert_string_equal(back.text, "train");
    worker_line_format(text, &(WorkerLine){.ended = true, .end = WORKER_FAILED, .text = "a\nb"});
    assert_string_equal(text, "end failed a b\n");
    assert_false(worker_line_parse(&back, "OpenBLAS: something"));
    assert_false(worker_line_parse(&back, "step x 1 1 train"));
    assert_false(worker_line_parse(&back, "end nobody knows"));
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_end_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_asks_the_workers_and_starts_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_that_cannot_be_written_is_an_error, setup,
                                        teardown),
        cmocka_unit_test(test_lines_survive_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
