/* Aggregates of our own on a connection. Internal to results/. */
#ifndef RESULTS_SQL_AGGREGATE_H
#define RESULTS_SQL_AGGREGATE_H

#include <sqlite3.h>

typedef struct {
    const char *name;
    int n_arguments;
    void (*step)(sqlite3_context *context, int n, sqlite3_value **arguments);
    void (*final)(sqlite3_context *context);
} SqlAggregate;

/* The same rows give the same value: they may be used wherever SQL takes an aggregate. */
void sql_aggregates_register(sqlite3 *handle, const SqlAggregate *aggregates, int n);

#endif
