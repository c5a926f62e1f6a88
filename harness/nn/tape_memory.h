/* The tape's heap: one reserved address range, carved by best fit with a sorted free list,
 * committed as it grows. A virtual heap hands out addresses that must not be touched: same
 * decisions, same peak, no memory. */
#ifndef NN_TAPE_MEMORY_H
#define NN_TAPE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct TapeMemory TapeMemory;

TapeMemory *tape_memory_new(void);
void tape_memory_free(TapeMemory *m);

/* Everything is free again; peak is kept. planning: addresses only, until the next reset. */
void tape_memory_reset(TapeMemory *m, bool planning);

void *
tape_memory_take(TapeMemory *m,
                 size_t bytes); /* 64-byte aligned, uninitialised; aborts when memory is out */
void tape_memory_give(TapeMemory *m, void *p, size_t bytes); /* the size that was taken */

size_t tape_memory_peak(const TapeMemory *m); /* highest end address used, in bytes */

#endif
