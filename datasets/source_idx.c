/* MNIST-like files as domains, by DomainBed's rules (domainbed/datasets.py
 * MultipleEnvironmentMNIST, RotatedMNIST, ColoredMNIST): all files concatenated, shuffled, dealt to
 * n domains as i::n; then rotated, or relabelled and coloured. The shuffle and the noise come from
 * the descriptor's seed and not from the run's, so that the domains of all runs are the same
 * (DomainBed's differ from job to job). */
#include "file.h"
#include "idx_file.h"
#include "mapped_file.h"
#include "mem.h"
#include "rng.h"
#include "source.h"
#include "transform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const Descriptor *descriptor;
    MappedFile *image_files, *label_files; /* [n_files] */
    IdxArray *images, *labels;             /* [n_files], into the mapped files */
    int n_files, n_items, height, width;
    int *item;       /* [n_images]: number of the image in the concatenated files */
    uint8_t *turned; /* [n_images]: colored: does the colour disagree with the label? */
} IdxContext;

/* The bytes of item i in the concatenation of arrays. */
static const uint8_t *item_data(const IdxArray *arrays, int i)
{
    while (i >= arrays->n) {
        i -= arrays->n;
        arrays++;
    }
    return arrays->data + (size_t)i * (size_t)(arrays->height * arrays->width);
}

static void color_digit(uint8_t *out, const uint8_t *grey, int n, int channel)
{
    for (int i = 0; i < n; i++) {
        out[2 * i + channel] = grey[i];
        out[2 * i + 1 - channel] = 0;
    }
}

static bool idx_read(const Source *source, int image, Image *out, uint8_t digest[SHA256_BYTES],
                     unsigned *flags, Err *err)
{
    (void)err;
    const IdxContext *c = source->context;
    const uint8_t *grey = item_data(c->images, c->item[image]);
    Image made = {0};
    Image *target = out != NULL ? out : &made;
    image_resize_storage(target, c->width, c->height, source->channels);
    if (source->channels == 1) {
        ImageView view = {c->width, c->height, 1, grey};
        transform_rotate(target, &view,
                         c->descriptor->idx.angles.items[source->images[image].domain]);
    } else {
        int color = source->images[image].label ^ c->turned[image]; /* colour 0 keeps channel 0 */
        color_digit(target->data, grey, c->width * c->height, color);
    }
    size_t n = (size_t)c->width * (size_t)c->height;
    digest_sha256(digest, target->data, n * (size_t)source->channels);
    image_done(&made);
    *flags = 0;
    return true;
}

static void idx_close(Source *source)
{
    IdxContext *c = source->context;
    for (int f = 0; c != NULL && f < c->n_files; f++) {
        mapped_file_close(&c->image_files[f]);
        mapped_file_close(&c->label_files[f]);
    }
}

static bool map_idx(MappedFile *file, IdxArray *array, const char *path, int rank, Sha256 *key,
                    Err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    int64_t facts[3] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    sha256_add(key, facts, sizeof facts);
    return mapped_file_open(file, path, err) &&
           idx_parse(array, file->bytes, file->n, rank, path, err);
}

static bool map_pair(IdxContext *c, int f, Sha256 *key, Arena *arena, Err *err)
{
    const Descriptor *d = c->descriptor;
    const char *images_path = file_join(arena, d->root, d->idx.images.items[f]);
    const char *labels_path = file_join(arena, d->root, d->idx.labels.items[f]);
    if (!map_idx(&c->image_files[f], &c->images[f], images_path, 3, key, err)) return false;
    if (!map_idx(&c->label_files[f], &c->labels[f], labels_path, 1, key, err)) return false;
    const IdxArray *images = &c->images[f];
    if (images->n != c->labels[f].n) {
        return err_set(err, ERR_FORMAT, "%s: %d labels, expected %d as images in %s", labels_path,
                       c->labels[f].n, images->n, images_path);
    }
    if (images->height != c->images[0].height || images->width != c->images[0].width) {
        return err_set(err, ERR_FORMAT, "%s: images of %d x %d, expected %d x %d", images_path,
                       images->height, images->width, c->images[0].height, c->images[0].width);
    }
    c->n_items += images->n;
    return true;
}

