/* `dgbench data`: what there is in a dataset, before training on it. */
#include "audit.h"
#include "commands.h"
#include "dataset.h"
#include "descriptor.h"
#include "file.h"
#include "str.h"
#include "thread_pool.h"

/* A shipped dataset, and whether its images are here. */
static bool list_one(const char *name, Arena *arena, Err *err)
{
    Descriptor *d;
    char *cache = file_cache_dir(arena);
    if (!descriptor_load(&d, name, NULL, cache, arena, err)) return false;
    bool here = d->layout == LAYOUT_SHAPES || file_is_dir(d->root);
    bool has_way = !here && d->get[0] != 0;
    printf("%-24s%s%s%s\n", name, here ? "here" : "not here: ", has_way ? d->get : "",
           here || has_way ? "" : "give its folder with --root or data.root");
    return true;
}

static bool list_datasets(const Args *args, ThreadPool *pool, Err *err)
{
    (void)pool;
    if (args_operand(args, 1) != NULL)
        return err_set(err, ERR_USAGE, "data list: takes no dataset");
    Arena *arena = arena_new();
    int n;
    const char **names = dataset_shipped_names(&n, arena);
    bool ok = true;
    for (int i = 0; i < n && ok; i++) ok = list_one(names[i], arena, err);
    arena_free(arena);
    return ok;
}

/* Opens, and so packs, the dataset of the second operand. NULL on failure. */
static Dataset *open_dataset(const Args *args, DatasetOptions options, Err *err)
{
    const char *name = args_operand(args, 1);
    if (name == NULL) {
        err_set(err, ERR_USAGE, "data %s: expected a dataset's name or folder",
                args_operand(args, 0));
        return NULL;
    }
    options.root = args_text(args, "root");
    Dataset *d = NULL;
    return dataset_open(&d, name, &options, err) ? d : NULL;
}

static bool audit(const Args *args, ThreadPool *pool, Err *err)
{
    DatasetOptions options = {.pool = pool, .keep_broken = true, .allow_missing_classes = true};
    Dataset *d = open_dataset(args, options, err);
    if (d == NULL) return false;
    Audit *audit = NULL;
    bool ok = audit_run(&audit, d, pool, err);
    if (ok) {
        audit_print(audit, stdout);
        ok = audit_is_clean(audit);
        if (!ok)
            err_set(err, ERR_FORMAT, "%s: has to be mended before training, see above", d->name);
    }
    audit_free(audit);
    dataset_close(d);
    return ok;
}

static bool print_info(const Args *args, ThreadPool *pool, Err *err)
{
    Dataset *d = open_dataset(args, (DatasetOptions){.pool = pool}, err);
    if (d == NULL) return false;
    printf("name         %s\n", d->name);
    printf("licence      %s\n", d->licence[0] ? d->licence : "not stated");
    printf("images       %d, of %d channel%s\n", d->n_images, d->channels,
           d->channels > 1 ? "s" : "");
    printf("concepts     %s\n", d->has_concepts ? "yes" : "no");
    printf("fingerprint  %s\n", d->fingerprint);
    printf("domains      %d:", d->n_domains);
    for (int i = 0; i < d->n_domains; i++) {
        printf("%s %s (%d)", i > 0 ? "," : "", d->domains[i], d->first[i + 1] - d->first[i]);
    }
    printf("\nclasses      %d:", d->n_classes);
    for (int i = 0; i < d->n_classes; i++) printf("%s %s", i > 0 ? "," : "", d->classes[i]);
    printf("\n");
    dataset_close(d);
    return true;
}

static bool pack(const Args *args, ThreadPool *pool, Err *err)
{
    Dataset *d = open_dataset(args, (DatasetOptions){.pool = pool}, err);
    if (d == NULL) return false;
    printf("%s: %d images, %s\n", d->name, d->n_images,
           dataset_is_packed(d) ? "packed" : "decoded when needed, for a pack would be too large");
    dataset_close(d);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(const Args *args, ThreadPool *pool, Err *err);
} actions[] = {
    {"check", audit},
    {"info", print_info},
    {"pack", pack},
    {"list", list_datasets},
};

enum { N_ACTIONS = sizeof actions / sizeof actions[0] };

static bool unknown_action(const char *found, Err *err)
{
    const char *names[N_ACTIONS];
    for (int i = 0; i < N_ACTIONS; i++) names[i] = actions[i].name;
    const char *near = str_nearest(found, names, N_ACTIONS);
    return err_set(err, ERR_USAGE, "data: no action \"%s\"%s%s%s", found,
                   near ? " (did you mean \"" : ", see dgbench data --help", near ? near : "",
                   near ? "\"?)" : "");
}

static bool run_data(const Args *args, Err *err)
{
    const char *name = args_operand(args, 0);
    int i = 0;
    while (i < N_ACTIONS && !str_equal(actions[i].name, name)) i++;
    if (i == N_ACTIONS) return unknown_action(name, err);
    ThreadPool *pool = thread_pool_new(thread_count_online());
    bool ok = actions[i].run(args, pool, err);
    thread_pool_free(pool);
    return ok;
}

static const char *const words[] = {"check", "info", "pack", "list", NULL};

static const CliOption options[] = {
    {"root", 0, "DIR", "folder that holds the dataset (default: where its descriptor says)", 0},
    {0},
};

const Command command_data = {
    .name = "data",
    .operands = "check|info|pack|list [DATASET]",
    .min_operands = 1,
    .max_operands = 2,
    .help = "audit, describe or pack a dataset",
    .about = "DATASET is a name of `data list`, a descriptor (*.yaml) or a folder "
             "root/domain/class/image.\n"
             "check: class map across domains, counts, unreadable files, images that are the same "
             "or nearly the same in two domains, empty classes.\n"
             "info: domains, classes, number of images.\n"
             "list: the datasets that came with the program, and whether their images are here.\n"
             "pack: decode all images once, for all later runs.",
    .example = "dgbench data check emoji-styles\ndgbench data info ~/PACS",
    .words = words,
    .options = options,
    .run = run_data,
};
