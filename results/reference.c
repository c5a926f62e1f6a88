/* Published values: see reference.h. */
#include "reference.h"

#include "results_files.h"

#include <csv.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 8 };

typedef struct {
    json_t *rows, *row;
    int n_rows; /* of this file, the header too */
    bool wrong;
} Reader;

static void take_field(void *text, size_t length, void *data)
{
    Reader *reader = data;
    json_array_append_new(reader->row, length == 0 ? json_null() : json_stringn(text, length));
}

static void take_row(int end, void *data)
{
    (void)end;
    Reader *reader = data;
    reader->wrong |= json_array_size(reader->row) != N_COLUMNS;
    if (reader->n_rows++ > 0) json_array_append(reader->rows, reader->row);
    json_decref(reader->row);
    reader->row = json_array();
}

static bool read_file(json_t *rows, const EmbeddedFile *file, Err *err)
{
    struct csv_parser parser;
    Reader reader = {.rows = rows, .row = json_array()};
    check(csv_init(&parser, CSV_APPEND_NULL) == 0, "out of memory for %s", file->name);
    size_t n = strlen(file->text);
    bool ok = csv_parse(&parser, file->text, n, take_field, take_row, &reader) == n &&
              csv_fini(&parser, take_field, take_row, &reader) == 0 && !reader.wrong;
    csv_free(&parser);
    json_decref(reader.row);
    return ok || err_set(err, ERR_FORMAT, "%s: row %d, expected %d columns", file->name,
                         reader.n_rows, (int)N_COLUMNS);
}

bool references_json(const char **out, Arena *arena, Err *err)
{
    json_t *rows = json_array();
    bool ok = true;
    for (const EmbeddedFile *file = reference_files; ok && file->name != NULL; file++)
        ok = read_file(rows, file, err);
    if (ok) {
        char *text = json_dumps(rows, JSON_COMPACT);
        check(text != NULL, "out of memory for published values");
        *out = arena_strdup(arena, text);
        free(text);
    }
    json_decref(rows);
    return ok;
}
