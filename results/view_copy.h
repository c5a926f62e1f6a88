/* A view of the database made again as a temporary one: names in it then mean temporary tables and
 * views where there are some of that name. Internal to results/. */
#ifndef RESULTS_VIEW_COPY_H
#define RESULTS_VIEW_COPY_H

#include "arena.h"
#include "database.h"

/* Nothing when there is a temporary one already. */
MUST_USE bool view_copy(Db *db, const char *name, Arena *arena, Err *err);

#endif
