/* Names that DomainBed gives to datasets, their environments and algorithms, in the order of its
 * registries (domainbed/datasets.py and algorithms.py): tables list them so. */
#ifndef RESULTS_DOMAINBED_REGISTRY_H
#define RESULTS_DOMAINBED_REGISTRY_H

enum {
    DOMAINBED_MOST_ENVS = 10, /* of its own datasets */
    DOMAINBED_MAX_ENVS = 64   /* of any other */
};

typedef struct {
    const char *name;
    int n_envs;
    const char *envs[DOMAINBED_MOST_ENVS];
} DomainbedDataset;

extern const DomainbedDataset domainbed_datasets[];
extern const int domainbed_n_datasets;

const DomainbedDataset *domainbed_dataset_find(const char *name); /* NULL: not one of them */

/* Place in the registry; -1: not one of them. */
int domainbed_algorithm_place(const char *name);

#endif
