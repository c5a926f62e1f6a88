/* Where images come from: a table of images, and a function that produces one image. The pack
 * (pack.h) and the dataset (dataset.h) see every layout through this. Everything lives in the
 * dataset's arena. */
#ifndef DATASETS_SOURCE_H
#define DATASETS_SOURCE_H

#include "arena.h"
#include "dataset.h"
#include "descriptor.h"
#include "digest.h"
#include "image.h"

typedef struct Source Source;
struct Source {
    const char *place; /* the root (or manifest), for messages */
    int n_domains;
    const char **domains;
    int *first; /* [n_domains + 1] */
    int n_classes;
    const char **classes;
    int n_images;
    DatasetImage *images; /* ordered by domain */
    int channels;
    uint8_t key[SHA256_BYTES]; /* changes whenever any image's content may have changed: names,
                                  sizes, times, rules */

    /* Produces image number `image`. out NULL: only the digest is wanted. digest: of the file's
     * bytes, or of the pixels when there is no file. Thread-safe. Fails when the image is broken.
     */
    bool (*read)(const Source *source, int image, Image *out, uint8_t digest[SHA256_BYTES],
                 unsigned *flags, Err *err);
    void (*close)(Source *source); /* NULL: nothing to close */
    void *context;                 /* of the layout */
};

/* One constructor per layout; source is the caller's storage, filled in place. */
MUST_USE bool source_open_folder(Source *source, const Descriptor *d, Arena *arena, Err *err);
MUST_USE bool source_open_manifest(Source *source, const Descriptor *d, Arena *arena, Err *err);
MUST_USE bool source_open_idx(Source *source, const Descriptor *d, Arena *arena, Err *err);
MUST_USE bool source_open_shapes(Source *source, const Descriptor *d, Arena *arena, Err *err);

/* ---- shared by the layouts ---- */

/* An image before classes and domains have numbers. */
typedef struct {
    DatasetImage image; /* label not set yet */
    const char *class_name;
} FoundImage;

typedef struct {
    FoundImage *items; /* heap */
    int n, capacity;
} FoundImages;

void found_add(FoundImages *found, FoundImage image);
void found_done(FoundImages *found);

/* Sets source->domains: the descriptor's names for them, else the values (folders) themselves. */
void source_name_domains(Source *source, const TextList *values, const Descriptor *d, Arena *arena);

/* Makes the ONE class map (the descriptor's list, else the sorted union), labels the images, groups
 * them by domain (keeping the order inside), and refuses or reports classes that a domain lacks.
 * source->domains has to be set. */
MUST_USE bool source_take_images(Source *source, const FoundImages *found, const Descriptor *d,
                                 Arena *arena, Err *err);

/* The reading function of layouts that keep one image per file below a root; context: FileContext.
 */
typedef struct {
    const char **paths; /* [n_images] that can be opened */
} FileContext;
bool source_read_file(const Source *source, int image, Image *out, uint8_t digest[SHA256_BYTES],
                      unsigned *flags, Err *err);

/* Sets read, context and key (of paths, sizes and times) from source->images and the root. */
MUST_USE bool source_use_files(Source *source, const char *root, Arena *arena, Err *err);

/* The file name up to its first dot: "line/bird/1f413.glyph.png" -> "1f413". */
const char *source_concept_of(const char *path, Arena *arena);

#endif
