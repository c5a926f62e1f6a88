/* A file mapped read-only into memory. */
#ifndef BASE_MAPPED_FILE_H
#define BASE_MAPPED_FILE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *bytes; /* NULL for an empty file */
    size_t n;
} MappedFile;

/* A folder or a device is an error. */
MUST_USE bool mapped_file_open(MappedFile *out, const char *path, Err *err);
void mapped_file_close(MappedFile *file); /* a zeroed one is fine */

#endif
