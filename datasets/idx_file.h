/* The IDX format of the MNIST family: big-endian header {0, 0, type, rank, sizes...}, then unsigned
 * bytes. */
#ifndef DATASETS_IDX_FILE_H
#define DATASETS_IDX_FILE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int n, height, width; /* labels: height and width are 1 */
    const uint8_t *data;  /* n * height * width bytes inside the file's */
} IdxArray;

/* bytes: a whole file. rank: 3 for images, 1 for labels. place names the file in messages. */
MUST_USE bool idx_parse(IdxArray *out, const uint8_t *bytes, size_t n_bytes, int rank,
                        const char *place, Err *err);

#endif
