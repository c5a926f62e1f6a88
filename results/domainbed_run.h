/* One run directory of a DomainBed sweep, read as a whole: results.jsonl, the `done` marker, and
 * the versions at the head of out.txt when it is there.
 *
 * A line that is no record (cut off, not JSON) is left out and named in `skipped`; what makes the
 * run unusable (no record, records of two runs, an accuracy outside [0,1]) is an error.
 */
#ifndef RESULTS_DOMAINBED_RUN_H
#define RESULTS_DOMAINBED_RUN_H

#include "arena.h"
#include "digest.h"
#include "domainbed_record.h"
#include "store.h"

typedef struct {
    int line; /* from 1 */
    bool last;
    const char *why;
} DomainbedSkipped;

typedef struct {
    const char *file;         /* path of its results.jsonl */
    DomainbedRecord *records; /* in the order of the file; at least one */
    int n_records;
    bool *superseded; /* per record: a later one has the same step */
    int n_superseded;
    DomainbedSkipped *skipped;
    int n_skipped;
    bool done;          /* has the marker */
    bool has_nonfinite; /* a loss that was NaN or infinite */
    char key[SHA256_HEX_SIZE];
    char digest[SHA256_HEX_SIZE]; /* of results.jsonl */
    const char *spec_json;
    const StoreHparam *hparams;
    int n_hparams;
    StoreEnvironment environment;
} DomainbedRun;

/* All of it lives in the arena, but for the JSON that domainbed_run_done releases. */
MUST_USE bool domainbed_run_read(DomainbedRun *out, const char *folder, Arena *arena, Err *err);
void domainbed_run_done(DomainbedRun *run);

#endif
