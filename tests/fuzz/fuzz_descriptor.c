/* Dataset descriptors: any bytes are either refused with a message or give one that keeps its
 * promises. */
#include "descriptor.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    Arena *arena = arena_new();
    Err err = {.text = ""};
    Descriptor *d;
    if (descriptor_parse(&d, n_bytes > 0 ? (const char *)data : "", n_bytes, "fuzz", arena, &err)) {
        check(d->name[0] != '\0' && d->layout >= LAYOUT_FOLDER && d->layout <= LAYOUT_SHAPES,
              "layout %d", d->layout);
        check(d->domain_names.n == 0 || d->domain_names.n == d->domains.n, "%d names",
              d->domain_names.n);
        check(d->layout != LAYOUT_IDX || d->idx.images.n == d->idx.labels.n, "%d labels",
              d->idx.labels.n);
    } else {
        check(err.text[0] != '\0', "refused without a message");
    }
    arena_free(arena);
    return 0;
}
