/* One SELECT; held_out, trial, dataset make a group. */
#include "member_runs.h"

#include "query_internal.h"
#include "str.h"

#include <math.h>

static const char MEMBERS[] =
    "SELECT run.key, run.spec, dataset.name, run.held_out, run.dataset_id, run.trial,"
    "       (SELECT source_accuracy FROM checkpoint"
    "        WHERE run_id = run.id AND variant = 'raw' ORDER BY step DESC LIMIT 1) AS accuracy "
    "FROM run JOIN dataset ON dataset.id = run.dataset_id "
    "WHERE run.status = 'done' AND run.origin = 'dgbench' AND run.method = :method"
    "  AND coalesce(json_extract(run.spec, '$.merge.kind'), 'none') = 'none'"
    "  AND (:dataset IS NULL OR dataset.name = :dataset)"
    "  AND (:held_out IS NULL OR run.held_out = :held_out)"
    "  AND (:trial IS NULL OR run.trial = :trial)"
    "  AND (:experiment IS NULL OR run.id IN"
    "       (SELECT run_id FROM run_experiment WHERE experiment = :experiment)) "
    "ORDER BY run.dataset_id, run.held_out, run.trial, accuracy DESC, run.key";

static const char *text(Arena *arena, sqlite3_stmt *row, int column)
{
    return arena_strdup(arena, (const char *)sqlite3_column_text(row, column));
}

static MemberRun read_row(sqlite3_stmt *row, Arena *arena)
{
    return (MemberRun){
        .key = text(arena, row, 0),
        .spec_json = text(arena, row, 1),
        .dataset = text(arena, row, 2),
        .held_out = text(arena, row, 3),
        .dataset_id = sqlite3_column_int64(row, 4),
        .trial = sqlite3_column_int64(row, 5),
        .source_accuracy = sqlite3_column_type(row, 6) == SQLITE_NULL
                               ? (double)NAN
                               : sqlite3_column_double(row, 6),
    };
}

static void add(MemberRuns *runs, int *room, MemberRun run, Arena *arena)
{
    if (runs->n == *room) {
        *room = *room > 0 ? 2 * *room : 16;
        MemberRun *items = arena_alloc(arena, (size_t)*room, sizeof *items);
        for (int i = 0; i < runs->n; i++) items[i] = runs->items[i];
        runs->items = items;
    }
    runs->items[runs->n++] = run;
}

bool member_runs_read(MemberRuns *out, Db *db, const MemberQuery *query, Arena *arena, Err *err)
{
    const QueryParameter values[] = {{"method", query->method},
                                     {"dataset", query->dataset},
                                     {"experiment", query->experiment},
                                     {"held_out", query->held_out},
                                     {"trial", query->trial}};
    sqlite3_stmt *statement = NULL;
    if (!query_prepare(db, &statement, NULL, MEMBERS, (QueryParameters){values, 5}, err))
        return false;
    MemberRuns runs = {0};
    int room = 0;
    bool row = true, ok = true;
    while (ok && row) {
        ok = query_step(db, statement, &row, err);
        if (ok && row) add(&runs, &room, read_row(statement, arena), arena);
    }
    sqlite3_finalize(statement);
    if (ok) *out = runs;
    return ok;
}

static bool same_group(const MemberRun *a, const MemberRun *b)
{
    return a->dataset_id == b->dataset_id && a->trial == b->trial &&
           str_equal(a->held_out, b->held_out);
}

int member_runs_group(const MemberRuns *runs, int first)
{
    int n = 0;
    while (first + n < runs->n && same_group(&runs->items[first], &runs->items[first + n])) n++;
    return n;
}
