/* The rows of pairs' CSV files, before their images are looked at. For pairs.c. */
#ifndef PRETRAIN_PAIRS_TABLE_H
#define PRETRAIN_PAIRS_TABLE_H

#include "pairs.h"

typedef struct {
    const char *path;     /* of the image, that can be opened */
    const char *shown;    /* as the CSV has it */
    const char *file;     /* the CSV */
    int line;             /* where the row begins */
    const char **words;   /* phrases of all kinds, in their order */
    int n_words[N_WORDS]; /* of each kind */
} PairRow;

typedef struct {
    PairRow *rows; /* in the arena */
    int n;
} PairRows;

/* At least one row; a row without any phrase, or without a path, is an error. */
MUST_USE bool pair_rows_read(PairRows *out, const TextList *files, const char *cache_dir,
                             Arena *arena, Err *err);

#endif
