/* Sampling, and the filling of a batch; threads fill the next ones ahead (prefetch.h). */
#include "pair_loader.h"

#include "arena.h"
#include "epoch_order.h"
#include "mem.h"
#include "prefetch.h"

#include <stdlib.h>

/* One batch, with everything its filling needs. */
typedef struct {
    float *x;
    int *tokens, *pairs;
    Caption *captions;
    unsigned char *is_true; /* [n,n] */
    ContrastiveTargets targets;
    int n_shared;
    EpochOrder order;
    AugmentScratch scratch;
} Slot;

struct PairLoader {
    PairLoaderOptions options;
    Arena *arena;
    RngStream sample, augment, caption;
    int n_slots;
    Slot *slots;
    Prefetch *prefetch;
};

static size_t values_per_image(const PairLoader *loader)
{
    size_t size = (size_t)loader->options.input.size;
    return size * size * 3;
}

static bool fill_pair(const PairLoader *loader, Slot *slot, int at, int64_t draw, Err *err)
{
    const PairLoaderOptions *o = &loader->options;
    int pair = epoch_order_at(&slot->order, loader->sample, draw);
    ImageView view;
    if (!pairs_pixels(o->pairs, pair, &view, &slot->scratch.decoded, err)) return false;
    augment_apply_steps(slot->x + (size_t)at * values_per_image(loader), &view, &o->augment,
                        &o->input, (AugmentDraw){loader->augment, (uint64_t)draw}, &slot->scratch);
    slot->pairs[at] = pair;
    slot->captions[at] = captions_draw(o->captions, pair, loader->caption, (uint64_t)draw);
    captions_tokens(o->captions, slot->captions[at],
                    slot->tokens + (size_t)at * (size_t)o->context);
    return true;
}

static bool is_true(const PairLoader *loader, const Slot *slot, int image, int text)
{
    const Pairs *pairs = loader->options.pairs;
    if (image == text) return true;
    if (loader->options.positives == POSITIVES_LABEL)
        return pairs_label(pairs, slot->pairs[image]) == pairs_label(pairs, slot->pairs[text]);
    return pairs_has_phrase(pairs, slot->pairs[image], slot->captions[text].phrase);
}

static void fill_targets(const PairLoader *loader, Slot *slot)
{
    int n = loader->options.batch_size;
    slot->n_shared = 0;
    for (int j = 0; j < n; j++) {
        bool shared = false;
        for (int i = 0; i < n; i++) {
            bool belongs = is_true(loader, slot, i, j);
            slot->is_true[(size_t)i * (size_t)n + (size_t)j] = belongs;
            shared |= belongs && i != j;
        }
        slot->n_shared += shared;
    }
    contrastive_targets(&slot->targets, slot->is_true, n);
}

static bool fill_slot(void *context, int at, int64_t step, Err *err)
{
    const PairLoader *loader = context;
    const PairLoaderOptions *o = &loader->options;
    Slot *slot = &loader->slots[at];
    for (int i = 0; i < o->batch_size; i++) {
        if (!fill_pair(loader, slot, i, step * o->batch_size + i, err)) return false;
    }
    if (o->positives != POSITIVES_PAIR) fill_targets(loader, slot);
    return true;
}

static void slot_make(PairLoader *loader, Slot *slot)
{
    const PairLoaderOptions *o = &loader->options;
    Arena *arena = loader->arena;
    size_t n = (size_t)o->batch_size;
    slot->x = arena_alloc(arena, n, values_per_image(loader) * sizeof *slot->x);
    slot->tokens = arena_alloc(arena, n, (size_t)o->context * sizeof *slot->tokens);
    slot->pairs = arena_alloc(arena, n, sizeof *slot->pairs);
    slot->captions = arena_alloc(arena, n, sizeof *slot->captions);
    slot->order = epoch_order_new(o->pairs->n, arena);
    if (o->positives == POSITIVES_PAIR) return;
    slot->is_true = arena_alloc(arena, n, n);
    slot->targets.images = arena_alloc(arena, n, n * sizeof *slot->targets.images);
    slot->targets.texts = arena_alloc(arena, n, n * sizeof *slot->targets.texts);
}

PairLoader *pair_loader_new(const PairLoaderOptions *options)
{
    PairLoader *loader = mem_alloc(1, sizeof *loader);
    *loader = (PairLoader){.options = *options,
                           .arena = arena_new(),
                           .sample = rng_stream(options->seed, "sample"),
                           .augment = rng_stream(options->seed, "augment"),
                           .caption = rng_stream(options->seed, "caption"),
                           .n_slots = prefetch_n_slots(options->n_workers)};
    loader->slots = arena_alloc(loader->arena, (size_t)loader->n_slots, sizeof *loader->slots);
    for (int i = 0; i < loader->n_slots; i++) slot_make(loader, &loader->slots[i]);
    loader->prefetch = prefetch_new(&(PrefetchOptions){options->n_workers, fill_slot, loader});
    return loader;
}

void pair_loader_free(PairLoader *loader)
{
    if (loader == NULL) return;
    prefetch_free(loader->prefetch);
    for (int i = 0; i < loader->n_slots; i++) augment_scratch_done(&loader->slots[i].scratch);
    arena_free(loader->arena);
    free(loader);
}

bool pair_loader_batch(PairLoader *loader, int64_t step, PairBatch *out, Err *err)
{
    int at;
    if (!prefetch_get(loader->prefetch, step, &at, err)) return false;
    const Slot *slot = &loader->slots[at];
    bool alone = loader->options.positives == POSITIVES_PAIR;
    *out = (PairBatch){.n = loader->options.batch_size,
                       .x = slot->x,
                       .tokens = slot->tokens,
                       .pairs = slot->pairs,
                       .captions = slot->captions,
                       .targets = alone ? NULL : &slot->targets,
                       .n_shared = slot->n_shared};
    return true;
}

double pair_loader_wait_seconds(const PairLoader *loader)
{
    return prefetch_wait_seconds(loader->prefetch);
}
