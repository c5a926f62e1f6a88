/* Scores that another program computed, from a CSV with a row per image of a dataset. */
#ifndef SCORE_IMPORT_H
#define SCORE_IMPORT_H

#include "arena.h"
#include "dataset.h"
#include "digest.h"
#include "store_score.h"

/* Columns: path (as in the dataset), score (cosine with the true class's prompt); and if they are
 * there zero_shot (a class's name; may be empty), similarity (may be empty), nearest (a path).
 * Other columns are not looked at.
 *
 * out: [n_images], in the dataset's order; digest: of the file; texts are in the arena. All or
 * nothing: unknown paths, paths that stand twice, what is no cosine, unknown classes and images
 * without a row are listed (the first of each kind) and counted in one line. */
MUST_USE bool score_import(StoreAlignment *out, char digest[SHA256_HEX_SIZE], const char *path,
                           const Dataset *dataset, Arena *arena, Err *err);

#endif
