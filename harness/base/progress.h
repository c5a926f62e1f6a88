/* Progress on stderr: on a terminal one line that is redrawn (bar, count, rate, ETA), elsewhere a
 * plain line every PROGRESS_PLAIN_SECONDS and at the end. Quiet when the log level is LOG_QUIET.
 *
 *     Progress p;
 *     progress_begin(&p, "packing emoji-styles", 4570, "images");
 *     for (...) progress_update(&p, i + 1, "");
 *     progress_end(&p);
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_PLAIN_SECONDS = 10 };

typedef struct {
    char label[96];
    char unit[24];
    int64_t total, done, first; /* first: where this process began (a resumed job) */
    double t_begin, t_shown;
    bool on_terminal, quiet, shown;
} Progress;

void progress_begin(Progress *p, const char *label, int64_t total, const char *unit);
void progress_start_at(Progress *p,
                       int64_t done); /* a resumed job begins here; the rate counts from it */
void progress_update(Progress *p, int64_t done,
                     const char *note); /* cheap: draws at most ten times a second */
void progress_end(Progress *p);         /* draws the last state and ends the line */
void progress_clear(Progress *p); /* wipes the bar, so that a message can be printed in between */

#endif
