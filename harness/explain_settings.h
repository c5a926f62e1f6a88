/* What runs were set to that their recipe (and protocol) would not have set them to. */
#ifndef HARNESS_EXPLAIN_SETTINGS_H
#define HARNESS_EXPLAIN_SETTINGS_H

#include "explain.h"

typedef struct {
    const char *key, *value;
    const char *usual;    /* the recipe's, or the schema's; NULL: not known (an imported run) */
    const char *protocol; /* NULL, or what the run's protocol pins the key to: a deviation */
    const char *runs;     /* ids, with spaces */
} Setting;

typedef struct {
    Setting *items;
    int n;
} Settings;

/* The runs' settings, those with the same value put together; in the order of the keys. */
MUST_USE bool explain_settings(Settings *out, Db *db, const int64_t *runs, int n_runs, Arena *arena,
                               Err *err);

void explain_settings_print(const Settings *settings, FILE *out, Format format);

#endif
