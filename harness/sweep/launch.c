/* One poll loop over the pipes of all workers. */
#include "launch.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "progress.h"
#include "worker_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { POLL_MS = 200 };

typedef struct {
    int job;
    pid_t pid;
    int fd; /* reads the worker's standard output */
    char line[WORKER_LINE_SIZE];
    size_t n_line;
    WorkerLine last; /* newest message */
    bool reported;   /* has it told its step yet? */
    double t_begin;
} Worker;

typedef struct {
    const LaunchJob *jobs;
    int n_jobs, next;
    const LaunchOptions *options;
    Worker *workers;
    int n_running;
    LaunchCount count;
    int64_t ended_steps; /* of jobs that have ended */
    bool told_to_stop;
    Progress progress;
} Launch;

/* An unnamed file that holds the job's text, to be the worker's standard input. */
static bool job_input(int *out, const LaunchJob *job, Err *err)
{
    FILE *file = tmpfile();
    if (file == NULL) return err_set(err, ERR_IO, "temporary file: %s", strerror(errno));
    bool ok = fputs(job->input, file) >= 0 && fflush(file) == 0;
    int fd = ok ? dup(fileno(file)) : -1;
    if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0) {
        err_set(err, ERR_IO, "temporary file: %s", strerror(errno));
        if (fd >= 0) close(fd);
        fd = -1;
    }
    (void)fclose(file); /* fd is a copy */
    *out = fd;
    return fd >= 0;
}

/* pid of a process with the three standard files given, in its own process group; 0 or errno. */
static int spawn(pid_t *pid, char *const *argv, int in, int out, const char *log_path)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_path,
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static bool start_worker(Launch *launch, Err *err)
{
    const LaunchJob *job = &launch->jobs[launch->next];
    int in = -1, pipe_fds[2];
    if (!job_input(&in, job, err)) return false;
    if (pipe(pipe_fds) != 0) {
        close(in);
        return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
    }
    int close_on_exec[] = {in, pipe_fds[0], pipe_fds[1]};
    for (int i = 0; i < 3; i++) (void)fcntl(close_on_exec[i], F_SETFD, FD_CLOEXEC);
    Worker worker = {.job = launch->next, .fd = pipe_fds[0], .t_begin = clock_seconds()};
    int failed = spawn(&worker.pid, launch->options->argv, in, pipe_fds[1], job->log_path);
    close(in);
    close(pipe_fds[1]);
    if (failed != 0) {
        close(pipe_fds[0]);
        return err_set(err, ERR_IO, "starting a worker (log %s): %s", job->log_path,
                       strerror(failed));
    }
    launch->workers[launch->n_running++] = worker;
    launch->next++;
    return true;
}

static void take_line(Launch *launch, Worker *worker)
{
    WorkerLine line;
    if (!worker_line_parse(&line, worker->line)) {
        log_debug("%s: %s", launch->jobs[worker->job].name, worker->line);
        return;
    }
    /* A resumed job begins in the middle: what it did earlier must not count as speed. */
    bool resumed = !line.ended && !worker->reported && line.step > 1;
    if (resumed) launch->progress.first += line.step - 1;
    if (line.ended) line.step = worker->last.step;
    if (line.ended && line.end == WORKER_MADE) line.step = launch->jobs[worker->job].steps;
    worker->reported = true;
    worker->last = line;
}

static void take_bytes(Launch *launch, Worker *worker, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (worker->n_line + 1 < sizeof worker->line) {
                worker->line[worker->n_line++] = bytes[i];
            }
            continue;
        }
        worker->line[worker->n_line] = 0;
        worker->n_line = 0;
        take_line(launch, worker);
    }
}

/* One line for people, with the progress line out of the way. */
static void tell_end(Launch *launch, const Worker *worker, const char *what, bool is_warning)
{
    const LaunchJob *job = &launch->jobs[worker->job];
    char took[32];
    clock_format(took, sizeof took, clock_seconds() - worker->t_begin);
    if (is_warning) {
        progress_clear(&launch->progress);
        log_warn("%s: %s", job->name, what);
    } else if (!launch->progress.on_terminal) {
        log_info("%s: %s, %s", job->name, what, took);
    }
}

