/* A dataset: several domains, ONE list of classes over all of them, one table of images, and their
 * pixels.
 *
 *     Dataset *d;
 *     if (!dataset_open(&d, "emoji-styles", &(DatasetOptions){.pool = pool}, err)) return false;
 *     for (int i = 0; i < d->n_images; i++) use(d->images[i].domain, d->images[i].label);
 *     dataset_close(d);
 *
 * Images are ordered by domain; inside a folder domain by class, then by path, as torchvision's
 * ImageFolder orders them, so that DomainBed's splits (split.h) pick the same files. Everything in
 * the struct is owned by the dataset, read-only, and may be read by many threads at once.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H

#include "arena.h"
#include "digest.h"
#include "err.h"
#include "image.h"
#include "thread_pool.h"

#include <stdint.h>

typedef struct {
    const char *path;    /* relative to the root; a made-up unique name for idx and shapes */
    const char *concept; /* the same in every domain; "" when the dataset has no concepts */
    const char *caption; /* "" when there is none */
    const char *split;   /* split tag of a manifest, "" otherwise */
    int domain, label;   /* indices into domains and classes */
} DatasetImage;

typedef struct DatasetPixels DatasetPixels;

typedef struct {
    const char *name;
    const char *licence; /* "" when not known */
    int n_domains;
    const char *const *domains;
    const int *first; /* [n_domains + 1]: domain d has images first[d] .. first[d+1]-1 */
    int n_classes;
    const char *const *classes;
    const char *const
        *class_texts; /* words for prompts; by default the class name with _ and - as spaces */
    int n_images;
    const DatasetImage *images;
    int channels;                      /* of every image: 1, 2 or 3 */
    bool has_concepts;                 /* every image has a concept id */
    int n_skipped;                     /* broken images left out by the policy `broken: skip` */
    char fingerprint[SHA256_HEX_SIZE]; /* of names, labels, domains and every image's content; not
                                          of any path */
    DatasetPixels *pixels;
} Dataset;

typedef struct {
    const char *root;          /* folder of the data; NULL: as the descriptor says */
    const char *cache_dir;     /* NULL: file_cache_dir() */
    int64_t pack_budget_bytes; /* largest pack; 0: half of the free space; negative: never store
                                  pixels */
    ThreadPool *pool;          /* for decoding while packing; NULL: the caller's thread only */
    bool skip_broken;          /* as `broken: skip` in the descriptor */
    bool keep_broken; /* for audits: broken images stay in the table, dataset_is_broken tells */
    bool allow_missing_classes;
} DatasetOptions;

/* name_or_path: a descriptor that came with the program ("pacs"), the path of a descriptor
 * (*.yaml), a folder root/domain/class/image, or a list of images (*.csv with a column "path", of
 * files beside it): one domain, one class. options may be NULL. The first opening packs the
 * images (see pack.h), with progress. */
MUST_USE bool dataset_open(Dataset **out, const char *name_or_path, const DatasetOptions *options,
                           Err *err);
void dataset_close(Dataset *dataset); /* NULL is fine */

/* The decoded image. With a pack, out points into the mapped file and this cannot fail; otherwise
 * the image is decoded into *scratch (start with Image scratch = {0}, end with image_done), which
 * out borrows. Thread-safe when every thread has its own scratch. */
MUST_USE bool dataset_pixels(const Dataset *dataset, int image, ImageView *out, Image *scratch,
                             Err *err);

/* SHA-256 of the image's file (of its pixels for idx and shapes): 32 bytes, owned by the dataset.
 */
const uint8_t *dataset_content(const Dataset *dataset, int image);

unsigned dataset_image_flags(const Dataset *dataset, int image); /* IMAGE_WAS_GREY and the like */
bool dataset_is_broken(const Dataset *dataset, int image);       /* only with keep_broken */
bool dataset_is_packed(const Dataset *dataset);                  /* false: decoded on the fly */

int dataset_find_domain(const Dataset *dataset, const char *name); /* -1 when there is none */
int dataset_find_class(const Dataset *dataset, const char *name);

/* Names of the descriptors that came with the program, in the arena. */
const char **dataset_shipped_names(int *out_n, Arena *arena);

#endif