static bool map_files(Source *source, IdxContext *c, Arena *arena, Err *err)
{
    size_t n = (size_t)c->descriptor->idx.images.n;
    c->n_files = (int)n;
    c->image_files = arena_alloc(arena, n, sizeof *c->image_files);
    c->label_files = arena_alloc(arena, n, sizeof *c->label_files);
    c->images = arena_alloc(arena, n, sizeof *c->images);
    c->labels = arena_alloc(arena, n, sizeof *c->labels);
    Sha256 *key = sha256_new();
    bool ok = true;
    for (int f = 0; f < c->n_files && ok; f++) ok = map_pair(c, f, key, arena, err);
    const Descriptor *d = c->descriptor;
    int64_t rules[3] = {d->idx.rule, d->idx.seed, d->layout};
    sha256_add(key, rules, sizeof rules);
    sha256_add(key, d->idx.angles.items, (size_t)d->idx.angles.n * sizeof *d->idx.angles.items);
    sha256_add(key, d->idx.flip.items, (size_t)d->idx.flip.n * sizeof *d->idx.flip.items);
    sha256_add(key, &d->idx.label_noise, sizeof d->idx.label_noise);
    sha256_done(key, source->key);
    if (!ok) return false;
    c->height = c->images[0].height;
    c->width = c->images[0].width;
    return true;
}

static void name_domains(Source *source, const Descriptor *d, Arena *arena)
{
    bool rotated = d->idx.rule == IDX_ROTATED;
    source->n_domains = rotated ? d->idx.angles.n : d->idx.flip.n;
    source->domains = arena_alloc(arena, (size_t)source->n_domains, sizeof *source->domains);
    for (int i = 0; i < source->n_domains; i++) {
        source->domains[i] = d->domains.n > 0 ? d->domains.items[i]
                                              : arena_printf(arena, "%g",
                                                             rotated ? d->idx.angles.items[i]
                                                                     : 1 - d->idx.flip.items[i]);
    }
}

/* Label and, for coloured ones, whether the colour is turned. Class 1 is "the original label is
 * below 5". */
static int take_label(IdxContext *c, int image, int item, double flip)
{
    int label = item_data(c->labels, item)[0];
    const Descriptor *d = c->descriptor;
    if (d->idx.rule == IDX_ROTATED) return label;
    RngStream noise = rng_stream((uint64_t)d->idx.seed, "idx label noise"),
              color = rng_stream((uint64_t)d->idx.seed, "idx colour");
    c->turned[image] = rng_uniform(color, 0, (uint64_t)item) < flip;
    return (label < 5) ^ (rng_uniform(noise, 0, (uint64_t)item) < d->idx.label_noise);
}

static bool deal_images(Source *source, IdxContext *c, Arena *arena, Err *err)
{
    const Descriptor *d = c->descriptor;
    size_t n = (size_t)c->n_items;
    int *order = mem_alloc(n, sizeof *order);
    for (int i = 0; i < c->n_items; i++) order[i] = i;
    rng_shuffle(rng_stream((uint64_t)d->idx.seed, "idx shuffle"), 0, order, c->n_items);
    source->images = arena_alloc(arena, n, sizeof *source->images);
    source->first = arena_alloc(arena, (size_t)source->n_domains + 1, sizeof *source->first);
    c->item = arena_alloc(arena, n, sizeof *c->item);
    c->turned = arena_alloc(arena, n, 1);
    bool ok = true;
    int at = 0;
    for (int domain = 0; domain < source->n_domains && ok; domain++) {
        double flip = d->idx.rule == IDX_COLORED ? d->idx.flip.items[domain] : 0;
        for (int i = domain; i < c->n_items && ok; i += source->n_domains, at++) {
            int label = take_label(c, at, order[i], flip);
            c->item[at] = order[i];
            source->images[at] = (DatasetImage){
                .path = arena_printf(arena, "%s/%d", source->domains[domain], order[i]),
                .concept = "",
                .caption = "",
                .split = "",
                .domain = domain,
                .label = label};
            ok = label < source->n_classes ||
                 err_set(err, ERR_FORMAT, "%s: label %d, expected 0 to %d", source->place, label,
                         source->n_classes - 1);
        }
        source->first[domain + 1] = at;
    }
    source->n_images = at;
    free(order);
    return ok;
}

bool source_open_idx(Source *source, const Descriptor *d, Arena *arena, Err *err)
{
    IdxContext *c = arena_alloc(arena, 1, sizeof *c);
    c->descriptor = d;
    source->place = d->root;
    source->context = c;
    source->close = idx_close;
    source->read = idx_read;
    source->channels = d->idx.rule == IDX_ROTATED ? 1 : 2;
    if (!map_files(source, c, arena, err)) return false;
    name_domains(source, d, arena);
    if (c->n_items < source->n_domains) {
        return err_set(err, ERR_FORMAT, "%s: %d images for %d domains", source->place, c->n_items,
                       source->n_domains);
    }
    source->n_classes = d->classes.n;
    source->classes = arena_alloc(arena, (size_t)d->classes.n, sizeof *source->classes);
    for (int k = 0; k < d->classes.n; k++) source->classes[k] = d->classes.items[k];
    return deal_images(source, c, arena, err);
}
