/* The table of descriptor keys, and where descriptors are found. */
#include "descriptor.h"

#include "dataset.h"
#include "file.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name, *text;
} EmbeddedFile;
extern const EmbeddedFile descriptor_files[]; /* generated from the *.yaml files beside this one */

static const char *const LAYOUTS[] = {"folder", "manifest", "idx", "shapes", NULL};
static const char *const CONCEPTS[] = {"none", "stem", NULL};
static const char *const BROKEN[] = {"refuse", "skip", NULL};
static const char *const IDX_RULES[] = {"rotated", "colored", NULL};

#define AT(field) offsetof(Descriptor, field)

static const SchemaRow ROWS[] = {
    {.key = "name",
     .type = FIELD_TEXT,
     .offset = AT(name),
     .flags = FIELD_REQUIRED,
     .help = "name of the dataset"},
    {.key = "licence",
     .type = FIELD_TEXT,
     .offset = AT(licence),
     .help = "licence note, shown to users"},
    {.key = "root",
     .type = FIELD_TEXT,
     .offset = AT(root),
     .default_text = ".",
     .help = "folder of the data; ${cache} is the cache folder, a relative path begins at the "
             "descriptor"},
    {.key = "get",
     .type = FIELD_TEXT,
     .offset = AT(get),
     .help = "how to get the data, shown when it is missing"},
    {.key = "layout",
     .type = FIELD_CHOICE,
     .offset = AT(layout),
     .default_text = "folder",
     .choices = LAYOUTS,
     .help =
         "folder: root/domain/class/image; manifest: a CSV; idx: MNIST family; shapes: generated"},
    {.key = "domains",
     .type = FIELD_TEXT_LIST,
     .offset = AT(domains),
     .help = "domain folders or values, in order (default: all, sorted)"},
    {.key = "domain_names",
     .type = FIELD_TEXT_LIST,
     .offset = AT(domain_names),
     .help = "names to show, in the order of domains"},
    {.key = "classes",
     .type = FIELD_TEXT_LIST,
     .offset = AT(classes),
     .help = "classes, in order (default: the sorted union over all domains)"},
    {.key = "class_texts",
     .type = FIELD_TEXT_LIST,
     .offset = AT(class_texts),
     .help =
         "words for prompts, in the order of classes (default: the class name, _ and - as spaces)"},
    {.key = "concept",
     .type = FIELD_CHOICE,
     .offset = AT(concept),
     .default_text = "none",
     .choices = CONCEPTS,
     .help = "stem: the file name up to its first dot names a concept that is the same in every "
             "domain"},
    {.key = "broken",
     .type = FIELD_CHOICE,
     .offset = AT(broken),
     .default_text = "refuse",
     .choices = BROKEN,
     .help = "images that cannot be read: refuse the dataset, or skip (and count) them"},
    {.key = "allow_missing_classes",
     .type = FIELD_BOOL,
     .offset = AT(allow_missing_classes),
     .default_text = "false",
     .help = "a class without images in a domain is a warning instead of an error"},
    {.key = "captions.file",
     .type = FIELD_TEXT,
     .offset = AT(captions.file),
     .help = "CSV of captions below root"},
    {.key = "captions.path",
     .type = FIELD_TEXT,
     .offset = AT(captions.path),
     .default_text = "path",
     .help = "its column of image paths"},
    {.key = "captions.text",
     .type = FIELD_TEXT,
     .offset = AT(captions.text),
     .default_text = "caption",
     .help = "its column of captions"},
    {.key = "manifest.file",
     .type = FIELD_TEXT,
     .offset = AT(manifest.file),
     .help = "CSV of images below root"},
    {.key = "manifest.path",
     .type = FIELD_TEXT,
     .offset = AT(manifest.path),
     .default_text = "path",
     .help = "its column of image paths below root"},
    {.key = "manifest.label",
     .type = FIELD_TEXT,
     .offset = AT(manifest.label),
     .default_text = "label",
     .help = "its column of class names; empty: all are of one class"},
    {.key = "manifest.domain",
     .type = FIELD_TEXT,
     .offset = AT(manifest.domain),
     .default_text = "domain",
     .help = "its column of domains; empty: all are of one domain"},
    {.key = "manifest.split",
     .type = FIELD_TEXT,
     .offset = AT(manifest.split),
     .help = "its column of split tags"},
    {.key = "manifest.caption",
     .type = FIELD_TEXT,
     .offset = AT(manifest.caption),
     .help = "its column of captions"},
    {.key = "idx.rule",
     .type = FIELD_CHOICE,
     .offset = AT(idx.rule),
     .default_text = "rotated",
     .choices = IDX_RULES,
     .help = "rotated: a domain per angle; colored: colour goes with the label"},
    {.key = "idx.images",
     .type = FIELD_TEXT_LIST,
     .offset = AT(idx.images),
     .help = "IDX files of images below root"},
    {.key = "idx.labels",
     .type = FIELD_TEXT_LIST,
     .offset = AT(idx.labels),
     .help = "IDX files of labels below root"},
    {.key = "idx.angles",
     .type = FIELD_NUMBER_LIST,
     .offset = AT(idx.angles),
     .low = -360,
     .high = 360,
     .help = "rotated: degrees counter-clockwise, a domain each"},
    {.key = "idx.flip",
     .type = FIELD_NUMBER_LIST,
     .offset = AT(idx.flip),
     .low = 0,
     .high = 1,
     .help = "colored: probability that the colour disagrees with the label, a domain each"},
    {.key = "idx.label_noise",
     .type = FIELD_FLOAT,
     .offset = AT(idx.label_noise),
     .default_text = "0.25",
     .low = 0,
     .high = 1,
     .help = "colored: probability that a label is flipped"},
    {.key = "idx.seed",
     .type = FIELD_INT,
     .offset = AT(idx.seed),
     .default_text = "0",
     .low = 0,
     .high = 1e9,
     .help = "of the shuffle, the noise and the colours; not the run's seed"},
    {.key = "shapes.per_class",
     .type = FIELD_INT,
     .offset = AT(shapes.per_class),
     .default_text = "100",
     .low = 1,
     .high = 100000,
     .help = "images per domain and class"},
    {.key = "shapes.size",
     .type = FIELD_INT,
     .offset = AT(shapes.size),
     .default_text = "32",
     .low = 8,
     .high = 512,
     .help = "pixels per side"},
    {.key = "shapes.seed",
     .type = FIELD_INT,
     .offset = AT(shapes.seed),
     .default_text = "0",
     .low = 0,
     .high = 1e9,
     .help = "of the generator"},
};

