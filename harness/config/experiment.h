/* An experiment file: the keys of a RunSpec, and how to sweep. `dgbench run` makes one run of it,
 * `dgbench sweep` all.
 *
 *     dataset: emoji-styles   # or datasets: [a, {name: b, set: {train.checkpoint_freq: 1000}}]
 *     train: {steps: 1200}
 *     sweep:
 *       held_out: each        # each | pairs | single+pairs | [photo, [photo, art]]; default: each
 *       methods: [erm, {recipe: erm, label: erm-frozen, set: {method.batch_norm: frozen}}]
 *       trials: 3             # trials 0, 1, 2
 *       hparams: 2            # hyper-parameter seeds hparams_from, hparams_from + 1, ...
 *       hparams_from: 0
 *       draw: domainbed       # what is drawn for seeds above 0: see hparams.h
 *
 * or, instead of the last three, a grid (hparam_grid.h) whose points the hyper-parameter seeds 0,
 * 1,
 * ... stand for; a method may have its own, of as many points:
 *
 *       grid: {method.lr: [1e-4, 1e-3]}
 *       methods: [erm, {recipe: lora, grid: {method.lr: [1e-3, 1e-2]}}]
 *
 * Layers, each over the one before: schema defaults < recipe < file < the dataset's `set` < draws <
 * the method's `set` < its point of the grid < --set. Without `methods` there is one,
 * method.recipe. A top-level `held_out` is the one set of a sweep that names none. Keys that the
 * sweep gives out itself (recipe and label, dataset, held_out, trial, hparams_seed) may not stand
 * in a `set`.
 *
 * Jobs come in DomainBed's order: trial, dataset, method, held-out set, hyper-parameter seed;
 * `single+pairs` in its order too: [0], [0,1], [0,2], ..., [1], [1,2], ...
 */
#ifndef CONFIG_EXPERIMENT_H
#define CONFIG_EXPERIMENT_H

#include "run_spec.h"

enum { EXPERIMENT_MAX_RUNS = 100000 }; /* that are made; counting has no limit */

typedef struct Experiment Experiment;

/* What is borrowed by an experiment: text or file, place and --set assignments. path NULL: text;
 * both NULL: no file. All of it, and the keys, have to live as long as the experiment. */
typedef struct {
    const char *path;
    const char *text, *place; /* place names the text in messages */
    size_t n_bytes;
    const char *const *sets;
    int n_sets;
} ExperimentSource;

/* Reads and checks everything that can be checked without the datasets. Lives in the arena. */
MUST_USE bool experiment_open(Experiment **out, const RunKeys *keys, const ExperimentSource *source,
                              Arena *arena, Err *err);

/* The one run that the file describes without its sweep; draws apply when its hparams_seed is not
 * 0. */
MUST_USE bool experiment_single(RunSpec *out, const Experiment *e, Arena *arena, Err *err);

/* The datasets of a sweep (at least one), and the spec that says where the i-th lies (data.root...;
 * held_out may be empty in it). */
int experiment_n_datasets(const Experiment *e);
MUST_USE bool experiment_dataset(RunSpec *out, const Experiment *e, int i, Arena *arena, Err *err);

/* The sets of domains that one dataset holds out in turn. */
typedef struct {
    const char *dataset;  /* as the experiment names it */
    const TextList *sets; /* in the order of the runs */
    int n, n_single;      /* sets; those of one domain */
    int64_t n_runs;
} ExperimentSets;

typedef struct {
    ExperimentSets *datasets;
    int n_datasets;
    const char *const *methods; /* labels */
    int n_methods;
    int64_t trials, hparams, hparams_from;
    int64_t n_runs;
} ExperimentCount;

/* Counts the runs without making them, however many there are. domains as for experiment_runs. */
MUST_USE bool experiment_count(ExperimentCount *out, const Experiment *e, const TextList *domains,
                               Arena *arena, Err *err);

/* One run among them. held_out is not checked against the dataset's domains. */
typedef struct {
    int dataset, method; /* indexes into those of ExperimentCount */
    const TextList *held_out;
    int64_t trial, draw; /* draw counts from 0: hyper-parameter seed hparams_from + draw */
} ExperimentPick;
MUST_USE bool experiment_run(RunSpec *out, const Experiment *e, const ExperimentPick *pick,
                             Arena *arena, Err *err);

/* All runs, at most EXPERIMENT_MAX_RUNS. domains: one list of domain names per dataset, in the
 * datasets' own order. */
MUST_USE bool experiment_runs(RunSpec **out, int *n_out, const Experiment *e,
                              const TextList *domains, Arena *arena, Err *err);

/* What names a run inside a sweep, and seeds it. */
typedef struct {
    int64_t base; /* the experiment's `seed` */
    const char *dataset, *label;
    TextList held_out; /* sorted */
    int64_t hparams_seed, trial;
} RunName;

/* The seed of a run, below 2^31: the first four bytes (big-endian) of the SHA-256 of "dgbench seed
 * 1", base, dataset, label, hparams_seed, trial and the held-out names, each as text with its
 * closing zero. */
int64_t experiment_seed(const RunName *name);

/* The keys that an experiment file has beside those of a RunSpec (for the reference: schema_print).
 */
const Schema *experiment_sweep_schema(void);

#endif
