/* From a command line to an experiment: the file that the operand names, with the options that
 * stand for keys and those of --set laid over it. */
#ifndef HARNESS_OPEN_EXPERIMENT_H
#define HARNESS_OPEN_EXPERIMENT_H

#include "cli.h"
#include "experiment.h"

typedef struct {
    const char *option; /* long name; NULL closes the table */
    const char *key;    /* of the experiment file that it stands for */
    bool is_list;       /* its value is cut at commas */
} OptionKey;

/* clang-format off */
#define OPTION_SET     {"set", 's', "KEY=VALUE", "any key of the file, over what the file says", CLI_REPEATS}
#define OPTION_DB      {"results", 'r', "FILE", "results database (key results; default: dgbench.db)", 0}
#define OPTION_OUTPUT  {"output", 'o', "DIR", "checkpoints and logs (key output; default: dgbench-out)", 0}
#define OPTION_THREADS {"threads", 't', "N", "threads of one run (key train.threads)", 0}
#define OPTION_JOBS    {"jobs", 'j', "N", "worker processes at a time (default: one per core)", 0}
#define OPTIONS_SWEEP \
    {"held-out", 0, "NAMES", "domains to hold out, one after the other (key sweep.held_out)", 0}, \
    {"methods", 'm', "NAMES", "recipes (key sweep.methods)", 0}, \
    {"trials", 0, "N", "trials, each with its own split (key sweep.trials)", 0}, \
    {"hparams", 0, "N", "hyper-parameter draws (key sweep.hparams)", 0}
/* clang-format on */

/* What OPTIONS_SWEEP, OPTION_DB, OPTION_OUTPUT and OPTION_THREADS stand for. */
extern const OptionKey sweep_option_keys[];

/* The number of --jobs, or one per core. */
MUST_USE bool option_jobs(int *out, const Args *args, Err *err);

typedef struct {
    Arena *arena;
    const RunKeys *keys;
    Experiment *experiment;
} OpenExperiment;

/* The command's first operand is the file; it needs an option "set" besides those of the table. */
MUST_USE bool open_experiment(OpenExperiment *out, const Args *args, const OptionKey *options,
                              Err *err);
void open_experiment_close(OpenExperiment *e);

#endif
