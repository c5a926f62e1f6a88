/* Published values to print beside one's own: the CSV files of results/reference/, carried by the
 * program. Columns: dataset, domain (its position, or Avg), method, mean and stderr in percent,
 * protocol, rule (of selection), source. Internal to results/. */
#ifndef RESULTS_REFERENCE_H
#define RESULTS_REFERENCE_H

#include "arena.h"
#include "err.h"

/* All rows as a JSON array of arrays of texts in the order of the columns; an empty field is null.
 * In the arena. */
MUST_USE bool references_json(const char **out, Arena *arena, Err *err);

#endif
