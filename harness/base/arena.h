/* Arena: many allocations that die together. For everything that lives as long as a run (dataset
 * index, names, parsed files). The arena owns what it hands out; arena_free releases it all at
 * once.
 *
 *     Arena *a = arena_new();
 *     char *name = arena_strdup(a, "photo");
 *     int *labels = arena_alloc(a, n, sizeof *labels);
 *     arena_free(a);
 *
 * Built with AddressSanitizer each piece is its own heap block, so that overruns are seen.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "err.h"

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *a); /* NULL is fine */

/* n items of size bytes, zeroed, 64-byte aligned. Never NULL; overflow and out of memory abort. */
void *arena_alloc(Arena *a, size_t n, size_t size);

char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Bytes handed out so far. */
size_t arena_used(const Arena *a);

#endif