static const Schema SCHEMA = {ROWS, sizeof ROWS / sizeof *ROWS};

const Schema *descriptor_schema(void)
{
    return &SCHEMA;
}

static bool same_length(const TextList *a, const char *a_name, const TextList *b,
                        const char *b_name, const char *place, Err *err)
{
    if (a->n == 0 || a->n == b->n) return true;
    return err_set(err, ERR_FORMAT, "%s: found %d %s for %d %s, expected one each", place, a->n,
                   a_name, b->n, b_name);
}

static bool no_duplicates(const TextList *list, const char *what, const char *place, Err *err)
{
    for (int i = 0; i < list->n; i++) {
        for (int j = 0; j < i; j++) {
            if (str_equal(list->items[i], list->items[j])) {
                return err_set(err, ERR_FORMAT, "%s: \"%s\" twice in %s", place, list->items[i],
                               what);
            }
        }
    }
    return true;
}

static bool needs(bool given, const char *key, const char *layout, const char *place, Err *err)
{
    if (given) return true;
    return err_set(err, ERR_FORMAT, "%s: layout %s without %s, expected to find it", place, layout,
                   key);
}

static bool check_idx(const Descriptor *d, const char *place, Err *err)
{
    if (!needs(d->idx.images.n > 0, "idx.images", "idx", place, err)) return false;
    if (!needs(d->classes.n > 0, "classes", "idx", place, err)) return false;
    if (!same_length(&d->idx.images, "idx.images", &d->idx.labels, "idx.labels", place, err))
        return false;
    bool rotated = d->idx.rule == IDX_ROTATED;
    int n_rules = rotated ? d->idx.angles.n : d->idx.flip.n;
    const char *key = rotated ? "idx.angles" : "idx.flip";
    if (!needs(n_rules > 0, key, "idx", place, err)) return false;
    if (d->domains.n > 0 && d->domains.n != n_rules) {
        return err_set(err, ERR_FORMAT, "%s: found %d domains for %d %s, expected one each", place,
                       d->domains.n, n_rules, key);
    }
    if (!rotated && d->classes.n != 2) {
        return err_set(err, ERR_FORMAT, "%s: %d classes, expected 2 for idx.rule: colored", place,
                       d->classes.n);
    }
    return true;
}

/* What one row of the schema cannot say: keys that belong together. */
static bool descriptor_check(const Descriptor *d, const char *place, Err *err)
{
    if (!same_length(&d->domain_names, "domain_names", &d->domains, "domains", place, err))
        return false;
    if (!same_length(&d->class_texts, "class_texts", &d->classes, "classes", place, err))
        return false;
    if (!no_duplicates(&d->domains, "domains", place, err)) return false;
    if (!no_duplicates(&d->domain_names, "domain_names", place, err)) return false;
    if (!no_duplicates(&d->classes, "classes", place, err)) return false;
    if (d->layout == LAYOUT_MANIFEST) {
        return needs(d->manifest.file[0] != '\0', "manifest.file", "manifest", place, err);
    }
    if (d->layout == LAYOUT_IDX) {
        return check_idx(d, place, err);
    }
    return true;
}

