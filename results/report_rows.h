/* The rows of a SELECT, kept in memory for a part of the report: texts with the names of their
 * columns, looked up by name. Internal to results/.
 *
 *     Rows rows;
 *     rows_read(&rows, db, sql, parameters, arena, err);
 *     for (RowSpan s = {0}; rows_next_span(&s, &rows, rows_all(&rows), "section");)
 *         ...rows s.first to s.end have the same section...
 */
#ifndef RESULTS_REPORT_ROWS_H
#define RESULTS_REPORT_ROWS_H

#include "arena.h"
#include "query.h"

typedef struct {
    const char **names; /* [n_columns] */
    const char **cells; /* [n_rows, n_columns]; NULL where the value is */
    int n_columns, n_rows;
} Rows;

typedef struct {
    int first, end; /* rows first..end-1 */
} RowSpan;

/* Everything in the arena. Real numbers are kept to 15 digits. */
MUST_USE bool rows_read(Rows *out, Db *db, const char *sql, QueryParameters parameters,
                        Arena *arena, Err *err);

int rows_column(const Rows *rows, const char *column); /* -1: there is none */
const char *rows_text(const Rows *rows, int row,
                      const char *column); /* "" for NULL, or no such column */
double rows_number(const Rows *rows, int row,
                   const char *column); /* NAN for NULL, no number, no such column */

RowSpan rows_all(const Rows *rows);

/* The next rows of `within` that have the same text in the column, which lie together; *span starts
 * as {0} and walks. False at the end. */
bool rows_next_span(RowSpan *span, const Rows *rows, RowSpan within, const char *column);

/* Distinct texts of a column with a number that orders them: the lowest value of order_column that
 * goes with them (NULL or no such column: first appearance). Sorted; in the arena; *n of them. */
const char **rows_labels(int *n, const Rows *rows, RowSpan span, const char *column,
                         const char *order_column, Arena *arena);

/* Place of the text in labels[0..n); n when it is not there. */
int rows_label_index(const char *const *labels, int n, const char *text);

#endif
