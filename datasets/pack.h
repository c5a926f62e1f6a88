/* A pack: all images of a dataset decoded once, as 8-bit pixels in one memory-mapped file that
 * every run shares read-only.
 *
 * File: PackHeader, then one record per image (a PackEntry and its pixels, padded to 64 bytes),
 * then the index (all entries again). The header's key says which content the pack was made from:
 * when a source file's name, size or time changes, or a rule of the dataset, the pack is stale and
 * made anew. A pack is written under a temporary name, under a lock (a second process waits for
 * it), synced and renamed; what a killed process left is continued. Entries of broken images are
 * kept, without pixels. A pack that would exceed its budget has entries only: then images are
 * decoded when asked for.
 */
#ifndef DATASETS_PACK_H
#define DATASETS_PACK_H

#include "digest.h"
#include "image.h"
#include "source.h"
#include "thread_pool.h"

#include <stdint.h>

enum { PACK_BROKEN = 1 << 8 }; /* beside IMAGE_WAS_GREY and the like */

typedef struct {
    uint64_t offset;   /* of the pixels in the file; 0: not stored */
    uint64_t checksum; /* of the pixels */
    uint8_t content[SHA256_BYTES];
    uint16_t width, height;
    uint16_t channels, flags;
    uint32_t image;
    uint32_t reserved;
} PackEntry; /* 64 bytes, little-endian as written by this machine */

typedef struct Pack Pack;

typedef struct {
    const char *label;    /* for the progress line */
    int64_t budget_bytes; /* as DatasetOptions.pack_budget_bytes */
    ThreadPool *pool;
} PackOptions;

/* Opens the pack at path when it belongs to the source, else makes it. The folder of path has to
 * exist. */
MUST_USE bool pack_open(Pack **out, const char *path, const Source *source,
                        const PackOptions *options, Err *err);
void pack_close(Pack *pack); /* NULL is fine */

const PackEntry *pack_entry(const Pack *pack, int image);
/* False when the pixels are not stored. */
bool pack_view(ImageView *out, const Pack *pack, int image);
bool pack_has_pixels(const Pack *pack);

/* Compares every image's pixels with its checksum: for `data check`. */
MUST_USE bool pack_verify(const Pack *pack, Err *err);

#endif
