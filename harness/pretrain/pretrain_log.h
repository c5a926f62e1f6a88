/* The log of a pretraining, log.csv: a line every so many steps, with the zero-shot accuracies
 * (fractions) where they were measured. A plain CSV that can be watched while it grows.
 */
#ifndef PRETRAIN_PRETRAIN_LOG_H
#define PRETRAIN_PRETRAIN_LOG_H

#include "zero_shot.h"

typedef struct PretrainLog PretrainLog;

/* Lines of later steps than last_step are dropped: a resumed run writes them again. -1: a new log.
 * columns: n_columns domains, named in the head. */
MUST_USE bool pretrain_log_open(PretrainLog **out, const char *path, int64_t last_step,
                                const ZeroShotResult *columns, int n_columns, Err *err);
void pretrain_log_close(PretrainLog *log); /* NULL is fine */

typedef struct {
    int64_t step;     /* updates done */
    double loss;      /* mean since the last line */
    double shared;    /* part of the texts that were true for another image of their batch, too */
    double lr, scale; /* of the last update; the factor of the cosines */
    double seconds;   /* of training, evaluation left aside */
} PretrainLine;

/* results: NULL when nothing was evaluated. Written through at once. */
MUST_USE bool pretrain_log_add(PretrainLog *log, const PretrainLine *line,
                               const ZeroShotResult *results, Err *err);

#endif