/* A worker that ended without its closing message, or with a failure. */
static void tell_failure(Launch *launch, const Worker *worker, int status)
{
    const char *log_path = launch->jobs[worker->job].log_path;
    char what[WORKER_LINE_SIZE + 256];
    if (worker->last.ended && worker->last.end == WORKER_FAILED) {
        snprintf(what, sizeof what, "failed: %s", worker->last.text);
    } else if (WIFSIGNALED(status)) {
        snprintf(what, sizeof what, "its worker was killed by signal %d (%s), see %s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)), log_path);
    } else {
        snprintf(what, sizeof what, "its worker ended with status %d, see %s", WEXITSTATUS(status),
                 log_path);
    }
    launch->count.failed++;
    tell_end(launch, worker, what, true);
}

static void count_end(Launch *launch, const Worker *worker, int status)
{
    const WorkerLine *last = &worker->last;
    bool clean = last->ended && last->end != WORKER_FAILED && WIFEXITED(status);
    if (!clean) {
        tell_failure(launch, worker, status);
        return;
    }
    char what[WORKER_LINE_SIZE + 64];
    if (last->end == WORKER_INTERRUPTED) {
        launch->count.interrupted++;
        tell_end(launch, worker, "interrupted, its state is saved", false);
    } else if (last->end == WORKER_DIVERGED) {
        launch->count.diverged++;
        snprintf(what, sizeof what, "diverged %s", last->text);
        tell_end(launch, worker, what, true);
    } else {
        launch->count.made += last->end == WORKER_MADE;
        launch->count.stored += last->end == WORKER_STORED;
        snprintf(what, sizeof what, "%s", last->text[0] ? last->text : "done");
        tell_end(launch, worker, what, false);
    }
}

static void end_worker(Launch *launch, int index)
{
    Worker *worker = &launch->workers[index];
    close(worker->fd);
    int status = 0;
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) continue;
    count_end(launch, worker, status);
    launch->ended_steps += worker->last.step; /* and it will make no more of them */
    launch->progress.total -= launch->jobs[worker->job].steps - worker->last.step;
    launch->workers[index] = launch->workers[--launch->n_running];
}

static void draw(Launch *launch)
{
    int64_t done = launch->ended_steps;
    for (int i = 0; i < launch->n_running; i++) done += launch->workers[i].last.step;
    int n_ended = launch->next - launch->n_running;
    char note[256];
    int n = snprintf(note, sizeof note, "%d of %d runs done, at work:", n_ended, launch->n_jobs);
    for (int i = 0; i < launch->n_running && n < (int)sizeof note; i++) {
        const Worker *worker = &launch->workers[i];
        n += snprintf(note + n, sizeof note - (size_t)n, "%s %s", i > 0 ? ";" : "",
                      launch->jobs[worker->job].name);
    }
    progress_update(&launch->progress, done, note);
}

static void tell_workers_to_stop(Launch *launch)
{
    if (launch->told_to_stop) return;
    launch->told_to_stop = true;
    progress_clear(&launch->progress);
    log_info("stopping: %d workers save their state", launch->n_running);
    for (int i = 0; i < launch->n_running; i++) kill(launch->workers[i].pid, SIGTERM);
}

/* Waits a moment for news of any worker and takes it in. */
static void listen(Launch *launch, struct pollfd *polls)
{
    for (int i = 0; i < launch->n_running; i++) {
        polls[i] = (struct pollfd){.fd = launch->workers[i].fd, .events = POLLIN};
    }
    if (poll(polls, (nfds_t)launch->n_running, POLL_MS) <= 0) return;
    for (int i = launch->n_running - 1; i >= 0; i--) {
        if (polls[i].revents == 0) continue;
        char bytes[4096];
        ssize_t n = read(launch->workers[i].fd, bytes, sizeof bytes);
        if (n > 0)
            take_bytes(launch, &launch->workers[i], bytes, (size_t)n);
        else if (n == 0 || errno != EINTR)
            end_worker(launch, i);
    }
}

bool launch_all(LaunchCount *out, const LaunchJob *jobs, int n_jobs, const LaunchOptions *options,
                Err *err)
{
    check(options->n_workers >= 1, "%d workers", options->n_workers);
    Launch launch = {.jobs = jobs, .n_jobs = n_jobs, .options = options};
    launch.workers = mem_alloc((size_t)options->n_workers, sizeof *launch.workers);
    struct pollfd *polls = mem_alloc((size_t)options->n_workers, sizeof *polls);
    int64_t steps = 0;
    for (int i = 0; i < n_jobs; i++) steps += jobs[i].steps;
    progress_begin(&launch.progress, options->label, steps, "steps");
    bool ok = true;
    while (launch.n_running > 0 || (ok && launch.next < n_jobs && !*options->stop)) {
        while (ok && !*options->stop && launch.n_running < options->n_workers &&
               launch.next < n_jobs) {
            ok = start_worker(&launch, err);
        }
        if (*options->stop || !ok) tell_workers_to_stop(&launch);
        listen(&launch, polls);
        draw(&launch);
    }
    progress_end(&launch.progress);
    launch.count.interrupted += n_jobs - launch.next;
    free(polls);
    free(launch.workers);
    *out = launch.count;
    return ok;
}
