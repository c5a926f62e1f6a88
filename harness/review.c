/* Reading reviewed lists: see review.h. */
#include "review.h"

#include "csv_table.h"
#include "file.h"
#include "str.h"

#include <string.h>

enum { COLUMN_NONE = -1 };

static int find_column(const CsvTable *table, const char *name)
{
    for (int i = 0; i < table->n_columns; i++) {
        if (str_equal(table->columns[i], name)) return i;
    }
    return COLUMN_NONE;
}

static const char *cell(const CsvTable *table, int row, int column)
{
    return column == COLUMN_NONE ? "" : csv_table_cell(table, row, column);
}

static ExclusionVerdict *read_verdicts(const CsvTable *table, int path, int verdict, Arena *arena)
{
    int dataset = find_column(table, "dataset"), reason = find_column(table, "reason");
    ExclusionVerdict *verdicts = arena_alloc(arena, (size_t)table->n_rows, sizeof *verdicts);
    for (int i = 0; i < table->n_rows; i++) {
        verdicts[i] = (ExclusionVerdict){.dataset = cell(table, i, dataset),
                                         .path = cell(table, i, path),
                                         .verdict = cell(table, i, verdict),
                                         .reason = cell(table, i, reason),
                                         .line = table->lines[i]};
    }
    return verdicts;
}

const char *review_name(const char *path, Arena *arena)
{
    const char *base = file_base_name(path);
    size_t n = strlen(base) - (str_ends_with(base, ".csv") ? strlen(".csv") : 0);
    return arena_strndup(arena, base, n);
}

bool review_store(Store *store, ExclusionCounts *counts, const char *path, const char *name,
                  Err *err)
{
    CsvTable table;
    int path_column, verdict_column;
    Arena *arena = arena_new();
    bool ok = csv_table_read(&table, path, arena, err) &&
              csv_table_column(&path_column, &table, "path", err) &&
              csv_table_column(&verdict_column, &table, "verdict", err);
    if (ok) {
        ExclusionList list = {.name = name != NULL ? name : review_name(path, arena),
                              .source = path,
                              .verdicts = read_verdicts(&table, path_column, verdict_column, arena),
                              .n = table.n_rows};
        ok = exclusion_store(store, counts, &list, err);
    }
    arena_free(arena);
    return ok;
}

bool review_has_verdicts(const char *path)
{
    CsvTable table;
    Err ignored;
    Arena *arena = arena_new();
    bool found = false;
    if (csv_table_read(&table, path, arena, &ignored)) {
        int verdict = find_column(&table, "verdict");
        for (int i = 0; !found && i < table.n_rows; i++)
            found = cell(&table, i, verdict)[0] != '\0';
    }
    arena_free(arena);
    return found;
}
