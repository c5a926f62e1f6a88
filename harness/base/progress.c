/* One redrawn line on a terminal, sparse plain lines elsewhere. */
#include "progress.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

void progress_begin(Progress *p, const char *label, int64_t total, const char *unit)
{
    *p = (Progress){.total = total, .t_begin = clock_seconds()};
    p->t_shown = p->t_begin;
    snprintf(p->label, sizeof p->label, "%s", label);
    snprintf(p->unit, sizeof p->unit, "%s", unit);
    p->on_terminal = isatty(STDERR_FILENO) == 1;
    p->quiet = log_level() == LOG_QUIET;
}

void progress_start_at(Progress *p, int64_t done)
{
    p->first = done;
    p->done = done;
}

static void draw(Progress *p, const char *note)
{
    double seconds = clock_seconds() - p->t_begin;
    double rate = seconds > 0 ? (double)(p->done - p->first) / seconds : 0;
    char eta[32] = "?";
    if (rate > 0) clock_format(eta, sizeof eta, (double)(p->total - p->done) / rate);
    char bar[BAR_WIDTH + 1] = {0};
    int full = p->total > 0 ? (int)(p->done * BAR_WIDTH / p->total) : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)(full < 0 ? 0 : full > BAR_WIDTH ? BAR_WIDTH : full));
    if (p->on_terminal) {
        fprintf(stderr, "\r\033[K%s [%s] %lld/%lld %s, %.1f/s, ETA %s%s%s", p->label, bar,
                (long long)p->done, (long long)p->total, p->unit, rate, eta, note[0] ? ", " : "",
                note);
    } else {
        fprintf(stderr, "%s: %lld/%lld %s, %.1f/s, ETA %s%s%s\n", p->label, (long long)p->done,
                (long long)p->total, p->unit, rate, eta, note[0] ? ", " : "", note);
    }
    (void)fflush(stderr);
    p->shown = true;
    p->t_shown = clock_seconds();
}

void progress_update(Progress *p, int64_t done, const char *note)
{
    p->done = done;
    if (p->quiet) return;
    double wait = p->on_terminal ? 0.1 : (double)PROGRESS_PLAIN_SECONDS;
    if (clock_seconds() - p->t_shown >= wait) draw(p, note);
}

void progress_end(Progress *p)
{
    if (p->quiet) return;
    char took[32];
    clock_format(took, sizeof took, clock_seconds() - p->t_begin);
    fprintf(stderr, "%s%s: %lld %s in %s\n", p->on_terminal ? "\r\033[K" : "", p->label,
            (long long)p->done, p->unit, took);
    (void)fflush(stderr);
}

void progress_clear(Progress *p)
{
    if (!p->quiet && p->on_terminal && p->shown) fprintf(stderr, "\r\033[K");
}
