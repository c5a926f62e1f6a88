/* A small results database to test with: domains art, photo, sketch; classes cat, dog; four images
 * per domain. */
#ifndef TESTS_RESULTS_FIXTURE_H
#define TESTS_RESULTS_FIXTURE_H

#include "store.h"

enum { FIXTURE_DOMAINS = 3, FIXTURE_IMAGES = 12 };

/* Percent of 100 images per split, by domain: one evaluated set of weights. */
typedef struct {
    int64_t step;
    int in[FIXTURE_DOMAINS], out[FIXTURE_DOMAINS];
    const char *variant; /* NULL: raw */
} FixtureCheckpoint;

typedef struct {
    const char *method;               /* NULL: erm */
    const char *experiment;           /* NULL: first */
    const char *variant, *split_rule; /* NULL: raw, image */
    int held_out;                     /* domain */
    int also_held_out;                /* a second one; 0: none */
    int trial, hparams_seed;
    RunStatus status;                     /* RUN_ABSENT: RUN_DONE */
    const FixtureCheckpoint *checkpoints; /* ended by one whose step is below 0 */
} FixtureRun;

#define CHECKPOINTS(...)                                                                           \
    (const FixtureCheckpoint[])                                                                    \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .step = -1                                                                             \
        }                                                                                          \
    }

/* A fresh folder and a path in it; both static, one test at a time. */
const char *fixture_path(void);
const char *fixture_file(void); /* that path */
void fixture_remove(void);      /* checks its derived tables first, where it is a sound file */

StoreDataset fixture_dataset(void);
StoreRunInfo fixture_run_info(const char *key, int64_t dataset);
StoreEval fixture_eval(int64_t step, const char *variant, int domain, const char *split,
                       int percent);

int64_t fixture_add_dataset(Store *store);
int64_t fixture_add_run(Store *store, int64_t dataset, const FixtureRun *run); /* returns its id */

/* The derived tables of a file hold what the views that define them say. */
void fixture_check_derived(const char *file);

/* The first column of the first row of a query on the database at fixture_path, as text in a static
 * buffer. */
const char *fixture_value(const char *sql);
const char *fixture_value_in(const char *file, const char *sql); /* in another file */

#endif
