/* Workers wait briefly in a spin (a training step issues hundreds of short jobs), then sleep. */
#define _GNU_SOURCE  /* sched_getaffinity: the cores this process may use, not those of the machine \
                      */
#include "thread_pool.h"

#include "err.h"
#include "mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { SPIN_ROUNDS = 4000 }; /* about 20-50 microseconds before a worker sleeps */

typedef struct {
    ThreadPool *pool;
    pthread_t handle;
    int thread;
} Worker;

struct ThreadPool {
    int n_threads;
    Worker *workers; /* n_threads - 1 */
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished;
    atomic_uint job;   /* counts jobs: a change tells workers that there is one */
    atomic_int next;   /* next task to take */
    atomic_int active; /* workers that have not finished the job */
    int n_tasks;
    ThreadTask *task;
    void *context;
    atomic_bool stop;
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_tasks(ThreadPool *pool, int thread)
{
    for (;;) {
        int task = atomic_fetch_add(&pool->next, 1);
        if (task >= pool->n_tasks) return;
        pool->task(pool->context, task, thread);
    }
}

static void wait_for_job(ThreadPool *pool, unsigned seen)
{
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load(&pool->job) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->job) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument)
{
    Worker *worker = argument;
    ThreadPool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        wait_for_job(pool, seen);
        seen = atomic_load(&pool->job);
        if (atomic_load(&pool->stop)) return NULL;
        take_tasks(pool, worker->thread);
        if (atomic_fetch_sub(&pool->active, 1) == 1) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

ThreadPool *thread_pool_new(int n_threads)
{
    check(n_threads >= 1, "%d threads", n_threads);
    ThreadPool *pool = mem_alloc(1, sizeof *pool);
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->workers = mem_alloc((size_t)n_threads - 1, sizeof *pool->workers);
    for (int i = 0; i < n_threads - 1; i++) {
        pool->workers[i] = (Worker){.pool = pool, .thread = i + 1};
        int failed = pthread_create(&pool->workers[i].handle, NULL, worker_main, &pool->workers[i]);
        check(failed == 0, "cannot start thread %d of %d", i + 1, n_threads);
    }
    return pool;
}

static void announce_job(ThreadPool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->job, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void thread_pool_free(ThreadPool *pool)
{
    if (pool == NULL) return;
    atomic_store(&pool->stop, true);
    announce_job(pool);
    for (int i = 0; i < pool->n_threads - 1; i++) pthread_join(pool->workers[i].handle, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

int thread_pool_size(const ThreadPool *pool)
{
    return pool != NULL ? pool->n_threads : 1;
}

static void wait_for_workers(ThreadPool *pool)
{
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load(&pool->active) == 0) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->active) != 0) pthread_cond_wait(&pool->finished, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

void thread_pool_run(ThreadPool *pool, int n_tasks, ThreadTask *task, void *context)
{
    if (pool == NULL || pool->n_threads == 1 || n_tasks <= 1) {
        for (int i = 0; i < n_tasks; i++) task(context, i, 0);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->n_tasks = n_tasks;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->active, pool->n_threads - 1);
    announce_job(pool);
    take_tasks(pool, 0);
    wait_for_workers(pool);
}

int thread_count_online(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
