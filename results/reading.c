/* How a table reads experiments: see reading.h. */
#include "reading.h"

#include "query_internal.h"
#include "reference.h"
#include "str.h"

#include <string.h>

enum { N_ADDED = 2, N_FILLED = 3 };

static const char *const FILLED[N_FILLED] = {"rule", "scored", "stderr"};

/* An experiment without a row of its own is read as DomainBed does. */
static const char SQL[] =
    "SELECT coalesce(:rule, experiment.selection, 'training-domain') AS rule,"
    " coalesce(:scored, experiment.scored, 'in') AS scored,"
    " coalesce(:stderr, experiment.stderr, 'population') AS stderr, json_group_array(listed.name)"
    " FROM (SELECT DISTINCT experiment AS name FROM run_experiment) AS listed"
    " LEFT JOIN experiment ON experiment.name = listed.name"
    " WHERE (:experiment IS NULL OR listed.name = :experiment)"
    " GROUP BY 1, 2, 3 ORDER BY min(listed.name)";

static const char *value_of(QueryParameters parameters, const char *name)
{
    for (int i = 0; i < parameters.n; i++) {
        if (str_equal(parameters.items[i].name, name)) return parameters.items[i].value;
    }
    return NULL;
}

/* A copy of `given` with values for FILLED and the experiments. */
static QueryParameters filled(QueryParameters given, const char *const values[N_FILLED],
                              const char *experiments, const char *references, Arena *arena)
{
    QueryParameter *items = arena_alloc(arena, (size_t)given.n + N_ADDED, sizeof *items);
    for (int i = 0; i < given.n; i++) {
        items[i] = given.items[i];
        for (int k = 0; k < N_FILLED; k++) {
            if (str_equal(items[i].name, FILLED[k])) items[i].value = values[k];
        }
    }
    items[given.n] = (QueryParameter){"experiments", experiments};
    items[given.n + 1] = (QueryParameter){"references", references};
    return (QueryParameters){items, given.n + N_ADDED};
}

static void add_reading(Readings *readings, QueryParameters one, Arena *arena)
{
    QueryParameters *items = arena_alloc(arena, (size_t)readings->n + 1, sizeof *items);
    for (int i = 0; i < readings->n; i++) items[i] = readings->items[i];
    items[readings->n++] = one;
    readings->items = items;
}

static bool read_all(Readings *readings, Db *db, QueryParameters given, const char *references,
                     Arena *arena, Err *err)
{
    const QueryParameter items[] = {{"rule", value_of(given, "rule")},
                                    {"scored", value_of(given, "scored")},
                                    {"stderr", value_of(given, "stderr")},
                                    {"experiment", value_of(given, "experiment")}};
    sqlite3_stmt *statement;
    bool row, ok;
    if (!query_prepare(db, &statement, NULL, SQL, (QueryParameters){items, 4}, err)) return false;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        const char *values[N_FILLED + 1];
        for (int i = 0; i <= N_FILLED; i++)
            values[i] = arena_strdup(arena, (const char *)sqlite3_column_text(statement, i));
        add_reading(readings, filled(given, values, values[N_FILLED], references, arena), arena);
    }
    sqlite3_finalize(statement);
    return ok;
}

bool readings_make(Readings *out, Db *db, const char *sql, QueryParameters given, Arena *arena,
                   Err *err)
{
    *out = (Readings){0};
    if (strstr(sql, ":experiments") == NULL) {
        add_reading(out, given, arena);
        return true;
    }
    const char *references = NULL;
    if (strstr(sql, ":references") != NULL) {
        if (!references_json(&references, arena, err)) return false;
    }
    if (!read_all(out, db, given, references, arena, err)) return false;
    if (out->n == 0) { /* nothing to read yet */
        const char *rule = value_of(given, "rule"), *scored = value_of(given, "scored");
        const char *kind = value_of(given, "stderr");
        const char *values[N_FILLED] = {rule != NULL ? rule : "training-domain",
                                        scored != NULL ? scored : "in",
                                        kind != NULL ? kind : "population"};
        add_reading(out, filled(given, values, "[]", references, arena), arena);
    }
    return true;
}

bool reading_keep_base(Db *db, const char *sql, const char **rest, QueryParameters parameters,
                       Err *err)
{
    sqlite3_stmt *statement = NULL;
    bool row;
    if (!query_prepare(db, &statement, rest, sql, parameters, err)) return false; /* only reads */
    sqlite3_finalize(statement);
    Str make = {0};
    str_add(&make, "CREATE TEMP TABLE base AS ");
    str_add_n(&make, sql, (size_t)(*rest - sql));
    query_only_reads(db, false);
    statement = NULL;
    bool ok =
        db_script(db, "DROP TABLE IF EXISTS temp.base", err) &&
        (sqlite3_prepare_v2(db_handle(db), str_text(&make), -1, &statement, NULL) == SQLITE_OK ||
         db_fail(db, err)) &&
        query_bind(statement, parameters, err) && query_step(db, statement, &row, err);
    query_only_reads(db, true);
    sqlite3_finalize(statement);
    str_done(&make);
    return ok;
}
