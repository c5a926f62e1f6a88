/* Best fit with immediate merging; free ranges are few (tens), so a linear scan is enough. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE, madvise */
#include "tape_memory.h"

#include "err.h"
#include "mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

static const size_t RESERVED_BYTES =
    (size_t)1 << 40; /* addresses only: pages are committed when first used */
static const size_t COMMIT_STEP = (size_t)32 << 20;
enum { ALIGNMENT = 64 };

typedef struct {
    size_t begin, end; /* offsets */
} Range;

struct TapeMemory {
    char *base;
    size_t reserved, committed;
    size_t end; /* everything from here on is free */
    size_t peak;
    bool planning;
    Range *free_ranges; /* sorted by begin, never touching one another or `end` */
    int n_free, capacity;
};

TapeMemory *tape_memory_new(void)
{
    TapeMemory *m = mem_alloc(1, sizeof *m);
    m->base = MAP_FAILED;
    for (m->reserved = RESERVED_BYTES; m->reserved >= COMMIT_STEP; m->reserved /= 2) {
        m->base =
            mmap(NULL, m->reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (m->base != MAP_FAILED) return m; /* else: address space is limited; try with less */
    }
    check(false, "cannot reserve %zu bytes of address space", COMMIT_STEP);
    return NULL;
}

void tape_memory_free(TapeMemory *m)
{
    if (m == NULL) return;
    ASAN_UNPOISON_MEMORY_REGION(m->base, m->committed);
    munmap(m->base, m->reserved);
    free(m->free_ranges);
    free(m);
}

void tape_memory_reset(TapeMemory *m, bool planning)
{
    m->n_free = 0;
    m->end = 0;
    m->planning = planning;
    ASAN_POISON_MEMORY_REGION(m->base, m->committed);
}

static void commit(TapeMemory *m, size_t end)
{
    if (m->planning || end <= m->committed) return;
    size_t target = (end + COMMIT_STEP - 1) / COMMIT_STEP * COMMIT_STEP;
    char *from = m->base + m->committed;
    int failed = mprotect(from, target - m->committed, PROT_READ | PROT_WRITE);
    check(failed == 0, "out of memory: %zu bytes for one training step", target);
    (void)madvise(from, target - m->committed, MADV_HUGEPAGE); /* fewer page faults; only a hint */
    ASAN_POISON_MEMORY_REGION(from, target - m->committed);
    m->committed = target;
}

static void remove_range(TapeMemory *m, int i)
{
    m->n_free--;
    memmove(m->free_ranges + i, m->free_ranges + i + 1,
            (size_t)(m->n_free - i) * sizeof *m->free_ranges);
}

static int best_fit(const TapeMemory *m, size_t bytes)
{
    int best = -1;
    size_t best_size = SIZE_MAX;
    for (int i = 0; i < m->n_free; i++) {
        size_t size = m->free_ranges[i].end - m->free_ranges[i].begin;
        if (size >= bytes && size < best_size) {
            best = i;
            best_size = size;
        }
    }
    return best;
}

static size_t rounded(size_t bytes)
{
    return bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *tape_memory_take(TapeMemory *m, size_t bytes)
{
    size_t size = rounded(bytes);
    size_t begin;
    int i = best_fit(m, size);
    if (i >= 0) {
        begin = m->free_ranges[i].begin;
        m->free_ranges[i].begin += size;
        if (m->free_ranges[i].begin == m->free_ranges[i].end) remove_range(m, i);
    } else {
        begin = m->end;
        m->end += size;
        check(m->end <= m->reserved, "one step needs more than %zu bytes", m->reserved);
        commit(m, m->end);
        if (m->end > m->peak) m->peak = m->end;
    }
    char *p = m->base + begin;
    if (!m->planning) {
        ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#ifdef NN_DOUBLE
        memset(p, 0xff,
               bytes); /* NaN: reading what was never written shows in every gradient check */
#endif
    }
    return p;
}

static void insert_range(TapeMemory *m, int i, Range range)
{
    mem_reserve(m->free_ranges, m->capacity, m->n_free + 1);
    memmove(m->free_ranges + i + 1, m->free_ranges + i,
            (size_t)(m->n_free - i) * sizeof *m->free_ranges);
    m->free_ranges[i] = range;
    m->n_free++;
}

void tape_memory_give(TapeMemory *m, void *p, size_t bytes)
{
    size_t begin = (size_t)((char *)p - m->base);
    Range range = {begin, begin + rounded(bytes)};
    if (!m->planning) ASAN_POISON_MEMORY_REGION(p, rounded(bytes));
    int i = 0;
    while (i < m->n_free && m->free_ranges[i].begin < begin) i++;
    if (i < m->n_free && m->free_ranges[i].begin == range.end) {
        range.end = m->free_ranges[i].end;
        remove_range(m, i);
    }
    if (i > 0 && m->free_ranges[i - 1].end == range.begin) {
        range.begin = m->free_ranges[i - 1].begin;
        remove_range(m, --i);
    }
    if (range.end == m->end) {
        m->end = range.begin;
    } else {
        insert_range(m, i, range);
    }
}

size_t tape_memory_peak(const TapeMemory *m)
{
    return m->peak;
}
