/* Registering aggregates. */
#include "sql_aggregate.h"

#include "err.h"

#include <stddef.h>

void sql_aggregates_register(sqlite3 *handle, const SqlAggregate *aggregates, int n)
{
    for (int i = 0; i < n; i++) {
        const SqlAggregate *a = &aggregates[i];
        int rc = sqlite3_create_function_v2(handle, a->name, a->n_arguments,
                                            SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, NULL, a->step,
                                            a->final, NULL);
        check(rc == SQLITE_OK, "%s can't be registered (%d)", a->name, rc);
    }
}
