/* Making packs: images are decoded in parallel, a batch at a time, and written in order, so that a
 * killed build can be continued from its last whole record. */
#include "file.h"
#include "log.h"
#include "mem.h"
#include "pack_format.h"
#include "progress.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    MAX_BATCH = 256,
    BATCH_BYTES = 64 << 20, /* decoded pixels held at once, about */
    SAMPLE_IMAGES = 64      /* looked at to estimate the pack's size */
};

typedef struct {
    const Source *source;
    const PackOptions *options;
    const char *path;
    char *tmp_path;
    FILE *file;
    bool with_pixels;
    uint64_t estimated_bytes;
    uint64_t at;        /* write position */
    PackEntry *entries; /* [n_images] */
    int n_done;
    Image slots[MAX_BATCH];
    int batch_first, batch_size;
} Builder;

static size_t padded(size_t n)
{
    return (n + PACK_ALIGN - 1) / PACK_ALIGN * PACK_ALIGN;
}

/* Decodes one image of the batch. A broken one becomes an entry without pixels: the dataset's
 * policy decides later. */
static void decode_task(void *context, int task, int thread)
{
    (void)thread;
    Builder *b = context;
    int image = b->batch_first + task;
    PackEntry *entry = &b->entries[image];
    Image *slot = &b->slots[task];
    Err err = {0};
    unsigned flags = 0;
    *entry = (PackEntry){.image = (uint32_t)image};
    if (!b->source->read(b->source, image, b->with_pixels ? slot : NULL, entry->content, &flags,
                         &err)) {
        entry->flags = PACK_BROKEN;
        return;
    }
    entry->flags = (uint16_t)flags;
    if (!b->with_pixels) return;
    entry->width = (uint16_t)slot->width;
    entry->height = (uint16_t)slot->height;
    entry->channels = (uint16_t)slot->channels;
    entry->checksum = digest_checksum(slot->data, pack_entry_bytes(entry));
}

static bool write_failed(const Builder *b, Err *err)
{
    return err_set(err, ERR_IO, "%s: cannot write: %s", b->tmp_path, strerror(errno));
}

static bool write_record(Builder *b, PackEntry *entry, const Image *slot, Err *err)
{
    static const uint8_t zeros[PACK_ALIGN];
    size_t n = pack_entry_bytes(entry);
    if (n > 0) entry->offset = b->at + sizeof *entry;
    if (fwrite(entry, sizeof *entry, 1, b->file) != 1) return write_failed(b, err);
    if (n > 0 && fwrite(slot->data, 1, n, b->file) != n) return write_failed(b, err);
    size_t n_padding = padded(n) - n;
    if (fwrite(zeros, 1, n_padding, b->file) != n_padding) return write_failed(b, err);
    b->at += sizeof *entry + padded(n);
    return true;
}

static PackHeader header_of(const Builder *b)
{
    PackHeader header = {
        .version = PACK_VERSION, .byte_order = PACK_BYTE_ORDER, .has_pixels = b->with_pixels};
    memcpy(header.magic, PACK_MAGIC, sizeof header.magic);
    memcpy(header.key, b->source->key, sizeof header.key);
    header.n_images = (uint64_t)b->source->n_images;
    header.estimated_bytes = b->estimated_bytes;
    return header;
}

/* Takes over the whole, undamaged records that a killed build left behind. Leaves the file
 * positioned after them. */
static void continue_records(Builder *b)
{
    PackHeader expected = header_of(b), found;
    if (fread(&found, sizeof found, 1, b->file) != 1 ||
        memcmp(&found, &expected, sizeof found) != 0)
        return;
    b->at = sizeof found;
    Image pixels = {0};
    PackEntry entry;
    while (b->n_done < b->source->n_images && fread(&entry, sizeof entry, 1, b->file) == 1) {
        size_t n = pack_entry_bytes(&entry);
        if (entry.image != (uint32_t)b->n_done || (n > 0) != (entry.offset == b->at + sizeof entry))
            break;
        if (n > 0) {
            if (entry.channels > 3) break;
            image_resize_storage(&pixels, entry.width, entry.height, entry.channels);
            if (fread(pixels.data, 1, n, b->file) != n ||
                digest_checksum(pixels.data, n) != entry.checksum)
                break;
            if (fseeko(b->file, (off_t)(padded(n) - n), SEEK_CUR) != 0) break;
        }
        b->entries[b->n_done++] = entry;
        b->at += sizeof entry + padded(n);
    }
    image_done(&pixels);
}

