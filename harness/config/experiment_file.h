/* What an experiment file holds once it is read. Inside harness/config only. */
#ifndef CONFIG_EXPERIMENT_FILE_H
#define CONFIG_EXPERIMENT_FILE_H

#include "experiment.h"
#include "hparams.h"

/* What the schema of an experiment file fills. */
typedef struct {
    RunSpec spec; /* first: the keys of a RunSpec have their offsets in it */
    const YamlNode *datasets, *held_out, *methods, *draw, *grid;
    int64_t trials, hparams, hparams_from; /* hparams: with a grid, its points */
    HparamRules rules;                     /* no key: the draws of base_spec's dataset */
} Document;

typedef struct {
    const char *name; /* of a dataset; a method's recipe */
    const char *label;
    const YamlNode *set;  /* NULL: nothing */
    const YamlNode *grid; /* of a method; NULL: none */
} Entry;

typedef struct {
    Entry *items;
    int n;
} Entries;

struct Experiment {
    const RunKeys *keys;
    Schema schema;
    const YamlNode *root;
    const char *place;
    const char *const *sets;
    int n_sets;
    Document doc; /* as the file says, with its own recipe */
    HparamRules rules;
    Entries datasets, methods;
};

#endif
