/* One line of a DomainBed results.jsonl: the record of one checkpoint, parsed from memory.
 *
 * A record is a JSON object, but losses may be the bare words NaN, Infinity and -Infinity, which
 * are no JSON: outside strings they are read as null. It holds "args" and "hparams" (objects),
 * "step", accuracies env{i}_in_acc, env{i}_out_acc, env{i}_uda_acc (fractions), and numbers of any
 * other name (loss, epoch, step_time, mem_gb...). "uda" counts the held-out environments in their
 * order, not all: it is turned into the environment here.
 */
#ifndef RESULTS_DOMAINBED_RECORD_H
#define RESULTS_DOMAINBED_RECORD_H

#include "arena.h"
#include "domainbed_registry.h"
#include "err.h"
#include "json_line.h"

#include <jansson.h>
#include <stdint.h>

typedef struct {
    int env;
    const char *split; /* "in", "out" or "uda"; a constant */
    double accuracy;   /* in [0,1] */
} DomainbedEval;

typedef struct {
    const char *name;
    double value; /* NAN: was not finite */
} DomainbedNumber;

typedef struct {
    json_t *args, *hparams; /* args without data_dir and output_dir: what makes the run. Free with
                               domainbed_record_done */
    JsonPiece args_text, hparams_text; /* in the line that was parsed */
    const char *algorithm, *dataset;
    int test_envs[DOMAINBED_MAX_ENVS], n_test_envs; /* ascending */
    int64_t trial_seed, hparams_seed, seed;
    int64_t steps; /* planned: DomainBed's 5001 when the record does not say */
    int64_t step;
    int n_envs;           /* of a dataset of the registry; else the highest seen + 1 */
    DomainbedEval *evals; /* in the order of the line */
    DomainbedNumber *numbers;
    int n_evals, n_numbers;
} DomainbedRecord;

typedef struct {
    Arena *arena;                  /* for arrays and texts */
    const DomainbedRecord *before; /* a record whose line is still there: when args and hparams are
                                      written alike, they are not parsed again. NULL: none */
    bool broken;                   /* set on failure: the line is no JSON at all, as one cut off */
} DomainbedParser;

/* line: n bytes without the newline. On failure the message has no place in front ("found ...,
 * expected ..."): the caller knows file and line. */
MUST_USE bool domainbed_record_parse(DomainbedParser *parser, DomainbedRecord *out,
                                     const char *line, size_t n, Err *err);
void domainbed_record_done(DomainbedRecord *record); /* zeroed: fine */

#endif
