/* Temporary copies of views: see view_copy.h. */
#include "view_copy.h"

#include "report_rows.h"
#include "str.h"

#include <string.h>

bool view_copy(Db *db, const char *name, Arena *arena, Err *err)
{
    Rows rows;
    const char *sql = arena_printf(
        arena, "SELECT sql FROM main.sqlite_master WHERE type = 'view' AND name = '%s'", name);
    if (!rows_read(&rows, db, sql, (QueryParameters){0}, arena, err)) return false;
    const char *text = rows.n_rows == 1 ? rows_text(&rows, 0, "sql") : "";
    const char *prefix = "CREATE VIEW ";
    if (!str_starts_with(text, prefix))
        return err_set(err, ERR_FORMAT, "%s: no view %s", db_path(db), name);
    return db_script(
        db, arena_printf(arena, "CREATE TEMP VIEW IF NOT EXISTS %s", text + strlen(prefix)), err);
}
