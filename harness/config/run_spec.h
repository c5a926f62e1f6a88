/* RunSpec: everything that says what one run is, typed, filled through one schema table
 * (run_keys.c: the reference of all keys, with defaults and help; `schema_print(&keys->schema,
 * stdout)` prints it).
 *
 *     const RunKeys *keys = run_keys_new(&tables, arena);      // tables: recipes and members of
 * methods/ RunSpec spec; if (!run_spec_read(&spec, keys, &(RunLayers){.map = root, .place =
 * "exp.yaml"}, arena, err)) ...
 *
 * Experiment files with a `sweep:` section are read by experiment.h, which gives RunSpecs.
 *
 * Layers, each over the one before: schema defaults < protocol (protocols.h) < recipe < map (file)
 * < sets (--set). A RunSpec is a flat value: it may be copied with =; its texts and lists live in
 * the arena it was read with.
 */
#ifndef CONFIG_RUN_SPEC_H
#define CONFIG_RUN_SPEC_H

#include "digest.h"
#include "hparam.h"
#include "schema.h"

enum { RUN_MAX_EXTRAS = 256 }; /* hyper-parameters of all members together */

typedef enum { SPEC_SPLIT_IMAGE, SPEC_SPLIT_CONCEPT, SPEC_SPLIT_TAGGED } SpecSplit;
typedef enum { SPEC_AUGMENT_NONE, SPEC_AUGMENT_FLIP, SPEC_AUGMENT_DOMAINBED } SpecAugment;
typedef enum { BATCH_NORM_LIVE, BATCH_NORM_FROZEN } BatchNormKind;
typedef enum { AVERAGING_BN_AVERAGE, AVERAGING_BN_FORWARD, AVERAGING_BN_REFRESH } AveragingBnKind;
typedef enum { COMPAT_NONE, COMPAT_ERM_PLUSPLUS } CompatKind;
typedef enum { TRAIN_ALL, TRAIN_HEAD, TRAIN_ATTENTION, TRAIN_ADAPTER, TRAIN_NONE } TrainableKind;
typedef enum { SCALING_LORA, SCALING_RSLORA } ScalingKind;
typedef enum { FACTORS_DEFAULT, FACTORS_GAUSSIAN, FACTORS_PISSA } FactorsKind;
typedef enum { GENERATOR_PAPER, GENERATOR_CODE, GENERATOR_REZERO } GeneratorKind;
typedef enum { ADAPTER_AVERAGE_FACTORS, ADAPTER_AVERAGE_GENERATOR } AdapterAverageKind;
typedef enum { HEAD_RANDOM, HEAD_ZERO_SHOT } HeadKind;
typedef enum { SPEC_FIT_AUTO, SPEC_FIT_SQUASH, SPEC_FIT_CROP } SpecFit;
typedef enum { SPEC_FILTER_AUTO, SPEC_FILTER_BILINEAR, SPEC_FILTER_BICUBIC } SpecFilter;
typedef enum { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_LARS } OptimizerKind;
typedef enum { SAVE_NONE, SAVE_LAST, SAVE_ALL } SaveKind;
typedef enum { MERGE_NONE, MERGE_UNIFORM, MERGE_GREEDY, MERGE_ENSEMBLE } MergeKind;
typedef enum { OUTCOMES_ALL, OUTCOMES_NONE } OutcomesKind;
typedef enum { SOURCE_CLEAN, SOURCE_AUGMENTED } SourceTransform;

typedef struct {
    Schema schema; /* of RunSpec: the fixed keys, then one key per extra */
    RunTables tables;
} RunKeys;

typedef struct {
    char *root;              /* folder of the dataset; "": where its descriptor says */
    int split;               /* SpecSplit */
    double holdout_fraction; /* of each domain, in [0, 0.9]; 0: no validation images at all */
    double uda_fraction; /* of each held-out domain's rest, in [0, 0.9]: set aside, unlabelled */
    int64_t image_size;  /* pixels, square; of net clip 0: what the model directory says */
    int fit, filter;     /* SpecFit, SpecFilter; of clean images. AUTO of net clip: what the model
                            directory says */
    int augment;         /* SpecAugment */
    bool replacement, class_balanced;
    int64_t batch_size; /* images per source domain */
    int64_t workers;    /* decoding threads; 0: as many as threads */
} DataSpec;