static bool begin_file(Builder *b, Err *err)
{
    b->n_done = 0;
    b->at = 0;
    int fd = open(b->tmp_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    b->file = fd >= 0 ? fdopen(fd, "r+b") : NULL;
    if (b->file == NULL) {
        err_set(err, ERR_IO, "%s: cannot create: %s", b->tmp_path, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    continue_records(b);
    if (fseeko(b->file, (off_t)b->at, SEEK_SET) != 0 ||
        ftruncate(fileno(b->file), (off_t)b->at) != 0) {
        return write_failed(b, err);
    }
    if (b->at > 0) return true;
    PackHeader header = header_of(b);
    b->at = sizeof header;
    return fwrite(&header, sizeof header, 1, b->file) == 1 || write_failed(b, err);
}

static bool finish_file(Builder *b, Err *err)
{
    size_t n_bytes = (size_t)b->source->n_images * sizeof *b->entries;
    PackHeader header = header_of(b);
    header.index_offset = b->at;
    digest_sha256(header.index_digest, b->entries, n_bytes);
    if (fwrite(b->entries, 1, n_bytes, b->file) != n_bytes || fseeko(b->file, 0, SEEK_SET) != 0 ||
        fwrite(&header, sizeof header, 1, b->file) != 1) {
        return write_failed(b, err);
    }
    int failed = fclose(b->file);
    b->file = NULL;
    if (failed != 0) return write_failed(b, err);
    return file_sync_rename(b->tmp_path, b->path, err);
}

/* Bytes of an average decoded image, from a sample spread over the table; broken ones count
 * nothing. */
static double mean_image_bytes(const Source *source)
{
    int n = source->n_images < SAMPLE_IMAGES ? source->n_images : SAMPLE_IMAGES;
    double sum = 0;
    Image image = {0};
    for (int i = 0; i < n; i++) {
        uint8_t digest[SHA256_BYTES];
        unsigned flags;
        Err ignored = {0};
        int at = (int)((int64_t)i * source->n_images / n);
        if (!source->read(source, at, &image, digest, &flags, &ignored)) continue;
        sum += (double)image.width * image.height * image.channels;
    }
    image_done(&image);
    return sum / n + PACK_ALIGN;
}

int64_t pack_budget(const char *path, const PackOptions *options)
{
    if (options->budget_bytes != 0) return options->budget_bytes;
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) *slash = '\0';
    struct statvfs disk;
    bool known = statvfs(slash != NULL ? folder : ".", &disk) == 0;
    free(folder);
    return known ? (int64_t)((double)disk.f_bavail * (double)disk.f_frsize / 2) : INT64_MAX;
}

/* Decodes and writes what is missing. *too_large: the budget was reached, which is no error. */
static bool write_images(Builder *b, int64_t budget, Progress *progress, bool *too_large, Err *err)
{
    int n_images = b->source->n_images;
    while (b->n_done < n_images) {
        b->batch_first = b->n_done;
        int n = n_images - b->n_done < b->batch_size ? n_images - b->n_done : b->batch_size;
        thread_pool_run(b->options->pool, n, decode_task, b);
        for (int i = 0; i < n; i++) {
            if (!write_record(b, &b->entries[b->n_done + i], &b->slots[i], err)) return false;
        }
        b->n_done += n;
        *too_large = b->with_pixels && (double)b->at > (double)budget;
        if (*too_large) return true;
        progress_update(progress, b->n_done, "");
    }
    return true;
}

/* One attempt, with or without pixels. */
static bool build_once(Builder *b, int64_t budget, bool *too_large, Err *err)
{
    *too_large = false;
    bool ok = begin_file(b, err);
    if (ok) {
        Progress progress;
        char label[96];
        snprintf(label, sizeof label, "%s %s", b->with_pixels ? "packing" : "indexing",
                 b->options->label);
        progress_begin(&progress, label, b->source->n_images, "images");
        progress_start_at(&progress, b->n_done);
        ok = write_images(b, budget, &progress, too_large, err);
        progress_end(&progress);
    }
    ok = ok && (*too_large || finish_file(b, err));
    if (b->file != NULL) (void)fclose(b->file); /* only after a failure, which has its message */
    b->file = NULL;
    if (!ok || *too_large) (void)remove(b->tmp_path);
    return ok;
}

bool pack_build(const char *path, const Source *source, const PackOptions *options, Err *err)
{
    Builder *b = mem_alloc(1, sizeof *b);
    Str tmp_path = {0};
    str_addf(&tmp_path, "%s.part",
             path); /* one name: we hold the lock, and a killed build is to be found again */
    *b = (Builder){.source = source, .options = options, .path = path, .tmp_path = tmp_path.text};
    b->entries = mem_alloc((size_t)source->n_images, sizeof *b->entries);
    int64_t budget = pack_budget(path, options);
    double mean = mean_image_bytes(source);
    double fitting = BATCH_BYTES / mean;
    b->batch_size = fitting > MAX_BATCH ? MAX_BATCH : fitting < 2 ? 2 : (int)fitting;
    b->estimated_bytes = (uint64_t)(mean * source->n_images);
    b->with_pixels = (double)b->estimated_bytes < (double)budget;
    bool too_large = false;
    bool ok = true;
    if (b->with_pixels) ok = build_once(b, budget, &too_large, err);
    if (ok && (!b->with_pixels || too_large)) {
        if (budget > 0) {
            log_info("%s: about %.1f GB decoded, more than the budget of %.1f GB: images will be "
                     "decoded on the fly",
                     options->label, (double)b->estimated_bytes / 1e9, (double)budget / 1e9);
        }
        b->with_pixels = false;
        ok = build_once(b, budget, &too_large, err);
    }
    for (int i = 0; i < MAX_BATCH; i++) image_done(&b->slots[i]);
    free(b->entries);
    free(b);
    str_done(&tmp_path);
    return ok;
}
