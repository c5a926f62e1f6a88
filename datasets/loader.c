/* Sampling, and the filling of a batch; threads fill the next ones ahead (prefetch.h). */
#include "loader.h"

#include "arena.h"
#include "epoch_order.h"
#include "mem.h"
#include "prefetch.h"
#include "rng.h"

#include <stdlib.h>

/* What the draws of one source need; read-only after loader_new. */
typedef struct {
    int domain, n;
    const int *images;
    RngStream sample, augment;
    int n_classes;    /* present in this source */
    int *class_first; /* [n_classes + 1]: into by_class */
    int *by_class;    /* [n] image indices, grouped by class; only for class_balanced */
} Source;

/* One batch, with everything its filling needs. */
typedef struct {
    float *x;
    int *y, *domains, *images;
    EpochOrder *epochs; /* [n_sources] */
    AugmentScratch scratch;
} Slot;

struct Loader {
    const Dataset *dataset;
    LoaderOptions options;
    Arena *arena;
    int n_sources, n_images; /* n_images: of a batch */
    Source *sources;
    int *offsets;
    int n_slots;
    Slot *slots;
    Prefetch *prefetch;
};

/* ---- draws ---- */

static int draw_balanced(const Source *source, int64_t draw)
{
    int k = rng_below(source->sample, (uint64_t)draw, 0, source->n_classes);
    int first = source->class_first[k], n = source->class_first[k + 1] - first;
    return source->by_class[first + rng_below(source->sample, (uint64_t)draw, 1, n)];
}

/* The image of a domain's draw number `draw`, counted over all steps. */
static int draw_image(const Loader *loader, const Source *source, EpochOrder *epoch, int64_t draw)
{
    if (loader->options.without_replacement)
        return source->images[epoch_order_at(epoch, source->sample, draw)];
    if (loader->options.class_balanced) return draw_balanced(source, draw);
    return source->images[rng_below(source->sample, (uint64_t)draw, 0, source->n)];
}

/* ---- one batch ---- */

static size_t values_per_image(const Loader *loader)
{
    size_t size = (size_t)loader->options.input.size;
    return size * size * (size_t)loader->dataset->channels;
}

static bool fill_source(const Loader *loader, Slot *slot, int64_t step, int s, Err *err)
{
    const Source *source = &loader->sources[s];
    const LoaderOptions *o = &loader->options;
    size_t n_values = values_per_image(loader);
    for (int i = 0; i < o->batch_size; i++) {
        int64_t draw = step * o->batch_size + i;
        int at = loader->offsets[s] + i;
        int image = draw_image(loader, source, &slot->epochs[s], draw);
        ImageView view;
        if (!dataset_pixels(loader->dataset, image, &view, &slot->scratch.decoded, err))
            return false;
        augment_apply(slot->x + (size_t)at * n_values, &view, o->augment, &o->input,
                      (AugmentDraw){source->augment, (uint64_t)draw}, &slot->scratch);
        slot->images[at] = image;
        slot->y[at] = loader->dataset->images[image].label;
        slot->domains[at] = source->domain;
    }
    return true;
}

static bool fill_slot(void *context, int slot, int64_t step, Err *err)
{
    const Loader *loader = context;
    for (int s = 0; s < loader->n_sources; s++) {
        if (!fill_source(loader, &loader->slots[slot], step, s, err)) return false;
    }
    return true;
}

/* ---- life ---- */

/* Groups the source's images by class, for class_balanced. */
static void group_by_class(Source *source, const Dataset *dataset, Arena *arena)
{
    source->by_class = arena_alloc(arena, (size_t)source->n, sizeof *source->by_class);
    source->class_first =
        arena_alloc(arena, (size_t)dataset->n_classes + 1, sizeof *source->class_first);
    int at = 0;
    for (int k = 0; k < dataset->n_classes; k++) {
        int first = at;
        for (int i = 0; i < source->n; i++) {
            if (dataset->images[source->images[i]].label == k)
                source->by_class[at++] = source->images[i];
        }
        if (at > first) source->class_first[++source->n_classes] = at;
    }
}

