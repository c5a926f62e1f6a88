/* Every task runs exactly once, whatever the number of threads. */
#include "test.h"

#include "thread_pool.h"

static void count_task(void *context, int task, int thread)
{
    int *counts = context;
    (void)thread;
    counts[task]++;
}

static void test_each_task_runs_once(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        ThreadPool *pool = thread_pool_new(n_threads);
        for (int round = 0; round < 500; round++) {
            int counts[37] = {0};
            int n_tasks = round % 38;
            thread_pool_run(pool, n_tasks, count_task, counts);
            for (int i = 0; i < 37; i++) assert_int_equal(counts[i], i < n_tasks);
        }
        thread_pool_free(pool);
    }
}

static void test_null_pool_is_one_thread(void **state)
{
    (void)state;
    int counts[3] = {0};
    thread_pool_run(NULL, 3, count_task, counts);
    assert_int_equal(counts[0] + counts[1] + counts[2], 3);
    assert_int_equal(thread_pool_size(NULL), 1);
    thread_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_task_runs_once),
        cmocka_unit_test(test_null_pool_is_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
