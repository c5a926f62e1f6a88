/* What a worker process tells the sweep that started it: one line of text per message, on the
 * worker's standard output.
 *
 *     step 120 601 0.5312 train           it is at update 120 of 601, mean loss, phase
 *     end made held out line 24.1 %       it has ended; then anything worth showing, one line
 */
#ifndef SWEEP_WORKER_LINE_H
#define SWEEP_WORKER_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WORKER_TEXT_SIZE = 1024,
    WORKER_LINE_SIZE = WORKER_TEXT_SIZE + 128 /* with its newline and closing zero */
};

typedef enum {
    WORKER_MADE,
    WORKER_STORED, /* was there already */
    WORKER_DIVERGED,
    WORKER_INTERRUPTED, /* its state is saved */
    WORKER_FAILED,
    WORKER_N_ENDS
} WorkerEnd;

typedef struct {
    bool ended;
    int64_t step, steps; /* ended == false */
    double loss;
    WorkerEnd end;               /* ended == true */
    char text[WORKER_TEXT_SIZE]; /* phase, or what is worth showing */
} WorkerLine;

/* Writes the line with its newline. */
void worker_line_format(char out[WORKER_LINE_SIZE], const WorkerLine *line);

/* text: a line without its newline. False when it is no message (a library's own output). */
bool worker_line_parse(WorkerLine *out, const char *text);

#endif
