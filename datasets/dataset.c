/* Descriptor -> source -> pack -> dataset, with the policies for missing folders and broken images.
 */
#include "dataset.h"

#include "descriptor.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "pack.h"
#include "source.h"
#include "str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { BROKEN_SHOWN = 20 };

struct DatasetPixels {
    Dataset dataset; /* so that one block holds both */
    Arena *arena;
    Source source;
    Pack *pack;
    int *source_image; /* [n_images]: number in the source and the pack */
};

typedef bool SourceOpen(Source *source, const Descriptor *d, Arena *arena, Err *err);

static SourceOpen *const SOURCE_OPEN[] = {[LAYOUT_FOLDER] = source_open_folder,
                                          [LAYOUT_MANIFEST] = source_open_manifest,
                                          [LAYOUT_IDX] = source_open_idx,
                                          [LAYOUT_SHAPES] = source_open_shapes};

static bool check_root(const Descriptor *d, Err *err)
{
    if (d->layout == LAYOUT_SHAPES || file_is_dir(d->root)) return true;
    const char *get = d->get[0] != '\0' ? d->get : "put it there, or name another folder";
    return err_set(err, ERR_NOT_FOUND, "%s: folder %s does not exist; to get it: %s", d->name,
                   d->root, get);
}

static bool open_source(struct DatasetPixels *p, const Descriptor *d, Err *err)
{
    if (!SOURCE_OPEN[d->layout](&p->source, d, p->arena, err)) {
        return err_context(err, "%s", d->name);
    }
    return true;
}

/* One pack per (name, root), so that a changed dataset replaces its old pack. */
static char *pack_path(const Descriptor *d, const char *cache_dir, Arena *arena)
{
    uint8_t digest[SHA256_BYTES];
    char hex[9];
    digest_sha256(digest, d->root, strlen(d->root));
    digest_hex(hex, digest, 4);
    char *name = arena_strdup(arena, d->name);
    for (char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("-_.", *c) == NULL) *c = '_';
    }
    return arena_printf(arena, "%s/packs/%s-%s.pack", cache_dir, name, hex);
}

static bool open_pack(struct DatasetPixels *p, const Descriptor *d, const DatasetOptions *options,
                      const char *cache_dir, Err *err)
{
    if (!file_make_dirs(file_join(p->arena, cache_dir, "packs"), err)) return false;
    PackOptions pack_options = {
        .label = d->name, .budget_bytes = options->pack_budget_bytes, .pool = options->pool};
    return pack_open(&p->pack, pack_path(d, cache_dir, p->arena), &p->source, &pack_options, err);
}

static bool is_broken(const struct DatasetPixels *p, int source_image)
{
    return (pack_entry(p->pack, source_image)->flags & PACK_BROKEN) != 0;
}

/* Says which images are broken and why. Returns how many; first: the first one's message. */
static int report_broken(const struct DatasetPixels *p, Err *first)
{
    int n = 0;
    Image image = {0};
    for (int i = 0; i < p->source.n_images; i++) {
        if (!is_broken(p, i)) continue;
        uint8_t digest[SHA256_BYTES];
        unsigned flags;
        Err err = {0};
        if (n < BROKEN_SHOWN) {
            if (p->source.read(&p->source, i, &image, digest, &flags, &err)) {
                err_set(&err, ERR_IO, "%s: could not be read when it was packed",
                        p->source.images[i].path);
            }
            log_warn("%s", err.text);
        }
        if (n == 0) *first = err;
        n++;
    }
    if (n > BROKEN_SHOWN) log_warn("and %d more broken images", n - BROKEN_SHOWN);
    image_done(&image);
    return n;
}

/* Refuses, keeps or skips broken images; sets the image table. */
static bool take_images(struct DatasetPixels *p, const Descriptor *d, const DatasetOptions *options,
                        Err *err)
{
    Dataset *dataset = &p->dataset;
    int n_source = p->source.n_images, n = 0, n_broken = 0;
    for (int i = 0; i < n_source; i++) n_broken += is_broken(p, i);
    bool skip = (options->skip_broken || d->broken == BROKEN_SKIP) && !options->keep_broken;
    if (n_broken > 0 && !options->keep_broken) {
        Err first = {0};
        report_broken(p, &first);
        if (!skip) {
            return err_set(
                err, ERR_FORMAT,
                "%s: %d of %d images cannot be read (first: %s); mend them or set broken: skip",
                d->name, n_broken, n_source, first.text);
        }
        log_warn("%s: %d of %d images skipped", d->name, n_broken, n_source);
    }
    DatasetImage *images = arena_alloc(p->arena, (size_t)n_source, sizeof *images);
    int *first = arena_alloc(p->arena, (size_t)p->source.n_domains + 1, sizeof *first);
    p->source_image = arena_alloc(p->arena, (size_t)n_source, sizeof *p->source_image);
    for (int i = 0; i < n_source; i++) {
        if (skip && is_broken(p, i)) continue;
        p->source_image[n] = i;
        images[n++] = p->source.images[i];
        first[p->source.images[i].domain + 1] = n;
    }
    for (int k = 0; k < p->source.n_domains; k++) {
        if (first[k + 1] <= first[k]) {
            return err_set(err, ERR_FORMAT, "%s: no readable image in domain \"%s\"", d->name,
                           p->source.domains[k]);
        }
    }
    dataset->images = images;
    dataset->n_images = n;
    dataset->n_skipped = n_source - n;
    dataset->first = first;
    return true;
}

