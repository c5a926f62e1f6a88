/* What the layouts share: the class map, and images that are files. */
#include "source.h"

#include "file.h"
#include "log.h"
#include "mem.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void found_add(FoundImages *found, FoundImage image)
{
    mem_reserve(found->items, found->capacity, found->n + 1);
    found->items[found->n++] = image;
}

void found_done(FoundImages *found)
{
    free(found->items);
    *found = (FoundImages){0};
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void source_name_domains(Source *source, const TextList *values, const Descriptor *d, Arena *arena)
{
    source->n_domains = values->n;
    source->domains = arena_alloc(arena, (size_t)values->n, sizeof *source->domains);
    for (int i = 0; i < values->n; i++) {
        source->domains[i] = d->domain_names.n > 0 ? d->domain_names.items[i] : values->items[i];
    }
}

/* Sorted union of the class names found. */
static void classes_from_images(Source *source, const FoundImages *found, Arena *arena)
{
    const char **names = arena_alloc(arena, (size_t)found->n, sizeof *names);
    int n = 0;
    for (int i = 0; i < found->n; i++) {
        if (i == 0 || !str_equal(found->items[i].class_name, names[n - 1]))
            names[n++] = found->items[i].class_name;
    }
    if (n > 0) qsort(names, (size_t)n, sizeof *names, compare_texts);
    int n_unique = 0;
    for (int i = 0; i < n; i++) {
        if (n_unique == 0 || !str_equal(names[i], names[n_unique - 1]))
            names[n_unique++] = names[i];
    }
    source->classes = names;
    source->n_classes = n_unique;
}

static void classes_from_descriptor(Source *source, const Descriptor *d, Arena *arena)
{
    source->n_classes = d->classes.n;
    source->classes = arena_alloc(arena, (size_t)d->classes.n, sizeof *source->classes);
    for (int i = 0; i < d->classes.n; i++) source->classes[i] = d->classes.items[i];
}

/* Class names with their numbers, sorted, for many look-ups. */
typedef struct {
    const char *name;
    int label;
} ClassEntry;

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const ClassEntry *)a)->name, ((const ClassEntry *)b)->name);
}

static bool label_image(const Source *source, FoundImage *found, const ClassEntry *entries,
                        Err *err)
{
    ClassEntry wanted = {.name = found->class_name};
    const ClassEntry *entry =
        bsearch(&wanted, entries, (size_t)source->n_classes, sizeof *entries, compare_entries);
    if (entry != NULL) {
        found->image.label = entry->label;
        return true;
    }
    const char *nearest = str_nearest(found->class_name, source->classes, source->n_classes);
    return err_set(err, ERR_FORMAT,
                   "%s: %s: class \"%s\" is not one of the descriptor's %d classes%s%s%s",
                   source->place, found->image.path, found->class_name, source->n_classes,
                   nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?)" : "");
}

static bool label_all(Source *source, const FoundImages *found, Err *err)
{
    ClassEntry *entries = mem_alloc((size_t)source->n_classes, sizeof *entries);
    for (int k = 0; k < source->n_classes; k++) entries[k] = (ClassEntry){source->classes[k], k};
    qsort(entries, (size_t)source->n_classes, sizeof *entries, compare_entries);
    bool ok = true;
    for (int i = 0; i < found->n && ok; i++)
        ok = label_image(source, &found->items[i], entries, err);
    free(entries);
    return ok;
}

static void group_by_domain(Source *source, const FoundImages *found, Arena *arena)
{
    source->n_images = found->n;
    source->images = arena_alloc(arena, (size_t)found->n, sizeof *source->images);
    source->first = arena_alloc(arena, (size_t)source->n_domains + 1, sizeof *source->first);
    for (int i = 0; i < found->n; i++) source->first[found->items[i].image.domain + 1]++;
    for (int d = 0; d < source->n_domains; d++) source->first[d + 1] += source->first[d];
    int *next = mem_alloc((size_t)source->n_domains, sizeof *next);
    memcpy(next, source->first, (size_t)source->n_domains * sizeof *next);
    for (int i = 0; i < found->n; i++)
        source->images[next[found->items[i].image.domain]++] = found->items[i].image;
    free(next);
}

