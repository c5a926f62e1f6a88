/* Where a run was made: stored with every run, so that a number can be explained later. */
#ifndef HARNESS_ENVIRONMENT_H
#define HARNESS_ENVIRONMENT_H

#include "err.h"

#include <stdint.h>

enum { ENVIRONMENT_TEXT_SIZE = 128 };

typedef struct {
    const char *version, *commit, *compiler; /* of this program */
    char blas[ENVIRONMENT_TEXT_SIZE];        /* e.g. "OpenBLAS 0.3.21 SkylakeX" */
    char cpu[ENVIRONMENT_TEXT_SIZE]; /* model name; "unknown" when the system does not say */
    int cores;                       /* that this process may use */
} Environment;

void environment_read(Environment *out);

/* Of the machine or of the cgroup, whichever is less; 0 when not known. */
int64_t environment_memory_bytes(void);

/* Fails when need_bytes do not fit into this machine: "WHAT needs 3.1 GiB, this machine has 2.0
 * GiB". */
MUST_USE bool environment_check_memory(int64_t need_bytes, const char *what, Err *err);

int64_t environment_peak_bytes(void); /* highest resident size of this process so far */

#endif
