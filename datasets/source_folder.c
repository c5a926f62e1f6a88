/* root/domain/class/image, as DomainBed's MultipleEnvironmentImageFolder reads it, but with one
 * class map. */
#include "csv_table.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "source.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FOLDER_DEPTH = 16 };

typedef struct {
    const Descriptor *descriptor;
    Arena *arena;
    FoundImages *found;
    int domain;
    const char *class_name;
} Walk;

/* Folder paths below the class folder, relative to the root. */
typedef struct {
    char **items;
    int n, capacity;
} Folders;

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool collect_folders(Folders *folders, const Walk *walk, char *relative, int depth, Err *err)
{
    const char *root = walk->descriptor->root;
    if (depth > MAX_FOLDER_DEPTH) {
        return err_set(err, ERR_FORMAT, "%s/%s: folders nested more than %d deep", root, relative,
                       MAX_FOLDER_DEPTH);
    }
    mem_reserve(folders->items, folders->capacity, folders->n + 1);
    folders->items[folders->n++] = relative;
    char **names;
    int n;
    if (!file_list(&names, &n, file_join(walk->arena, root, relative), walk->arena, err))
        return false;
    for (int i = 0; i < n; i++) {
        if (image_has_known_name(names[i])) continue;
        char *child = file_join(walk->arena, relative, names[i]);
        if (!file_is_dir(file_join(walk->arena, root, child))) continue;
        if (!collect_folders(folders, walk, child, depth + 1, err)) return false;
    }
    return true;
}

static void add_image(const Walk *walk, char *path)
{
    bool has_concept = walk->descriptor->concept == CONCEPT_STEM;
    found_add(walk->found,
              (FoundImage){
                  .class_name = walk->class_name,
                  .image = {.path = path,
                            .caption = "",
                            .split = "",
                            .domain = walk->domain,
                            .concept = has_concept ? source_concept_of(path, walk->arena) : ""}});
}

/* All images below root/domain/class. torchvision sorts the folders by their whole path, then the
 * files in each. */
static bool walk_class(const Walk *walk, char *relative, Err *err)
{
    Folders folders = {0};
    int n_before = walk->found->n;
    bool ok = collect_folders(&folders, walk, relative, 0, err);
    if (ok) qsort(folders.items, (size_t)folders.n, sizeof *folders.items, compare_texts);
    for (int f = 0; f < folders.n && ok; f++) {
        char **names;
        int n;
        const char *folder = file_join(walk->arena, walk->descriptor->root, folders.items[f]);
        ok = file_list(&names, &n, folder, walk->arena, err);
        for (int i = 0; i < n && ok; i++) {
            if (image_has_known_name(names[i]))
                add_image(walk, file_join(walk->arena, folders.items[f], names[i]));
        }
    }
    if (ok && walk->found->n == n_before)
        log_warn("%s/%s: a class folder without images", walk->descriptor->root, relative);
    free(folders.items);
    return ok;
}

static bool walk_domain(Walk *walk, const char *domain_folder, Err *err)
{
    char **names;
    int n;
    const char *root = walk->descriptor->root;
    if (!file_list(&names, &n, file_join(walk->arena, root, domain_folder), walk->arena, err))
        return false;
    for (int i = 0; i < n; i++) {
        char *relative = file_join(walk->arena, domain_folder, names[i]);
        if (!file_is_dir(file_join(walk->arena, root, relative))) continue;
        walk->class_name = names[i];
        if (!walk_class(walk, relative, err)) return false;
    }
    return true;
}

/* Domain folders: the descriptor's, else all sub-folders, sorted. */
static bool list_domains(TextList *out, const Descriptor *d, Arena *arena, Err *err)
{
    if (d->domains.n > 0) {
        *out = d->domains;
        return true;
    }
    char **names;
    int n, n_folders = 0;
    if (!file_list(&names, &n, d->root, arena, err)) return false;
    for (int i = 0; i < n; i++) {
        if (file_is_dir(file_join(arena, d->root, names[i]))) names[n_folders++] = names[i];
    }
    if (n_folders == 0) {
        return err_set(err, ERR_FORMAT, "%s: no domain folders, expected root/domain/class/image",
                       d->root);
    }
    *out = (TextList){names, n_folders};
    return true;
}

typedef struct {
    const char *path, *caption;
} Caption;

static int compare_captions(const void *a, const void *b)
{
    return strcmp(((const Caption *)a)->path, ((const Caption *)b)->path);
}

/* Joins the captions file to the images by path; images that it does not name keep an empty
 * caption. */
static bool add_captions(Source *source, const Descriptor *d, Arena *arena, Err *err)
{
    if (d->captions.file[0] == '\0') return true;
    CsvTable table;
    int path_column, text_column;
    if (!csv_table_read(&table, file_join(arena, d->root, d->captions.file), arena, err))
        return false;
    if (!csv_table_column(&path_column, &table, d->captions.path, err)) return false;
    if (!csv_table_column(&text_column, &table, d->captions.text, err)) return false;
    size_t n = (size_t)table.n_rows;
    Caption *captions = mem_alloc(n, sizeof *captions);
    for (int i = 0; i < table.n_rows; i++) {
        captions[i] = (Caption){csv_table_cell(&table, i, path_column),
                                csv_table_cell(&table, i, text_column)};
    }
    qsort(captions, n, sizeof *captions, compare_captions);
    for (int i = 0; i < source->n_images; i++) {
        Caption wanted = {.path = source->images[i].path};
        const Caption *found = bsearch(&wanted, captions, n, sizeof *captions, compare_captions);
        if (found != NULL) source->images[i].caption = found->caption;
    }
    free(captions);
    return true;
}

bool source_open_folder(Source *source, const Descriptor *d, Arena *arena, Err *err)
{
    TextList folders;
    FoundImages found = {0};
    source->place = d->root;
    if (!list_domains(&folders, d, arena, err)) return false;
    source_name_domains(source, &folders, d, arena);
    Walk walk = {.descriptor = d, .arena = arena, .found = &found};
    bool ok = true;
    for (int i = 0; i < folders.n && ok; i++) {
        walk.domain = i;
        ok = walk_domain(&walk, folders.items[i], err);
    }
    ok = ok && source_take_images(source, &found, d, arena, err);
    found_done(&found);
    return ok && source_use_files(source, d->root, arena, err) &&
           add_captions(source, d, arena, err);
}
