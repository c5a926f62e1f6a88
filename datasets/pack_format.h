/* What pack.c (reading) and pack_build.c (writing) share. */
#ifndef DATASETS_PACK_FORMAT_H
#define DATASETS_PACK_FORMAT_H

#include "pack.h"

#include <assert.h>

enum { PACK_VERSION = 1, PACK_ALIGN = 64, PACK_BYTE_ORDER = 0x01020304 };
#define PACK_MAGIC "dgbpack\n"

typedef struct {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t n_images;
    uint64_t index_offset; /* 0 while the pack is being made */
    uint32_t has_pixels, reserved;
    uint8_t key[SHA256_BYTES];
    uint8_t index_digest[SHA256_BYTES];
    uint64_t estimated_bytes; /* of a pack with pixels */
    uint8_t padding[16];
} PackHeader;

static_assert(sizeof(PackHeader) == 128, "header has no hidden padding");
static_assert(sizeof(PackEntry) == 64, "entries have no hidden padding");

size_t pack_entry_bytes(const PackEntry *entry); /* of the pixels, without padding */

/* options->budget_bytes, or half of the free space where path lies. */
int64_t pack_budget(const char *path, const PackOptions *options);

/* Makes the pack at path from the source. Call under the lock. */
MUST_USE bool pack_build(const char *path, const Source *source, const PackOptions *options,
                         Err *err);

#endif
