/* An audit as text. */
#include "audit.h"

#include <string.h>

enum { PAIRS_SHOWN = 20, NAME_WIDTH = 24, COLUMN_WIDTH = 10 };

static int count_of(const Audit *audit, int domain, int label)
{
    return audit->counts[domain * audit->dataset->n_classes + label];
}

static int domain_total(const Audit *audit, int domain)
{
    int sum = 0;
    for (int k = 0; k < audit->dataset->n_classes; k++) sum += count_of(audit, domain, k);
    return sum;
}

static int column_width(const char *name)
{
    int n = (int)strlen(name);
    return n + 2 > COLUMN_WIDTH ? n + 2 : COLUMN_WIDTH;
}

static void print_counts(const Audit *audit, FILE *out)
{
    const Dataset *d = audit->dataset;
    fprintf(out, "%-*s", NAME_WIDTH, "class");
    for (int j = 0; j < d->n_domains; j++)
        fprintf(out, "%*s", column_width(d->domains[j]), d->domains[j]);
    fprintf(out, "\n");
    for (int k = 0; k < d->n_classes; k++) {
        fprintf(out, "%-*s", NAME_WIDTH, d->classes[k]);
        for (int j = 0; j < d->n_domains; j++) {
            fprintf(out, "%*d", column_width(d->domains[j]), count_of(audit, j, k));
        }
        fprintf(out, "\n");
    }
    fprintf(out, "%-*s", NAME_WIDTH, "all");
    for (int j = 0; j < d->n_domains; j++) {
        fprintf(out, "%*d", column_width(d->domains[j]), domain_total(audit, j));
    }
    fprintf(out, "\n");
}

/* Largest over smallest class of each domain, and the share of the largest: what guessing it would
 * score. */
static void print_imbalance(const Audit *audit, FILE *out)
{
    const Dataset *d = audit->dataset;
    for (int j = 0; j < d->n_domains; j++) {
        int low = 0, high = 0;
        for (int k = 1; k < d->n_classes; k++) {
            if (count_of(audit, j, k) > count_of(audit, j, high)) high = k;
            if (count_of(audit, j, k) < count_of(audit, j, low)) low = k;
        }
        int most = count_of(audit, j, high), least = count_of(audit, j, low),
            total = domain_total(audit, j);
        fprintf(out, "imbalance: %s: %s %d (%.1f %% of the domain), %s %d", d->domains[j],
                d->classes[high], most, total > 0 ? 100.0 * most / total : 0.0, d->classes[low],
                least);
        if (least > 0) fprintf(out, ", ratio %.1f", (double)most / least);
        fprintf(out, "\n");
    }
}

static void print_gaps(const Audit *audit, FILE *out)
{
    const Dataset *d = audit->dataset;
    for (int j = 0; j < d->n_domains; j++) {
        for (int k = 0; k < d->n_classes; k++) {
            if (count_of(audit, j, k) > 0) continue;
            fprintf(out, "gap: domain \"%s\" has no image of class \"%s\"\n", d->domains[j],
                    d->classes[k]);
        }
    }
}

static void print_pair(const Audit *audit, const ImagePair *pair, const char *what, FILE *out)
{
    const DatasetImage *a = &audit->dataset->images[pair->a], *b = &audit->dataset->images[pair->b];
    fprintf(out, "%s: %s = %s%s", what, a->path, b->path,
            a->label != b->label ? " (different labels)" : "");
    if (pair->mse > 0) fprintf(out, " (mse %.5f)", pair->mse);
    fprintf(out, "\n");
}

static void print_pairs(const Audit *audit, const ImagePair *pairs, int64_t n, const char *what,
                        FILE *out)
{
    for (int i = 0; i < n && i < PAIRS_SHOWN; i++) print_pair(audit, &pairs[i], what, out);
    if (n > PAIRS_SHOWN)
        fprintf(out, "%s: and %lld more pairs\n", what, (long long)(n - PAIRS_SHOWN));
}

void audit_print(const Audit *audit, FILE *out)
{
    const Dataset *d = audit->dataset;
    fprintf(out, "dataset %s: %d images, %d domains, %d classes\nfingerprint %s\n", d->name,
            d->n_images, d->n_domains, d->n_classes, d->fingerprint);
    if (d->licence[0] != '\0') fprintf(out, "licence %s\n", d->licence);
    print_counts(audit, out);
    print_imbalance(audit, out);
    print_gaps(audit, out);
    for (int i = 0; i < audit->n_broken; i++) fprintf(out, "broken: %s\n", audit->broken[i].reason);
    int n_identical = audit->n_identical_within + audit->n_identical_across;
    print_pairs(audit, audit->identical, n_identical, "identical", out);
    print_pairs(audit, audit->near, audit->n_near, "near-identical", out);
    fprintf(out, "broken images: %d\nclasses missing in a domain: %d\n", audit->n_broken,
            audit->n_gaps);
    fprintf(
        out,
        "policy: %d grey made RGB, %d with alpha composed on white, %d of 16 bit reduced to 8\n",
        audit->n_grey, audit->n_alpha, audit->n_16bit);
    fprintf(out,
            "identical images: %d within a domain, %d across domains, %d with different labels\n",
            audit->n_identical_within, audit->n_identical_across, audit->n_identical_conflicts);
    fprintf(out, "near-identical pairs across domains: %lld\n", (long long)audit->n_near);
    fprintf(out, "%s\n", audit_is_clean(audit) ? "clean: ready to train" : "not clean: see above");
}
