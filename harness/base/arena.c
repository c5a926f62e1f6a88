/* A list of blocks; the newest one is carved up. */
#include "arena.h"

#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK_BYTES = 1 << 18 };

#if defined(__SANITIZE_ADDRESS__)
enum { PIECE_PER_BLOCK = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { PIECE_PER_BLOCK = 1 };
#else
enum { PIECE_PER_BLOCK = 0 };
#endif
#else
enum { PIECE_PER_BLOCK = 0 };
#endif

typedef struct Block Block;
struct Block {
    Block *next;
    char *data;
    size_t used, size;
};

struct Arena {
    Block *head;
    size_t used;
};

Arena *arena_new(void)
{
    return mem_alloc(1, sizeof(Arena));
}

void arena_free(Arena *a)
{
    if (a == NULL) return;
    for (Block *b = a->head; b != NULL;) {
        Block *next = b->next;
        free(b->data);
        free(b);
        b = next;
    }
    free(a);
}

static Block *block_new(size_t bytes)
{
    Block *b = mem_alloc(1, sizeof *b);
    void *data = NULL;
    check(posix_memalign(&data, ALIGNMENT, bytes) == 0, "out of memory: %zu bytes", bytes);
    b->data = data;
    b->size = bytes;
    return b;
}

void *arena_alloc(Arena *a, size_t n, size_t size)
{
    check(size == 0 || n <= (SIZE_MAX - ALIGNMENT) / size, "%zu items of %zu bytes overflow", n,
          size);
    size_t asked = n * size > 0 ? n * size : 1;
    size_t bytes = PIECE_PER_BLOCK ? asked : (asked + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (PIECE_PER_BLOCK || a->head == NULL || a->head->size - a->head->used < bytes) {
        size_t block = PIECE_PER_BLOCK || bytes > BLOCK_BYTES ? bytes : (size_t)BLOCK_BYTES;
        Block *b = block_new(block);
        b->next = a->head;
        a->head = b;
    }
    void *p = a->head->data + a->head->used;
    a->head->used += bytes;
    a->used += bytes;
    return memset(p, 0, asked);
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(Arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    check(n >= 0, "cannot format \"%s\"", fmt);
    char *text = arena_alloc(a, (size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

size_t arena_used(const Arena *a)
{
    return a->used;
}
