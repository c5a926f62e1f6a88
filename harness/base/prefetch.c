/* Items are taken in order, each into slot item % n_slots. */
#include "prefetch.h"

#include "clock.h"
#include "mem.h"

#include <pthread.h>
#include <stdlib.h>

typedef enum { SLOT_EMPTY, SLOT_BUSY, SLOT_READY } SlotState;

typedef struct {
    int64_t item;
    SlotState state;
    bool ok;
    Err err;
} Slot;

struct Prefetch {
    PrefetchOptions options;
    int n_slots;
    Slot *slots;
    double wait_seconds;
    pthread_t *workers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t next;   /* the next item that a worker takes */
    int64_t wanted; /* the item that the caller holds or waits for: slots of earlier ones are free
                     */
    bool stop;
};

int prefetch_n_slots(int n_workers)
{
    return n_workers > 0 ? n_workers + 2 : 1;
}

static void fill_slot(Prefetch *p, Slot *slot)
{
    slot->ok = p->options.fill(p->options.context, (int)(slot - p->slots), slot->item, &slot->err);
}

/* Is there an item to take whose slot is free? */
static bool may_take(const Prefetch *p)
{
    if (p->next >= p->wanted + p->n_slots) return false;
    return p->slots[p->next % p->n_slots].state != SLOT_BUSY;
}

static void *worker_main(void *argument)
{
    Prefetch *p = argument;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (!p->stop && !may_take(p)) pthread_cond_wait(&p->changed, &p->mutex);
        if (p->stop) break;
        Slot *slot = &p->slots[p->next % p->n_slots];
        slot->item = p->next++;
        slot->state = SLOT_BUSY;
        pthread_mutex_unlock(&p->mutex);
        fill_slot(p, slot);
        pthread_mutex_lock(&p->mutex);
        slot->state = SLOT_READY;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Waits for the item's slot; one out of order makes the workers begin anew from it. */
static Slot *wait_for(Prefetch *p, int64_t item)
{
    Slot *slot = &p->slots[item % p->n_slots];
    pthread_mutex_lock(&p->mutex);
    bool in_order = item >= p->wanted && item < p->wanted + p->n_slots && item <= p->next;
    if (!in_order) p->next = item;
    p->wanted = item;
    pthread_cond_broadcast(&p->changed);
    while (slot->state != SLOT_READY || slot->item != item)
        pthread_cond_wait(&p->changed, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
    return slot;
}

Prefetch *prefetch_new(const PrefetchOptions *options)
{
    check(options->n_workers >= 0, "%d workers", options->n_workers);
    Prefetch *p = mem_alloc(1, sizeof *p);
    p->options = *options;
    p->n_slots = prefetch_n_slots(options->n_workers);
    p->slots = mem_alloc((size_t)p->n_slots, sizeof *p->slots);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->workers = mem_alloc((size_t)options->n_workers, sizeof *p->workers);
    for (int i = 0; i < options->n_workers; i++) {
        int failed = pthread_create(&p->workers[i], NULL, worker_main, p);
        check(failed == 0, "cannot start thread %d of %d", i + 1, options->n_workers);
    }
    return p;
}

void prefetch_free(Prefetch *p)
{
    if (p == NULL) return;
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->options.n_workers; i++) pthread_join(p->workers[i], NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p->workers);
    free(p->slots);
    free(p);
}

bool prefetch_get(Prefetch *p, int64_t item, int *slot, Err *err)
{
    check(item >= 0, "item %lld", (long long)item);
    double begin = clock_seconds();
    Slot *found = &p->slots[0];
    if (p->options.n_workers > 0) {
        found = wait_for(p, item);
    } else {
        found->item = item;
        fill_slot(p, found);
    }
    p->wait_seconds += clock_seconds() - begin;
    if (!found->ok) {
        *err = found->err;
        return false;
    }
    *slot = (int)(found - p->slots);
    return true;
}

double prefetch_wait_seconds(const Prefetch *p)
{
    return p->wait_seconds;
}
