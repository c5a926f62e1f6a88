/* DomainBed's split, the concept split, and splits that a manifest brings along. */
#include "split.h"

#include "mem.h"
#include "mt19937.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const SPLIT_KIND_NAMES[] = {"image", "concept", "tagged", NULL};

void split_keys(int *keys, int *n_out, int n, int trial_seed, int domain, double fraction)
{
    check(n >= 0 && fraction >= 0 && fraction < 1, "split of %d with holdout fraction %g", n,
          fraction);
    char args[48];
    snprintf(args, sizeof args, "(%d, %d)", trial_seed, domain); /* Python's text of the tuple */
    Mt19937 mt;
    mt_seed(&mt, domainbed_seed_hash(args));
    for (int i = 0; i < n; i++) keys[i] = i;
    mt_shuffle(&mt, keys, n);
    *n_out = (int)(n * fraction);
}

void split_uda(int *keys, int *n_uda, int n, int trial_seed, int domain, double fraction)
{
    int *order = mem_alloc((size_t)n, sizeof *order),
        *before = mem_alloc((size_t)n, sizeof *before);
    split_keys(order, n_uda, n, trial_seed, domain, fraction);
    for (int i = 0; i < n; i++) before[i] = keys[i];
    for (int i = 0; i < n; i++) keys[i] = before[order[i]];
    free(order);
    free(before);
}

bool split_concept_is_out(const char *concept)
{
    uint8_t md5[16];
    digest_md5(md5, concept, strlen(concept));
    int remainder = 0;
    for (int i = 0; i < 16; i++) remainder = (remainder * 256 + md5[i]) % 5;
    return remainder == 0;
}

/* Whether a tag means "out"; false with a message for an unknown one. */
static bool tag_means(bool *is_out, const Dataset *dataset, const DatasetImage *image, Err *err)
{
    static const char *const IN[] = {"train", "in", NULL}, *const OUT[] = {"val", "validation",
                                                                           "test", "out", NULL};
    for (int i = 0; IN[i] != NULL; i++) {
        *is_out = false;
        if (str_equal(image->split, IN[i])) return true;
    }
    for (int i = 0; OUT[i] != NULL; i++) {
        *is_out = true;
        if (str_equal(image->split, OUT[i])) return true;
    }
    return err_set(err, ERR_FORMAT,
                   "%s: %s: split tag \"%s\", expected train, in, val, validation, test or out",
                   dataset->name, image->path, image->split);
}

static bool image_is_out(bool *is_out, const Dataset *dataset, const DatasetImage *image,
                         SplitKind kind, Err *err)
{
    if (kind == SPLIT_TAGGED) return tag_means(is_out, dataset, image, err);
    *is_out = split_concept_is_out(image->concept);
    return true;
}

/* A split while it is made. */
typedef struct {
    int *in, *out;
    int n_in, n_out;
    int n_uda; /* the first ones of in */
} Parts;

static bool split_by_image_facts(Parts *parts, const Dataset *dataset, int domain, SplitKind kind,
                                 Err *err)
{
    for (int i = dataset->first[domain]; i < dataset->first[domain + 1]; i++) {
        bool is_out;
        if (!image_is_out(&is_out, dataset, &dataset->images[i], kind, err)) return false;
        if (is_out) parts->out[parts->n_out++] = i;
        if (!is_out) parts->in[parts->n_in++] = i;
    }
    return true;
}

static void split_by_keys(Parts *parts, const Dataset *dataset, int domain,
                          const SplitOptions *options)
{
    int first = dataset->first[domain], n = dataset->first[domain + 1] - first;
    int *keys = mem_alloc((size_t)n, sizeof *keys);
    split_keys(keys, &parts->n_out, n, options->trial_seed, domain, options->holdout_fraction);
    parts->n_in = n - parts->n_out;
    for (int i = 0; i < parts->n_out; i++) parts->out[i] = first + keys[i];
    for (int i = 0; i < parts->n_in; i++) parts->in[i] = first + keys[parts->n_out + i];
    if (options->uda_fraction > 0) {
        split_uda(parts->in, &parts->n_uda, parts->n_in, options->trial_seed, domain,
                  options->uda_fraction);
    }
    free(keys);
}

bool split_domain(DomainSplit *split, const Dataset *dataset, int domain,
                  const SplitOptions *options, Arena *arena, Err *err)
{
    check(domain >= 0 && domain < dataset->n_domains, "domain %d of %d", domain,
          dataset->n_domains);
    if (options->kind == SPLIT_CONCEPT && !dataset->has_concepts) {
        return err_set(
            err, ERR_FORMAT,
            "%s: a concept split needs concept ids (descriptor: concept: stem), found none",
            dataset->name);
    }
    size_t n = (size_t)(dataset->first[domain + 1] - dataset->first[domain]);
    Parts parts = {.in = arena_alloc(arena, n, sizeof(int)),
                   .out = arena_alloc(arena, n, sizeof(int))};
    if (options->kind == SPLIT_IMAGE) {
        split_by_keys(&parts, dataset, domain, options);
    } else if (!split_by_image_facts(&parts, dataset, domain, options->kind, err)) {
        return false;
    }
    *split = (DomainSplit){.in = parts.in + parts.n_uda,
                           .out = parts.out,
                           .uda = parts.in,
                           .n_in = parts.n_in - parts.n_uda,
                           .n_out = parts.n_out,
                           .n_uda = parts.n_uda};
    return true;
}
