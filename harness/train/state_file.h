/* State that training goes on from: named numbers and flat arrays in one safetensors file, which
 * belongs to the run whose key it carries. Written to a temporary name, synced and renamed: there
 * is always a whole file or none.
 */
#ifndef TRAIN_STATE_FILE_H
#define TRAIN_STATE_FILE_H

#include "safetensors.h"

#include <stdint.h>

enum { STATE_NAME_SIZE = 96 };

/* A number that is saved, or read back to the bit; not negative when whole. */
typedef struct {
    char name[STATE_NAME_SIZE];
    int64_t *whole; /* one of the two */
    double *real;
} StateNumber;

typedef struct {
    char name[STATE_NAME_SIZE];
    Real *reals; /* one of the two */
    int64_t *wholes;
    size_t n;
} StateArray;

typedef struct {
    const char *format; /* name and version of the content */
    const char *key;    /* of the run */
    const StateNumber *numbers;
    int n_numbers;
    const StateArray *arrays;
    int n_arrays;
} StateContent;

MUST_USE bool state_save(const char *path, const StateContent *content, Err *err);

/* ERR_NOT_FOUND when there is none; one of another format or another run is refused. */
MUST_USE bool state_open(SafeTensors **out, const char *path, const char *format, const char *key,
                         Err *err);

/* What was read before a number that fails stays read. */
MUST_USE bool state_read_numbers(const SafeTensors *f, const StateNumber *numbers, int n, Err *err);

/* All or nothing: names, types and sizes are checked before anything changes. */
MUST_USE bool state_read_arrays(const SafeTensors *f, const StateArray *arrays, int n, Err *err);

#endif