static Source source_make(const Loader *loader, const LoaderSource *given)
{
    const Dataset *dataset = loader->dataset;
    uint64_t seed = loader->options.seed, domain = (uint64_t)given->domain;
    check(given->domain >= 0 && given->domain < dataset->n_domains, "domain %d of %d",
          given->domain, dataset->n_domains);
    for (int i = 0; i < given->n; i++) {
        check(given->images[i] >= 0 && given->images[i] < dataset->n_images, "image %d of %d",
              given->images[i], dataset->n_images);
    }
    Source source = {.domain = given->domain,
                     .n = given->n,
                     .images = given->images,
                     .sample = rng_sub(rng_stream(seed, "sample"), domain),
                     .augment = rng_sub(rng_stream(seed, "augment"), domain)};
    if (loader->options.class_balanced) group_by_class(&source, dataset, loader->arena);
    return source;
}

static void slot_make(const Loader *loader, Slot *slot)
{
    Arena *arena = loader->arena;
    size_t n = (size_t)loader->n_images, n_values = values_per_image(loader);
    slot->x = arena_alloc(arena, n, n_values * sizeof *slot->x);
    slot->y = arena_alloc(arena, n, sizeof *slot->y);
    slot->domains = arena_alloc(arena, n, sizeof *slot->domains);
    slot->images = arena_alloc(arena, n, sizeof *slot->images);
    slot->epochs = arena_alloc(arena, (size_t)loader->n_sources, sizeof *slot->epochs);
    for (int s = 0; s < loader->n_sources; s++) {
        if (loader->options.without_replacement)
            slot->epochs[s] = epoch_order_new(loader->sources[s].n, arena);
    }
}

static bool options_check(const LoaderSource *sources, int n_sources, const Dataset *dataset,
                          const LoaderOptions *o, Err *err)
{
    check(n_sources >= 1 && o->batch_size >= 1 && o->input.size >= 1 && o->n_workers >= 0,
          "%d sources, batches of %d, %d pixels, %d workers", n_sources, o->batch_size,
          o->input.size, o->n_workers);
    if (o->class_balanced && o->without_replacement) {
        return err_set(
            err, ERR_USAGE,
            "class-balanced batches are drawn with replacement: found both, expected one");
    }
    for (int s = 0; s < n_sources; s++) {
        if (sources[s].n >= 1) continue;
        return err_set(err, ERR_USAGE,
                       "%s: no training image in domain \"%s\", expected at least one",
                       dataset->name, dataset->domains[sources[s].domain]);
    }
    return true;
}

bool loader_new(Loader **out, const Dataset *dataset, const LoaderSource *sources, int n_sources,
                const LoaderOptions *options, Err *err)
{
    if (!options_check(sources, n_sources, dataset, options, err)) return false;
    Loader *loader = mem_alloc(1, sizeof *loader);
    Arena *arena = arena_new();
    *loader = (Loader){.dataset = dataset,
                       .options = *options,
                       .arena = arena,
                       .n_sources = n_sources,
                       .n_images = n_sources * options->batch_size,
                       .n_slots = prefetch_n_slots(options->n_workers)};
    loader->sources = arena_alloc(arena, (size_t)n_sources, sizeof *loader->sources);
    loader->offsets = arena_alloc(arena, (size_t)n_sources + 1, sizeof *loader->offsets);
    for (int s = 0; s < n_sources; s++) {
        loader->sources[s] = source_make(loader, &sources[s]);
        loader->offsets[s + 1] = loader->offsets[s] + options->batch_size;
    }
    loader->slots = arena_alloc(arena, (size_t)loader->n_slots, sizeof *loader->slots);
    for (int i = 0; i < loader->n_slots; i++) slot_make(loader, &loader->slots[i]);
    PrefetchOptions prefetch = {options->n_workers, fill_slot, loader};
    loader->prefetch = prefetch_new(&prefetch);
    *out = loader;
    return true;
}

void loader_free(Loader *loader)
{
    if (loader == NULL) return;
    prefetch_free(loader->prefetch);
    for (int i = 0; i < loader->n_slots; i++) augment_scratch_done(&loader->slots[i].scratch);
    arena_free(loader->arena);
    free(loader);
}

bool loader_batch(Loader *loader, int64_t step, Batch *out, Err *err)
{
    int at;
    if (!prefetch_get(loader->prefetch, step, &at, err)) return false;
    const Slot *slot = &loader->slots[at];
    *out = (Batch){.n = loader->n_images,
                   .n_sources = loader->n_sources,
                   .offsets = loader->offsets,
                   .size = loader->options.input.size,
                   .channels = loader->dataset->channels,
                   .x = slot->x,
                   .y = slot->y,
                   .domains = slot->domains,
                   .images = slot->images};
    return true;
}

double loader_wait_seconds(const Loader *loader)
{
    return prefetch_wait_seconds(loader->prefetch);
}
