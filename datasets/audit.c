/* Counts, broken images, identical images. */
#include "audit.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

static void count_images(Audit *audit)
{
    const Dataset *dataset = audit->dataset;
    size_t n_cells = (size_t)dataset->n_domains * (size_t)dataset->n_classes;
    audit->counts = arena_alloc(audit->arena, n_cells, sizeof *audit->counts);
    for (int i = 0; i < dataset->n_images; i++) {
        const DatasetImage *image = &dataset->images[i];
        unsigned flags = dataset_image_flags(dataset, i);
        if (dataset_is_broken(dataset, i)) {
            audit->n_broken++;
            continue;
        }
        audit->counts[image->domain * dataset->n_classes + image->label]++;
        audit->n_grey += (flags & IMAGE_WAS_GREY) != 0;
        audit->n_alpha += (flags & IMAGE_HAD_ALPHA) != 0;
        audit->n_16bit += (flags & IMAGE_WAS_16BIT) != 0;
    }
    for (size_t i = 0; i < n_cells; i++) audit->n_gaps += audit->counts[i] == 0;
}

static void list_broken(Audit *audit)
{
    const Dataset *dataset = audit->dataset;
    audit->broken = arena_alloc(audit->arena, (size_t)audit->n_broken, sizeof *audit->broken);
    Image scratch = {0};
    int n = 0;
    for (int i = 0; i < dataset->n_images; i++) {
        if (!dataset_is_broken(dataset, i)) continue;
        ImageView view;
        Err err = {0};
        bool ok = dataset_pixels(dataset, i, &view, &scratch, &err);
        audit->broken[n++] = (BrokenImage){
            i, arena_strdup(audit->arena, ok ? "could not be read when it was packed" : err.text)};
    }
    image_done(&scratch);
}

typedef struct {
    const uint8_t *content;
    int image;
} ContentEntry;

static int compare_contents(const void *a, const void *b)
{
    const ContentEntry *x = a, *y = b;
    int order = memcmp(x->content, y->content, SHA256_BYTES);
    return order != 0 ? order : (x->image > y->image) - (x->image < y->image);
}

static void add_identical(Audit *audit, int a, int b)
{
    const DatasetImage *x = &audit->dataset->images[a], *y = &audit->dataset->images[b];
    int n = audit->n_identical_within + audit->n_identical_across;
    if (n < AUDIT_MAX_PAIRS) audit->identical[n] = (ImagePair){.a = a, .b = b};
    if (x->domain == y->domain) audit->n_identical_within++;
    if (x->domain != y->domain) audit->n_identical_across++;
    audit->n_identical_conflicts += x->label != y->label;
}

static void find_identical(Audit *audit)
{
    const Dataset *dataset = audit->dataset;
    ContentEntry *entries = mem_alloc((size_t)dataset->n_images, sizeof *entries);
    int n = 0;
    for (int i = 0; i < dataset->n_images; i++) {
        if (!dataset_is_broken(dataset, i))
            entries[n++] = (ContentEntry){dataset_content(dataset, i), i};
    }
    qsort(entries, (size_t)n, sizeof *entries, compare_contents);
    audit->identical = arena_alloc(audit->arena, n < AUDIT_MAX_PAIRS ? (size_t)n : AUDIT_MAX_PAIRS,
                                   sizeof *audit->identical);
    int first = 0;
    for (int i = 1; i < n; i++) {
        if (memcmp(entries[i].content, entries[first].content, SHA256_BYTES) != 0) {
            first = i;
        } else {
            add_identical(audit, entries[first].image, entries[i].image);
        }
    }
    free(entries);
}

bool audit_run(Audit **out, const Dataset *dataset, ThreadPool *pool, Err *err)
{
    Audit *audit = mem_alloc(1, sizeof *audit);
    *audit = (Audit){.dataset = dataset, .arena = arena_new()};
    count_images(audit);
    list_broken(audit);
    find_identical(audit);
    if (!audit_find_near(audit, pool, err)) {
        audit_free(audit);
        return false;
    }
    *out = audit;
    return true;
}

void audit_free(Audit *audit)
{
    if (audit == NULL) return;
    arena_free(audit->arena);
    free(audit);
}

bool audit_is_clean(const Audit *audit)
{
    return audit->n_broken == 0 && audit->n_gaps == 0 && audit->n_identical_conflicts == 0;
}
