/* A small CSV file (RFC 4180, read by libcsv) as a table of texts. The first row names the columns;
 * every row has to have as many fields. Everything lives in the caller's arena. */
#ifndef DATASETS_CSV_TABLE_H
#define DATASETS_CSV_TABLE_H

#include "arena.h"
#include "err.h"

#include <stddef.h>

enum { CSV_MAX_BYTES = 1 << 28, CSV_MAX_COLUMNS = 256 };

typedef struct {
    const char *place; /* for messages */
    int n_columns, n_rows;
    const char **columns; /* [n_columns] */
    const char **cells;   /* [n_rows, n_columns]; "" where empty */
    const int *lines;     /* [n_rows]: 1-based line of the file where the row begins */
} CsvTable;

/* place: the file's name for messages. */
MUST_USE bool csv_table_parse(CsvTable *out, const char *bytes, size_t n_bytes, const char *place,
                              Arena *arena, Err *err);
MUST_USE bool csv_table_read(CsvTable *out, const char *path, Arena *arena, Err *err);

/* Index of the column called name; a message lists the columns there are. */
MUST_USE bool csv_table_column(int *out, const CsvTable *table, const char *name, Err *err);

const char *csv_table_cell(const CsvTable *table, int row, int column);

#endif
