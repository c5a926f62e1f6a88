/* Imports a DomainBed sweep folder, DIR/<run>/results.jsonl, into a results database.
 *
 * A run is known by its arguments (without data_dir and output_dir) and hyper-parameters: importing
 * again adds what is new and leaves the rest. It is stored with
 *   origin "domainbed:<name of its folder>", method = algorithm, spec {"args", "hparams",
 * "results"}; status done with the `done` marker, else interrupted: tables of dgbench average runs
 * that are done only; of each step the last record as variant "raw", earlier ones as "superseded",
 * "superseded-2", ... in the order of the file, which is also that of the checkpoint ids; losses
 * and times in train_log (of "raw" only); numbers of images are not known: NULL.
 *
 * A run that can't be used is named, nothing of it is written, the others are imported, and the
 * call fails at the end. When the database fails, the transaction at hand (some hundred runs) is
 * undone.
 */
#ifndef RESULTS_IMPORT_DOMAINBED_H
#define RESULTS_IMPORT_DOMAINBED_H

#include "store.h"

#include <stdio.h>

typedef struct {
    int64_t folders;             /* with a results.jsonl */
    int64_t added;               /* new runs */
    int64_t updated;             /* runs that were there with other records or status */
    int64_t unchanged;           /* already there */
    int64_t refused;             /* can't be used, each named by a warning */
    int64_t done, partial;       /* of added + updated + unchanged: with and without marker */
    int64_t nonfinite;           /* of these: with a loss that is not finite */
    int64_t records, duplicates; /* records read; of these superseded by a later one */
    int64_t skipped_lines;       /* broken lines, each named by a warning */
} ImportSummary;

/* Fails when the folder can't be listed or holds no folder with a results.jsonl: to ask before the
 * database is made. */
MUST_USE bool import_domainbed_check(const char *folder, Err *err);

/* experiment: what the runs are listed under, written with DomainBed's way of reading them. *out is
 * set whenever the folder could be listed. */
MUST_USE bool import_domainbed(Store *store, ImportSummary *out, const char *folder,
                               const char *experiment, Err *err);

void import_summary_print(FILE *out, const ImportSummary *summary);

#endif