typedef struct {
    char *name;        /* of a network in harness/net */
    char *init;        /* safetensors file; "": random initialisation */
    char *pretraining; /* name of the weights that init or model has to hold; "": any, or none */
    char *model;       /* folder; of RUN_NET_CLIP, which needs it, and of no other */
    bool pretrained;   /* false: not the model directory's values but random ones */
    int head;          /* HeadKind */
    TextList template_texts; /* none: the usual one */
    double dropout;
    NumberList mean, std; /* 3 each: normalisation of RGB in [0,1]; of net clip also none: what the
                             model directory says */
} NetSpec;

/* What method.adapter does, where it is not none. */
typedef struct {
    TextList target; /* presets and patterns of layers */
    int64_t rank;
    double alpha;         /* 0: the rank */
    int scaling, init;    /* ScalingKind, FactorsKind */
    double lr_ratio;      /* of B over A */
    bool matched;         /* the rank of as many parameters as a generator has */
    int64_t input, width; /* of generators */
    int generator_init;   /* GeneratorKind */
    double input_std;
    bool shared; /* one generator for all layers */
    int average; /* AdapterAverageKind */
} AdapterSpec;

typedef struct {
    char *recipe, *label; /* label: what tables call the method; the recipe's name when not given */
    char *objective, *adapter;
    AdapterSpec adapting;
    char *adapter_load; /* folder of PEFT's format that the run starts from; "": none */
    TextList averaging; /* sorted, no "none", may be empty */
    int64_t averaging_start;
    double ema_decay;
    int averaging_bn; /* AveragingBnKind */
    int64_t averaging_bn_batches;
    char *reported; /* weights that the method stands for: raw or an average; "": the first average,
                       else raw */
    int64_t warm_start;   /* updates of the head only */
    double warm_start_lr; /* 0: lr */
    bool auto_lr, full_data;
    int compat;     /* CompatKind */
    int batch_norm; /* BatchNormKind */
    int trainable;  /* TrainableKind */
    int optimizer;  /* OptimizerKind */
    char *schedule;
    int64_t lr_warm_up; /* updates */
    double lr, weight_decay, beta1, beta2, eps, momentum, trust;
    double sam_rho; /* 0: no SAM */
    bool nesterov;
    double label_smoothing;
} MethodSpec;

typedef struct {
    int64_t steps, checkpoint_freq;
    int64_t accumulate; /* batches per step */
    int64_t threads;    /* 0: all cores */
    int save;           /* SaveKind */
} TrainSpec;

typedef struct {
    int64_t batch_size;
    bool source_train;                /* also evaluate the training split of source domains */
    int64_t averages_every;           /* checkpoints; averages that are not reported */
    int source_transform;             /* SourceTransform */
    int outcomes;                     /* OutcomesKind */
    bool alignment;                   /* of the trained weights with the model's text tower */
    int selection, scored, stderr_of; /* indices into RUN_SELECTIONS, RUN_SCORED, RUN_STDERRS */
} EvalSpec;

/* How an experiment's runs are read: names as the database has them (results/store.h), closed by
 * NULL. */
extern const char *const RUN_SELECTIONS[];
extern const char *const RUN_SCORED[];
extern const char *const RUN_STDERRS[];

extern const char *const RUN_NET_CLIP; /* net.name of the image tower of net.model */

/* A run that is made from others (weight_merge.h), with the settings of the first of them. */
typedef struct {
    int kind;         /* MergeKind */
    TextList members; /* their keys, sorted; none when kind is MERGE_NONE */
} MergeSpec;

