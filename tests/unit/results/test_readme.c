/* The SQL in results/README.md runs. */
#include "arena.h"
#include "file.h"
#include "fixture.h"
#include "query.h"
#include "test.h"

static Store *store;
static Db *db;
static char *readme;

static int setup(void **state)
{
    (void)state;
    Err err;
    const char *path = fixture_path();
    Arena *arena = arena_new();
    const char *name = arena_printf(arena, "%s/results/README.md", getenv("DGBENCH_SOURCE"));
    bool ok = file_read(&readme, NULL, name, 100000, &err);
    arena_free(arena);
    assert_ok(ok);
    assert_ok(store_open(&store, path, &err));
    FixtureRun run = {.held_out = 2,
                      .checkpoints = CHECKPOINTS({.step = 1, .in = {1, 2, 3}, .out = {4, 5, 6}})};
    fixture_add_run(store, fixture_add_dataset(store), &run);
    assert_ok(results_open(&db, path, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(readme);
    results_close(db);
    store_close(store);
    fixture_remove();
    return 0;
}

static void test_worked_queries_run(void **state)
{
    (void)state;
    Err err;
    char *block = strstr(readme, "```sql\n");
    assert_non_null(block);
    block += strlen("```sql\n");
    char *end = strstr(block, "```");
    assert_non_null(end);
    *end = '\0';
    int n_queries = 0;
    FILE *nowhere = fopen("/dev/null", "w");
    for (char *line = strtok(block, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (!query_run(db, nowhere, line, (QueryParameters){0}, FORMAT_CSV, &err))
            fail_msg("%s: %s", line, err.text);
        n_queries++;
    }
    (void)fclose(nowhere);
    assert_int_equal(n_queries, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_worked_queries_run, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
