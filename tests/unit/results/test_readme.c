/* results/README.md says the truth: its SQL runs and answers in the shape that is shown, and it
 * documents every table, view and column there is, and none that isn't. */
#include "arena.h"
#include "file.h"
#include "store_case.h"
#include "str.h"
#include "test.h"

#include <ctype.h>
#include <sqlite3.h>

enum { MAX_NAMES = 1000 };

static char *readme;
static Arena *arena;

static int setup(void **state)
{
    Err err;
    (void)store_setup(state);
    arena = arena_new();
    const char *name = arena_printf(arena, "%s/results/README.md", getenv("DGBENCH_SOURCE"));
    assert_ok(file_read(&readme, NULL, name, 200000, &err));
    FixtureRun run = {.held_out = 2,
                      .checkpoints = CHECKPOINTS({.step = 1, .in = {1, 2, 3}, .out = {4, 5, 6}})};
    fixture_add_run(store, dataset, &run);
    store_case_read();
    return 0;
}

static int teardown(void **state)
{
    free(readme);
    arena_free(arena);
    return store_teardown(state);
}

/* ---- worked queries ---- */

/* What stands between ```LANGUAGE and ``` after *cursor, which moves behind it; NULL: no more. */
static char *next_block(char **cursor, const char *language)
{
    char *fence = strstr(*cursor, arena_printf(arena, "```%s\n", language));
    if (fence == NULL) return NULL;
    char *text = strchr(fence, '\n') + 1;
    char *end = strstr(text, "```");
    assert_non_null(end);
    *cursor = end + 3;
    return arena_strndup(arena, text, (size_t)(end - text));
}

/* The words of the first line, one blank between them. */
static char *headline(const char *text)
{
    Str words = {0};
    char *line = arena_strndup(arena, text, strcspn(text, "\n"));
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        str_addf(&words, "%s ", word);
    char *result = arena_strdup(arena, str_text(&words));
    str_done(&words);
    return result;
}

static void test_worked_queries_run(void **state)
{
    (void)state;
    Err err;
    int n_queries = 0;
    char *cursor = readme;
    for (char *sql; (sql = next_block(&cursor, "sql")) != NULL; n_queries++) {
        char output[4096] = {0};
        FILE *out = fmemopen(output, sizeof output - 1, "w");
        bool ok = query_run(reader, out, sql, (QueryParameters){0}, FORMAT_TEXT, &err);
        (void)fclose(out);
        if (!ok) fail_msg("%s: %s", sql, err.text);
        while (isspace((unsigned char)*cursor)) cursor++;
        if (!str_starts_with(cursor, "```text\n")) fail_msg("no example output below:\n%s", sql);
        assert_string_equal(headline(output), headline(cursor + strlen("```text\n")));
    }
    assert_int_equal(n_queries, 12);
}

/* ---- tables, views, columns ---- */

typedef struct {
    const char *names[MAX_NAMES]; /* "relation.column", or "relation.column type" of a table */
    int n;
} Names;

static Names documented, existing;

static void names_add(Names *names, const char *name)
{
    assert_true(names->n < MAX_NAMES);
    names->names[names->n++] = arena_strdup(arena, name);
}

static bool names_has(const Names *names, const char *name)
{
    for (int i = 0; i < names->n; i++) {
        if (str_equal(names->names[i], name)) return true;
    }
    return false;
}

/* Of a row | `a` `b` | type | meaning |: a column for each name. */
static void read_row(const char *relation, bool is_table, const char *row)
{
    const char *end = strchr(row + 1, '|');
    assert_non_null(end);
    const char *type = end + 2;
    for (const char *at = strchr(row, '`'); at != NULL && at < end; at = strchr(at, '`')) {
        size_t length = strcspn(at + 1, "`");
        const char *name = arena_strndup(arena, at + 1, length);
        names_add(&documented, is_table ? arena_printf(arena, "%s.%s %.*s", relation, name,
                                                       (int)strcspn(type, " "), type)
                                        : arena_printf(arena, "%s.%s", relation, name));
        at += length + 2;
    }
}

/* "All columns of `other`, and:" */
static void take_over(const char *relation, const char *line)
{
    const char *from = strchr(line, '`') + 1;
    const char *prefix = arena_printf(arena, "%.*s.", (int)strcspn(from, "`"), from);
    for (int i = 0, n = documented.n; i < n; i++) {
        if (str_starts_with(documented.names[i], prefix))
            names_add(&documented,
                      arena_printf(arena, "%s.%s", relation, documented.names[i] + strlen(prefix)));
    }
}

static void read_readme(void)
{
    const char *relation = NULL;
    bool is_table = false;
    char *copy = arena_strdup(arena, readme), *save = NULL;
    documented.n = 0;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (str_starts_with(line, "## ")) {
            is_table = str_equal(line, "## Tables");
            relation = NULL;
        } else if (str_starts_with(line, "### `")) {
            relation = arena_strndup(arena, line + 5, strcspn(line + 5, "`"));
        } else if (relation != NULL && str_starts_with(line, "| `")) {
            read_row(relation, is_table, line);
        } else if (relation != NULL && str_starts_with(line, "All columns of `")) {
            take_over(relation, line);
        }
    }
}

static void read_schema(void)
{
    static const char sql[] =
        "SELECT r.name || '.' || c.name || CASE r.type WHEN 'table' THEN ' ' || lower(c.type) ELSE"
        " '' END FROM sqlite_schema AS r, pragma_table_info(r.name) AS c"
        " WHERE r.type IN ('table', 'view') AND r.name NOT LIKE 'sqlite_%'";
    sqlite3 *handle;
    sqlite3_stmt *statement;
    existing.n = 0;
    assert_int_equal(sqlite3_open_v2(fixture_file(), &handle, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
        names_add(&existing, (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

static int count_missing(const Names *wanted, const Names *found, const char *what)
{
    int n = 0;
    for (int i = 0; i < wanted->n; i++) {
        if (names_has(found, wanted->names[i])) continue;
        fprintf(stderr, "# %s: %s\n", what, wanted->names[i]);
        n++;
    }
    return n;
}

static void test_every_column_is_documented_and_none_else(void **state)
{
    (void)state;
    read_readme();
    read_schema();
    assert_true(existing.n > 200);
    int n = count_missing(&existing, &documented, "not in results/README.md") +
            count_missing(&documented, &existing, "in results/README.md only");
    assert_int_equal(n, 0);
    assert_int_equal(existing.n, documented.n); /* nothing twice */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_worked_queries_run),
                                       TEST(test_every_column_is_documented_and_none_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