/* A member's hyper-parameter, as the row of its key has it. */
typedef union {
    double real;
    int64_t whole;
    int choice;
} RunExtra;

typedef struct {
    const RunKeys *keys;
    char *name, *dataset;
    char *protocol; /* preset that lies below the recipe; "": none */
    DataSpec data;
    NetSpec net;
    MethodSpec method;
    TrainSpec train;
    EvalSpec eval;
    MergeSpec merge;
    TextList held_out; /* names of the target domains, sorted */
    int64_t trial;     /* seeds the split */
    int64_t hparams_seed;
    int64_t seed; /* of everything else: initialisation, batches, augmentation */
    char *results, *output;
    RunExtra extras[RUN_MAX_EXTRAS]; /* read through run_spec_extra */
} RunSpec;

/* The keys of RunSpec with those of the members in tables. Two members of the same name may not
 * share a hyper-parameter's name (our bug). */
const RunKeys *run_keys_new(const RunTables *tables, Arena *arena);

typedef struct {
    const YamlNode *map; /* may be NULL */
    const char *place;   /* names the map in messages */
    const char *recipe;  /* in place of the one that map and sets name; NULL: theirs */
    const char *const *sets;
    int n_sets;
    const char *protocol, *dataset; /* as recipe; protocol "": none */
} RunLayers;

/* Fills spec from the layers and puts it in order: "none" leaves the averaging list, lists that are
 * sets are sorted, an empty label becomes the recipe's name. Checks every value and what spans
 * several keys, but not that dataset and held_out are given: that is run_spec_check_ready. Does not
 * know which objectives, networks... exist. */
MUST_USE bool run_spec_read(RunSpec *out, const RunKeys *keys, const RunLayers *layers,
                            Arena *arena, Err *err);

/* The same for JSON made by run_spec_json: no recipe is applied, everything is in the text already.
 */
MUST_USE bool run_spec_from_json(RunSpec *out, const RunKeys *keys, const char *json, Arena *arena,
                                 Err *err);

/* One assignment over a spec that was read, put in order and checked again. */
MUST_USE bool run_spec_set(RunSpec *spec, const char *assignment, Arena *arena, Err *err);

/* Can be run: names a dataset and at least one held-out domain. */
MUST_USE bool run_spec_check_ready(const RunSpec *spec, const char *place, Err *err);

/* The weights that net.pretraining asks for are given (by a file or a model directory: which ones
 * it holds nobody can tell). */
MUST_USE bool run_spec_check_weights(const RunSpec *spec, const char *place, Err *err);

/* The held-out names are domains of the dataset, and one is left to train on. domains: all of the
 * dataset's. */
MUST_USE bool run_spec_check_domains(const RunSpec *spec, const TextList *domains,
                                     const char *place, Err *err);

/* The value of a member's hyper-parameter. One that is not in the tables is our bug. */
double run_spec_extra(const RunSpec *spec, const char *member, const char *name);

/* Whether some axis of the spec has this member: objective, adapter, schedule, one of its averages.
 */
bool run_spec_uses(const RunSpec *spec, const char *member);

/* Canonical JSON of the whole spec; hyper-parameters only of members that it uses. Appends to out.
 */
void run_spec_json(const RunSpec *spec, Str *out);

/* The part of it that says what the run is: without names, places, thread counts
 * (FIELD_NOT_IDENTITY). */
void run_spec_identity_json(const RunSpec *spec, Str *out);

/* SHA-256 (hex) of what a run begins with. */
typedef struct {
    const char *init;    /* the file net.init; NULL if and only if the spec has none */
    const char *model;   /* the contents of net.model; NULL if and only if the spec has none */
    const char *adapter; /* those of method.adapter_load; NULL if and only if the spec has none */
} RunWeights;

/* The run's key: SHA-256 of the identity JSON, the dataset's fingerprint and the weights' digests,
 * never of a path. */
void run_key(char out[SHA256_HEX_SIZE], const RunSpec *spec, const char *dataset_fingerprint,
             RunWeights weights);

#endif