/* Names every (domain, class) pair without images, at most as many as a line holds. */
static bool check_gaps(const Source *source, bool allowed, Err *err)
{
    size_t n_classes = (size_t)source->n_classes;
    int *counts = mem_alloc((size_t)source->n_domains * n_classes, sizeof *counts);
    for (int i = 0; i < source->n_images; i++) {
        const DatasetImage *image = &source->images[i];
        counts[(size_t)image->domain * n_classes + (size_t)image->label]++;
    }
    Str gaps = {0};
    int n_gaps = 0;
    for (int d = 0; d < source->n_domains; d++) {
        for (int k = 0; k < source->n_classes; k++) {
            if (counts[(size_t)d * n_classes + (size_t)k] > 0 || n_gaps++ >= 8) continue;
            str_addf(&gaps, "%sdomain \"%s\" has no image of class \"%s\"", n_gaps > 1 ? ", " : "",
                     source->domains[d], source->classes[k]);
        }
    }
    if (n_gaps > 8) str_addf(&gaps, " and %d more such gaps", n_gaps - 8);
    free(counts);
    bool ok = n_gaps == 0 || allowed;
    if (!ok) {
        err_set(err, ERR_FORMAT,
                "%s: %s; expected every class in every domain (or allow_missing_classes: true)",
                source->place, str_text(&gaps));
    } else if (n_gaps > 0) {
        log_warn("%s: %s", source->place, str_text(&gaps));
    }
    str_done(&gaps);
    return ok;
}

static bool check_domains_filled(const Source *source, Err *err)
{
    for (int d = 0; d < source->n_domains; d++) {
        if (source->first[d + 1] == source->first[d]) {
            return err_set(err, ERR_FORMAT,
                           "%s: no images in domain \"%s\", expected root/domain/class/image",
                           source->place, source->domains[d]);
        }
    }
    return true;
}

bool source_take_images(Source *source, const FoundImages *found, const Descriptor *d, Arena *arena,
                        Err *err)
{
    if (found->n == 0)
        return err_set(err, ERR_FORMAT, "%s: no images, expected some", source->place);
    if (d->classes.n > 0) {
        classes_from_descriptor(source, d, arena);
    } else {
        classes_from_images(source, found, arena);
    }
    if (!label_all(source, found, err)) return false;
    group_by_domain(source, found, arena);
    return check_domains_filled(source, err) && check_gaps(source, d->allow_missing_classes, err);
}

bool source_read_file(const Source *source, int image, Image *out, uint8_t digest[SHA256_BYTES],
                      unsigned *flags, Err *err)
{
    const FileContext *context = source->context;
    const char *path = context->paths[image];
    char *bytes;
    size_t n;
    if (!file_read(&bytes, &n, path, IMAGE_MAX_FILE_BYTES, err)) return false;
    digest_sha256(digest, bytes, n);
    bool ok = out == NULL || image_decode(out, flags, bytes, n, path, err);
    free(bytes);
    return ok;
}

bool source_use_files(Source *source, const char *root, Arena *arena, Err *err)
{
    FileContext *context = arena_alloc(arena, 1, sizeof *context);
    context->paths = arena_alloc(arena, (size_t)source->n_images, sizeof *context->paths);
    Sha256 *key = sha256_new();
    bool ok = true;
    for (int i = 0; i < source->n_images && ok; i++) {
        const char *path = file_join(arena, root, source->images[i].path);
        struct stat st;
        ok = stat(path, &st) == 0;
        if (!ok)
            err_set(err, ERR_NOT_FOUND, "%s: %s: %s", source->place, source->images[i].path,
                    strerror(errno));
        if (!ok) break;
        int64_t facts[3] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
        sha256_add_str(key, source->images[i].path);
        sha256_add(key, facts, sizeof facts);
        context->paths[i] = path;
    }
    sha256_done(key, source->key);
    source->context = context;
    source->read = source_read_file;
    source->channels = 3;
    return ok;
}

const char *source_concept_of(const char *path, Arena *arena)
{
    const char *name = file_base_name(path);
    size_t n = strcspn(name + 1, ".") + 1;
    return arena_strndup(arena, name, n);
}
