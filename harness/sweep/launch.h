/* Many jobs on a few cores: each job is a process of its own, so that a crash costs one job only.
 * A worker gets its job's text on standard input, tells how it goes on standard output
 * (worker_line.h), and its standard error goes to the job's log. It runs in a process group of its
 * own: Ctrl-C reaches the sweep alone, which then asks the workers to stop.
 *
 *     LaunchOptions options = {.argv = argv, .n_workers = 2, .stop = stop};
 *     LaunchCount count;
 *     if (!launch_all(&count, jobs, n_jobs, &options, err)) return false;
 *
 * Draws one progress line for all of it (progress.h); where standard error is no terminal, a line
 * per job that has ended, too.
 */
#ifndef SWEEP_LAUNCH_H
#define SWEEP_LAUNCH_H

#include "err.h"

#include <signal.h>
#include <stdint.h>

typedef struct {
    const char *name;     /* for people: "erm, held out line, trial 0" */
    const char *input;    /* what the worker reads from standard input */
    const char *log_path; /* its standard error is appended here */
    int64_t steps;        /* what it counts up to, for the overall progress */
} LaunchJob;

typedef struct {
    char *const *argv;                 /* of a worker, closed by NULL; argv[0] is a path */
    int n_workers;                     /* at a time, at least 1 */
    const volatile sig_atomic_t *stop; /* non-zero: workers get SIGTERM, no new ones start */
    const char *label;                 /* of the progress line */
} LaunchOptions;

typedef struct {
    int made, stored, diverged;
    int failed; /* by their own word, a signal or a wrong exit status; each was logged as a warning
                 */
    int interrupted; /* asked to stop, or never started because of it */
} LaunchCount;

/* Returns when all workers have ended. False only when no worker can be started at all. */
MUST_USE bool launch_all(LaunchCount *out, const LaunchJob *jobs, int n_jobs,
                         const LaunchOptions *options, Err *err);

#endif
