/* Opening packs. */
#include "pack.h"

#include "file.h"
#include "log.h"
#include "mapped_file.h"
#include "mem.h"
#include "pack_format.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

struct Pack {
    MappedFile file;
    const PackHeader *header;
    const PackEntry *entries; /* [n_images], in the mapped file */
};

size_t pack_entry_bytes(const PackEntry *entry)
{
    return (size_t)entry->width * entry->height * entry->channels;
}

/* Why the mapped file is no pack of this source; NULL when it is. */
static const char *reason_against(const MappedFile *file, const Source *source)
{
    PackHeader header;
    if (file->n < sizeof header) return "too short";
    memcpy(&header, file->bytes, sizeof header);
    if (memcmp(header.magic, PACK_MAGIC, sizeof header.magic) != 0) return "not a pack";
    if (header.version != PACK_VERSION || header.byte_order != PACK_BYTE_ORDER)
        return "of another version";
    if (memcmp(header.key, source->key, sizeof header.key) != 0) return "the data has changed";
    size_t index_bytes = (size_t)source->n_images * sizeof(PackEntry);
    if (header.n_images != (uint64_t)source->n_images || header.index_offset % PACK_ALIGN != 0 ||
        header.index_offset > file->n || file->n - header.index_offset != index_bytes) {
        return "its index is not where the header says";
    }
    uint8_t digest[SHA256_BYTES];
    digest_sha256(digest, file->bytes + header.index_offset, index_bytes);
    if (memcmp(digest, header.index_digest, sizeof digest) != 0) return "its index is damaged";
    return NULL;
}

/* The index has the right checksum, so a wrong offset would be our own mistake; a cut file was
 * noticed before. */
static void entries_check(const Pack *pack)
{
    for (uint64_t i = 0; i < pack->header->n_images; i++) {
        const PackEntry *entry = &pack->entries[i];
        check(entry->offset + pack_entry_bytes(entry) <= pack->header->index_offset ||
                  entry->offset == 0,
              "image %llu at %llu", (unsigned long long)i, (unsigned long long)entry->offset);
    }
}

/* Would there be room for pixels now, where the pack was made without? */
static bool is_needlessly_empty(const MappedFile *file, const char *path,
                                const PackOptions *options)
{
    const PackHeader *header = (const void *)file->bytes;
    return header->has_pixels == 0 &&
           (double)header->estimated_bytes < 0.9 * (double)pack_budget(path, options);
}

/* NULL when there is no valid pack at path. */
static Pack *try_open(const char *path, const Source *source, const PackOptions *options)
{
    Err ignored = {0};
    MappedFile file = {0};
    if (!mapped_file_open(&file, path, &ignored)) return NULL;
    const char *reason = reason_against(&file, source);
    if (reason == NULL && is_needlessly_empty(&file, path, options))
        reason = "there is room for pixels now";
    if (reason != NULL) {
        log_debug("%s: %s; making it anew", path, reason);
        mapped_file_close(&file);
        return NULL;
    }
    Pack *pack = mem_alloc(1, sizeof *pack);
    pack->file = file;
    pack->header = (const void *)file.bytes;
    pack->entries = (const void *)(file.bytes + pack->header->index_offset);
    entries_check(pack);
    return pack;
}

bool pack_open(Pack **out, const char *path, const Source *source, const PackOptions *options,
               Err *err)
{
    *out = try_open(path, source, options);
    if (*out != NULL) return true;
    Str lock_path = {0};
    str_addf(&lock_path, "%s.lock", path);
    int lock = -1;
    bool ok = file_lock(&lock, lock_path.text, "packing this dataset", err);
    str_done(&lock_path);
    if (!ok) return false;
    *out = try_open(path, source, options); /* the process that we waited for may have made it */
    if (*out == NULL) ok = pack_build(path, source, options, err);
    file_unlock(lock);
    if (*out != NULL || !ok) return ok;
    *out = try_open(path, source, options);
    return *out != NULL || err_set(err, ERR_IO, "%s: changed while it was being made", path);
}

void pack_close(Pack *pack)
{
    if (pack == NULL) return;
    mapped_file_close(&pack->file);
    free(pack);
}

const PackEntry *pack_entry(const Pack *pack, int image)
{
    check(image >= 0 && (uint64_t)image < pack->header->n_images, "image %d of %llu", image,
          (unsigned long long)pack->header->n_images);
    return &pack->entries[image];
}

bool pack_view(ImageView *out, const Pack *pack, int image)
{
    const PackEntry *entry = pack_entry(pack, image);
    if (entry->offset == 0) return false;
    *out =
        (ImageView){entry->width, entry->height, entry->channels, pack->file.bytes + entry->offset};
    return true;
}

bool pack_has_pixels(const Pack *pack)
{
    return pack->header->has_pixels != 0;
}

bool pack_verify(const Pack *pack, Err *err)
{
    for (uint64_t i = 0; i < pack->header->n_images; i++) {
        const PackEntry *entry = &pack->entries[i];
        if (entry->offset == 0) continue;
        if (digest_checksum(pack->file.bytes + entry->offset, pack_entry_bytes(entry)) !=
            entry->checksum) {
            return err_set(err, ERR_IO,
                           "pack: the pixels of image %llu are damaged, expected checksum %016llx",
                           (unsigned long long)i, (unsigned long long)entry->checksum);
        }
    }
    return true;
}
