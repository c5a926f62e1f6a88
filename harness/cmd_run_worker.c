/* `dgbench run-worker`: one run of a sweep, in a process of its own. Reads the spec as JSON from
 * standard input, tells how it goes on standard output (sweep/worker_line.h). */
#include "clock.h"
#include "commands.h"
#include "registry.h"
#include "run.h"
#include "run_report.h"
#include "stop_signal.h"
#include "worker_line.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_SPEC_BYTES = 1 << 20 };

#define SECONDS_BETWEEN_LINES 0.2

/* A sweep that is gone cannot read: then the worker saves its state and ends. */
static void send_line(const WorkerLine *line)
{
    char text[WORKER_LINE_SIZE];
    worker_line_format(text, line);
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0) stop_signal_raise();
}

static void send_progress(void *context, const RunProgress *p)
{
    double *sent = context, now = clock_seconds();
    if (now - *sent < SECONDS_BETWEEN_LINES) return;
    *sent = now;
    WorkerLine line = {.step = p->step, .steps = p->steps, .loss = p->loss};
    snprintf(line.text, sizeof line.text, "%s", p->phase);
    send_line(&line);
}

static bool read_input(char **out, Err *err)
{
    Str text = {0};
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, stdin)) > 0 && text.n < MAX_SPEC_BYTES) {
        str_add_n(&text, bytes, n);
    }
    *out = text.text;
    return text.n > 0 || err_set(err, ERR_FORMAT, "standard input: expected a run's spec as JSON");
}

static bool read_spec(RunSpec *out, Arena *arena, Err *err)
{
    char *json = NULL;
    RunTables *tables = arena_alloc(arena, 1, sizeof *tables);
    *tables = method_tables(arena);
    const RunKeys *keys = run_keys_new(tables, arena);
    bool ok = read_input(&json, err) && run_spec_from_json(out, keys, json, arena, err);
    free(json);
    return ok;
}

static WorkerEnd end_of(bool ok, RunOutcome outcome, const Err *err)
{
    if (!ok) return err->code == ERR_INTERRUPTED ? WORKER_INTERRUPTED : WORKER_FAILED;
    switch (outcome) {
    case RUN_MADE:
        return WORKER_MADE;
    case RUN_WAS_STORED:
        return WORKER_STORED;
    case RUN_ENDED_DIVERGED:
        break;
    }
    return WORKER_DIVERGED;
}

static bool run_worker(const Args *args, Err *err)
{
    (void)args;
    signal(SIGPIPE, SIG_IGN);
    Arena *arena = arena_new();
    double sent = 0;
    RunHooks hooks = {stop_signal_install(), send_progress, &sent};
    RunOutcome outcome = RUN_MADE;
    RunSpec spec;
    char key[SHA256_HEX_SIZE];
    Str text = {0};
    bool ok = read_spec(&spec, arena, err) && run_execute(&outcome, key, &spec, &hooks, err);
    if (ok && outcome == RUN_MADE) ok = run_report_held_out(&text, spec.results, key, err);
    WorkerLine line = {.ended = true, .end = end_of(ok, outcome, err)};
    snprintf(line.text, sizeof line.text, "%s", ok ? str_text(&text) : err->text);
    send_line(&line);
    str_done(&text);
    arena_free(arena);
    return ok;
}

const Command command_run_worker = {
    .name = "run-worker",
    .operands = "",
    .help = "one run of a sweep: spec as JSON on standard input",
    .example = "dgbench run-worker < spec.json",
    .run = run_worker,
    .hidden = true,
};
