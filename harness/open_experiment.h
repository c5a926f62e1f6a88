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
/* clang-format on */

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
