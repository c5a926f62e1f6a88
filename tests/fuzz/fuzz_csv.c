/* CSV tables: any bytes are either refused with a message or give a table whose cells are all
 * there. */
#include "csv_table.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    Arena *arena = arena_new();
    Err err = {.text = ""};
    CsvTable t;
    if (csv_table_parse(&t, n_bytes > 0 ? (const char *)data : "", n_bytes, "fuzz", arena, &err)) {
        int previous = 0;
        for (int row = 0; row < t.n_rows; row++) {
            for (int c = 0; c < t.n_columns; c++)
                check(csv_table_cell(&t, row, c) != NULL, "row %d lacks %d", row, c);
            check(t.lines[row] >= previous, "row %d at line %d after %d", row, t.lines[row],
                  previous);
            previous = t.lines[row];
        }
    } else {
        check(err.text[0] != '\0', "refused without a message");
    }
    arena_free(arena);
    return 0;
}
