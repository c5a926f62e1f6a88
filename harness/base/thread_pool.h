/* Threads inside one run. A pool of n threads is the caller plus n-1 workers.
 *
 * thread_pool_run cuts work into tasks and returns when all are done. Which thread takes which task
 * is not fixed, so a task must write only what belongs to it; then results do not depend on timing.
 * The cut itself (n_tasks) may depend on the number of threads: results are bit-identical for the
 * same machine and thread count.
 */
#ifndef BASE_THREAD_POOL_H
#define BASE_THREAD_POOL_H

typedef struct ThreadPool ThreadPool;

/* task: 0..n_tasks-1; thread: 0..n_threads-1 (for per-thread scratch). */
typedef void ThreadTask(void *context, int task, int thread);

ThreadPool *thread_pool_new(int n_threads);
void thread_pool_free(ThreadPool *pool);      /* NULL is fine */
int thread_pool_size(const ThreadPool *pool); /* 1 for NULL */

/* Runs task(context, 0..n_tasks-1, thread). With a NULL pool, one thread or one task, it is a plain
 * loop. Must not be called from inside a task. */
void thread_pool_run(ThreadPool *pool, int n_tasks, ThreadTask *task, void *context);

int thread_count_online(void); /* cores this process may use */

#endif
