/* What the tests of merging share: a target, a file that is merged into it, and looking inside. */
#ifndef TESTS_MERGE_CASE_H
#define TESTS_MERGE_CASE_H

#include "merge.h"
#include "store_internal.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MERGE_FULL = 3,  /* runs of make_full_file */
    MERGE_MANY = 450 /* of make_many, beside those */
};

extern const char *target_path;
extern char source_path[128];   /* of the file that is merged into it */
extern char merge_report[4096]; /* of the last merge */
extern MergeCounts merge_counts;

int merge_setup(void **state);
int merge_teardown(void **state);

typedef struct {
    const char *key;
    RunStatus status;
    int64_t steps; /* checkpoints 1..steps */
    int percent;   /* accuracy everywhere */
    bool two;      /* holds out two domains */
} TestRun;

void add_run(Store *store, int64_t dataset, const char *experiment, TestRun test);

/* A file with these runs; the last one has no key. */
void make_file(const char *file, const char *experiment, const TestRun *runs);
void make_full_file(const char *file); /* rows in every table */
void make_many(void);                  /* source_path: several batches */
void sql_in(const char *file, const char *sql);

bool merge_now(const char *source, Err *err);
void merge_file(const char *source); /* has to go well, and leave a sound file */

/* Every table has rows, and every column of both files holds the same values; with ids when
 * with_ids. Tables and columns that are added to the schema later are looked at, too. */
void assert_same_content(const char *one, const char *other, bool with_ids);
uint64_t bytes_digest(const char *file);

#endif
