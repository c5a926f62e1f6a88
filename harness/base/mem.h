/* Heap memory that never fails: out of memory aborts with the size asked for, so callers never test
 * for NULL. Sizes that come from outside must be limited before they get here. Products are checked
 * for overflow. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* n items of size bytes, zeroed. n == 0 gives a valid pointer. Free with free(). */
void *mem_alloc(size_t n, size_t size);

/* Like realloc to n items of size bytes; new bytes are not zeroed. */
void *mem_resize(void *p, size_t n, size_t size);

/* A copy of the string on the heap. Free with free(). */
char *mem_strdup(const char *s);

/* Growth for a dynamic array: makes room for at least `need` items in *items (capacity in
 * *capacity). */
#define mem_reserve(items, capacity, need)                                                         \
    do {                                                                                           \
        if ((need) > (capacity)) {                                                                 \
            (capacity) = (need) > 2 * (capacity) ? (need) : 2 * (capacity);                        \
            (items) = mem_resize((items), (size_t)(capacity), sizeof *(items));                    \
        }                                                                                          \
    } while (0)

#endif
