/* Allocation that aborts instead of failing. */
#include "mem.h"

#include "err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t checked_size(size_t n, size_t size)
{
    check(size == 0 || n <= SIZE_MAX / size, "%zu items of %zu bytes overflow", n, size);
    return n * size > 0 ? n * size : 1;
}

void *mem_alloc(size_t n, size_t size)
{
    size_t bytes = checked_size(n, size);
    void *p = calloc(1, bytes);
    check(p != NULL, "out of memory: %zu bytes", bytes);
    return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
    size_t bytes = checked_size(n, size);
    void *q = realloc(p, bytes);
    check(q != NULL, "out of memory: %zu bytes", bytes);
    return q;
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(mem_alloc(n, 1), s, n);
}
