/* What the commands that read the results database share: which file, which format, which
 * parameters. */
#ifndef HARNESS_READ_RESULTS_H
#define HARNESS_READ_RESULTS_H

#include "cli.h"
#include "query.h"

/* clang-format off */
#define OPTION_RESULTS {"results", 'r', "FILE", "results database (default: dgbench.db)", 0}
#define OPTION_FORMAT  {"format", 'f', "FORMAT", "text, csv, json, md or latex (default: text)", 0}
#define OPTION_EXCLUDING {"excluding", 'x', "NAME", "without the images of this list (dgbench audit --list)", 0}
#define OPTION_PARAM   {"param", 'p', "NAME=VALUE", "value of a :NAME in the query", CLI_REPEATS}
/* clang-format on */

typedef struct {
    Db *db;
    Arena *arena;
    Format format;
    QueryParameter *parameters;
    int n_parameters;
} ReadResults;

/* Opens the file of --results and reads --format. */
MUST_USE bool read_results_open(ReadResults *out, const Args *args, Err *err);
void read_results_close(ReadResults *r);

/* Reads the values of --param, and makes room for read_results_add. */
MUST_USE bool read_results_parameters(ReadResults *r, const Args *args, Err *err);

/* One more parameter, when the option `name` was given: :name has its value. */
void read_results_add(ReadResults *r, const Args *args, const char *name);

#endif