bool descriptor_parse(Descriptor **out, const char *text, size_t n_bytes, const char *place,
                      Arena *arena, Err *err)
{
    YamlNode *map;
    if (!yaml_parse(&map, text, n_bytes, place, arena, err)) return false;
    Descriptor *d = arena_alloc(arena, 1, sizeof *d);
    schema_defaults(&SCHEMA, d, arena);
    if (!schema_read(&SCHEMA, d, map, place, arena, err)) return false;
    if (!schema_complete(&SCHEMA, d, place, err) || !descriptor_check(d, place, err)) return false;
    *out = d;
    return true;
}

const char **dataset_shipped_names(int *out_n, Arena *arena)
{
    int n = 0;
    while (descriptor_files[n].name != NULL) n++;
    const char **names = arena_alloc(arena, (size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) {
        const char *file = descriptor_files[i].name;
        names[i] = arena_strndup(arena, file, strlen(file) - strlen(".yaml"));
    }
    *out_n = n;
    return names;
}

/* A shipped name wins over a folder that happens to be called the same; ./name is the folder. */
static bool is_shipped(const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; descriptor_files[i].name != NULL; i++) {
        const char *file = descriptor_files[i].name;
        if (strncmp(file, name, n) == 0 && str_equal(file + n, ".yaml")) return true;
    }
    return false;
}

static bool parse_shipped(Descriptor **out, const char *name, Arena *arena, Err *err)
{
    int n;
    const char **names = dataset_shipped_names(&n, arena);
    for (int i = 0; i < n; i++) {
        if (!str_equal(names[i], name)) continue;
        const EmbeddedFile *file = &descriptor_files[i];
        return descriptor_parse(out, file->text, strlen(file->text), file->name, arena, err);
    }
    const char *nearest = str_nearest(name, names, n);
    err_set(err, ERR_NOT_FOUND,
            "no dataset called \"%s\"%s%s%s, expected a shipped name, a *.yaml or a folder "
            "root/domain/class",
            name, nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "\"?)" : "");
    return false;
}

/* A folder needs no descriptor: every default fits it. */
static Descriptor *plain_folder(const char *path, Arena *arena)
{
    Descriptor *d = arena_alloc(arena, 1, sizeof *d);
    schema_defaults(&SCHEMA, d, arena);
    char *root = arena_strdup(arena, path);
    for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--) root[n - 1] = '\0';
    d->root = root;
    d->name = arena_strdup(arena, file_base_name(root));
    return d;
}

/* A list of images, as pretraining has them: every CSV with a column "path". */
static Descriptor *plain_list(const char *path, Arena *arena)
{
    const char *name = file_base_name(path);
    Descriptor *d = arena_alloc(arena, 1, sizeof *d);
    schema_defaults(&SCHEMA, d, arena);
    d->layout = LAYOUT_MANIFEST;
    d->root = arena_strdup(arena, ".");
    if (name != path) d->root = arena_strndup(arena, path, (size_t)(name - path));
    for (size_t n = strlen(d->root); n > 1 && d->root[n - 1] == '/'; n--) d->root[n - 1] = '\0';
    d->manifest.file = arena_strdup(arena, name);
    d->manifest.label = d->manifest.domain = arena_strdup(arena, "");
    d->name = arena_strndup(arena, name, strlen(name) - strlen(".csv"));
    return d;
}

char *descriptor_expand_path(const char *path, const char *beside, const char *cache_dir,
                             Arena *arena)
{
    static const char CACHE[] = "${cache}";
    const char *found = strstr(path, CACHE);
    if (found != NULL) {
        return arena_printf(arena, "%.*s%s%s", (int)(found - path), path, cache_dir,
                            found + strlen(CACHE));
    }
    const char *slash = strrchr(beside, '/');
    if (slash == NULL) return arena_strdup(arena, path);
    char *folder = arena_strndup(arena, beside, (size_t)(slash - beside));
    return file_join(arena, folder, path);
}

bool descriptor_load(Descriptor **out, const char *name_or_path, const char *root,
                     const char *cache_dir, Arena *arena, Err *err)
{
    Descriptor *d = NULL;
    bool is_file = str_ends_with(name_or_path, ".yaml") || str_ends_with(name_or_path, ".yml");
    if (is_file) {
        char *text;
        size_t n;
        if (!file_read(&text, &n, name_or_path, YAML_MAX_BYTES, err)) return false;
        bool ok = descriptor_parse(&d, text, n, name_or_path, arena, err);
        free(text);
        if (!ok) return false;
    } else if (!is_shipped(name_or_path) && file_is_dir(name_or_path)) {
        *out = plain_folder(name_or_path, arena);
        return true;
    } else if (str_ends_with(name_or_path, ".csv")) {
        *out = plain_list(name_or_path, arena);
        return true;
    } else if (!parse_shipped(&d, name_or_path, arena, err)) {
        return false;
    }
    d->root = root != NULL
                  ? arena_strdup(arena, root)
                  : descriptor_expand_path(d->root, is_file ? name_or_path : "", cache_dir, arena);
    *out = d;
    return true;
}