/* "fruit_vegetable-x" -> "fruit vegetable x" */
static char *spoken(const char *class_name, Arena *arena)
{
    char *text = arena_strdup(arena, class_name);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '_' || *c == '-') *c = ' ';
    }
    return text;
}

static void take_names(struct DatasetPixels *p, const Descriptor *d)
{
    Dataset *dataset = &p->dataset;
    dataset->name = d->name;
    dataset->licence = d->licence;
    dataset->n_domains = p->source.n_domains;
    dataset->domains = p->source.domains;
    dataset->n_classes = p->source.n_classes;
    dataset->classes = p->source.classes;
    dataset->channels = p->source.channels;
    const char **texts = arena_alloc(p->arena, (size_t)dataset->n_classes, sizeof *texts);
    for (int k = 0; k < dataset->n_classes; k++) {
        texts[k] =
            d->class_texts.n > 0 ? d->class_texts.items[k] : spoken(dataset->classes[k], p->arena);
    }
    dataset->class_texts = texts;
    dataset->has_concepts = true;
    for (int i = 0; i < dataset->n_images; i++)
    dataset->has_concepts &= dataset->images[i].concept[0] != '\0';
}

static void take_fingerprint(struct DatasetPixels *p)
{
    Dataset *dataset = &p->dataset;
    Sha256 *sha = sha256_new();
    for (int d = 0; d < dataset->n_domains; d++) sha256_add_str(sha, dataset->domains[d]);
    for (int k = 0; k < dataset->n_classes; k++) sha256_add_str(sha, dataset->classes[k]);
    for (int i = 0; i < dataset->n_images; i++) {
        const DatasetImage *image = &dataset->images[i];
        int32_t numbers[2] = {image->domain, image->label};
        sha256_add_str(sha, image->path);
        sha256_add_str(sha, image->concept);
        sha256_add_str(sha, image->split);
        sha256_add(sha, numbers, sizeof numbers);
        sha256_add(sha, dataset_content(dataset, i), SHA256_BYTES);
    }
    sha256_done_hex(sha, dataset->fingerprint);
}

bool dataset_open(Dataset **out, const char *name_or_path, const DatasetOptions *options, Err *err)
{
    static const DatasetOptions DEFAULTS;
    if (options == NULL) options = &DEFAULTS;
    struct DatasetPixels *p = mem_alloc(1, sizeof *p);
    p->arena = arena_new();
    p->dataset.pixels = p;
    const char *cache_dir =
        options->cache_dir != NULL ? options->cache_dir : file_cache_dir(p->arena);
    Descriptor *d = NULL;
    bool ok = descriptor_load(&d, name_or_path, options->root, cache_dir, p->arena, err);
    if (ok) d->allow_missing_classes |= options->allow_missing_classes;
    ok = ok && check_root(d, err) && open_source(p, d, err) &&
         open_pack(p, d, options, cache_dir, err) && take_images(p, d, options, err);
    if (!ok) {
        dataset_close(&p->dataset);
        return false;
    }
    take_names(p, d);
    take_fingerprint(p);
    *out = &p->dataset;
    return true;
}

void dataset_close(Dataset *dataset)
{
    if (dataset == NULL) return;
    struct DatasetPixels *p = dataset->pixels;
    pack_close(p->pack);
    if (p->source.close != NULL) p->source.close(&p->source);
    arena_free(p->arena);
    free(p);
}

static int source_image_of(const Dataset *dataset, int image)
{
    check(image >= 0 && image < dataset->n_images, "image %d of %d", image, dataset->n_images);
    return dataset->pixels->source_image[image];
}

bool dataset_pixels(const Dataset *dataset, int image, ImageView *out, Image *scratch, Err *err)
{
    const struct DatasetPixels *p = dataset->pixels;
    int at = source_image_of(dataset, image);
    if (pack_view(out, p->pack, at)) return true;
    uint8_t digest[SHA256_BYTES];
    unsigned flags;
    if (!p->source.read(&p->source, at, scratch, digest, &flags, err)) return false;
    *out = image_view(scratch);
    return true;
}

const uint8_t *dataset_content(const Dataset *dataset, int image)
{
    return pack_entry(dataset->pixels->pack, source_image_of(dataset, image))->content;
}

unsigned dataset_image_flags(const Dataset *dataset, int image)
{
    return pack_entry(dataset->pixels->pack, source_image_of(dataset, image))->flags &
           ~(unsigned)PACK_BROKEN;
}

bool dataset_is_broken(const Dataset *dataset, int image)
{
    return is_broken(dataset->pixels, source_image_of(dataset, image));
}

bool dataset_is_packed(const Dataset *dataset)
{
    return pack_has_pixels(dataset->pixels->pack);
}

int dataset_find_domain(const Dataset *dataset, const char *name)
{
    for (int d = 0; d < dataset->n_domains; d++) {
        if (str_equal(dataset->domains[d], name)) return d;
    }
    return -1;
}

int dataset_find_class(const Dataset *dataset, const char *name)
{
    for (int k = 0; k < dataset->n_classes; k++) {
        if (str_equal(dataset->classes[k], name)) return k;
    }
    return -1;
}
