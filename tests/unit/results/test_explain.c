/* explain: which cell is meant, which runs stand behind it; runs found by number and key; the same
 * run in two databases compared. art and photo are sources, sketch is held out. */
#include "store_case.h"
#include "store_internal.h"
#include "test.h"

#include "evaluation_diff.h"
#include "explain.h"
#include "str.h"

static Arena *arena;
static Err err;

static int setup(void **state)
{
    arena = arena_new();
    return store_setup(state);
}

static int teardown(void **state)
{
    arena_free(arena);
    return store_teardown(state);
}

static int64_t add(FixtureRun run)
{
    run.held_out = 2;
    static const FixtureCheckpoint usual[] = {{.step = 0, .out = {10, 20, 30}, .in = {0, 0, 40}},
                                              {.step = 5, .out = {70, 80, 10}, .in = {0, 0, 60}},
                                              {.step = -1}};
    if (run.checkpoints == NULL) run.checkpoints = usual;
    return fixture_add_run(store, dataset, &run);
}

static Db *open_db(void)
{
    Db *db = NULL;
    assert_ok(results_open(&db, fixture_file(), &err));
    return db;
}

static ExplainCell find(ExplainQuery query)
{
    ExplainCell cell = {0};
    Db *db = open_db();
    assert_ok(explain_find_cell(&cell, db, &query, arena, &err));
    results_close(db);
    return cell;
}

static void expect_failure(ExplainQuery query, const char *message)
{
    ExplainCell cell;
    Db *db = open_db();
    bool found = explain_find_cell(&cell, db, &query, arena, &err);
    results_close(db);
    assert_false(found);
    assert_string_equal(err.text, message);
}

static void test_the_only_cell_needs_no_name(void **state)
{
    (void)state;
    int64_t first = add((FixtureRun){0});
    int64_t second = add((FixtureRun){
        .trial = 1, .checkpoints = CHECKPOINTS({.step = 7, .out = {50, 50, 0}, .in = {0, 0, 70}})});
    ExplainCell cell = find((ExplainQuery){0});
    assert_string_equal(cell.name.method, "erm");
    assert_string_equal(cell.name.held_out, "sketch");
    assert_string_equal(cell.name.rule, "training-domain");
    assert_string_equal(cell.name.scored, "in");
    assert_string_equal(cell.name.variant, "raw");
    assert_int_equal(cell.n_trials, 2);
    assert_int_equal(cell.runs[0], first);
    assert_int_equal(cell.runs[1], second);
    assert_close(cell.mean, 0.65, 0, 1e-12);
    assert_close(cell.error, 0.05 / sqrt(2), 0, 1e-12); /* population deviation of 0.6 and 0.7 */
    assert_string_equal(cell.deviation, "population");
}

static void test_an_experiment_says_how_it_is_read(void **state)
{
    (void)state;
    add((FixtureRun){0});
    add((FixtureRun){
        .trial = 1, .checkpoints = CHECKPOINTS({.step = 7, .out = {50, 50, 20}, .in = {0, 0, 9}})});
    StoreExperiment how = {"first", "", "oracle", "out", "sample"};
    assert_ok(store_experiment(store, &how, &err));
    ExplainCell cell = find((ExplainQuery){0});
    assert_string_equal(cell.name.rule, "oracle");
    assert_string_equal(cell.name.scored, "out");
    assert_close(cell.mean, 0.15, 0, 1e-12);
    assert_close(cell.error, 0.05, 0, 1e-12); /* sqrt(2 x 0.05^2 / 1) / sqrt(2) */
    assert_string_equal(cell.deviation, "sample");
    assert_close(find((ExplainQuery){.scored = "in", .rule = "last"}).mean, 0.345, 0, 1e-12);
}

static void test_what_is_meant_has_to_be_said(void **state)
{
    (void)state;
    add((FixtureRun){.method = "erm"});
    add((FixtureRun){.method = "coral"});
    add((FixtureRun){.method = "coral", .experiment = "second"});
    expect_failure((ExplainQuery){0}, "explain: several cells are meant, expected --method with "
                                      "one of: coral, erm");
    expect_failure((ExplainQuery){.method = "coral"},
                   "explain: several cells are meant, expected --experiment with one of: first, "
                   "second");
    expect_failure((ExplainQuery){.method = "corral"},
                   "--method: no \"corral\" (did you mean \"coral\"?)");
    expect_failure((ExplainQuery){.method = "erm", .experiment = "second"},
                   "explain: no runs of such a cell");
    expect_failure((ExplainQuery){.method = "erm", .rule = "zzz"},
                   "--rule: no \"zzz\", there are: training-domain, leave-one-domain-out, oracle, "
                   "last");
    expect_failure((ExplainQuery){.method = "erm", .variant = "sma"},
                   "--variant: no \"sma\", there are: raw");
    find((ExplainQuery){.method = "erm"});
}

static void test_an_empty_cell_says_what_became_of_its_runs(void **state)
{
    (void)state;
    add((FixtureRun){.status = RUN_DIVERGED});
    add((FixtureRun){.status = RUN_FAILED, .trial = 1});
    expect_failure((ExplainQuery){0},
                   "explain: the cell is empty: no number for rule training-domain, scored in, "
                   "weights raw; runs: 1 diverged, 1 failed");
}

static char *section_text(const ExplainCell *cell, Format format)
{
    char *text = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&text, &n);
    Db *db = open_db();
    assert_ok(explain_cell_sections(db, stream, cell, format, &err));
    results_close(db);
    (void)fclose(stream);
    return text;
}

static void test_sections_show_the_runner_up_and_who_is_left_out(void **state)
{
    (void)state;
    add((FixtureRun){0});
    add((FixtureRun){.hparams_seed = 3,
                     .checkpoints = CHECKPOINTS({.step = 9, .out = {70, 70, 0}, .in = {0, 0, 5}})});
    add((FixtureRun){.hparams_seed = 4, .status = RUN_DIVERGED});
    ExplainCell cell = find((ExplainQuery){0});
    char *text = section_text(&cell, FORMAT_TEXT);
    /* draw 0 wins with 0.75 at step 5, draw 3 is next with 0.7 at step 9; draw 4 is left out */
    assert_non_null(strstr(text, "    0      1    1 "));
    assert_non_null(strstr(text, "    0      2    2 "));
    assert_non_null(strstr(text, "\nRuns left out\n"));
    assert_non_null(strstr(text, "diverged"));
    assert_null(strstr(text, "validate it")); /* another rule's section: empty, so left out */
    free(text);
    text = section_text(&cell, FORMAT_JSON);
    assert_non_null(strstr(text, "\"validation\": []"));
    assert_non_null(strstr(text, "\"status\": \"diverged\""));
    free(text);
}

static void expect_run(const char *text, int64_t id)
{
    ExplainRun run = {0};
    Db *db = open_db();
    bool ok = explain_find_run(&run, db, text, arena, &err);
    results_close(db);
    assert_int_equal(ok, id > 0);
    if (ok) assert_int_equal(run.id, id);
}

static void test_runs_are_found_by_number_and_by_key(void **state)
{
    (void)state;
    add((FixtureRun){0});
    int64_t second = add((FixtureRun){.trial = 1});
    sqlite3 *db;
    assert_int_equal(sqlite3_open(fixture_file(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE run SET key = '0012abcd' WHERE id = 1;"
                                  "UPDATE run SET key = '0012ab99' WHERE id = 2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    expect_run("2", second);
    expect_run("0012ab9", second);
    expect_run("0012abcd", 1);
    expect_run("0012ab", 0);
    assert_string_equal(err.text,
                        "several runs have keys that begin with 0012ab, expected more digits");
    expect_run("00", 0); /* too short for a key, and no run's number */
    expect_run("77", 0);
    expect_run("", 0);
    expect_run("' OR 1 --", 0);
}

static void test_evaluations_are_compared_to_the_last_bit(void **state)
{
    (void)state;
    add((FixtureRun){0});
    const char *key = arena_strdup(arena, fixture_value("SELECT key FROM run"));
    Db *a = open_db(), *b = open_db();
    EvaluationDiff diff;
    FILE *null = fopen("/dev/null", "w");
    assert_ok(evaluation_diff(&diff, null, a, b, key, &err));
    long long n_stored = 0;
    assert_true(str_to_int64(fixture_value("SELECT count(*) FROM eval"), &n_stored));
    assert_int_equal(diff.n_rows, n_stored);
    assert_int_equal(diff.n_differ + diff.n_missing + diff.n_more, 0);
    assert_ok(evaluation_diff(&diff, null, a, b, "none", &err));
    assert_int_equal(diff.n_rows, 0);
    results_close(a);
    results_close(b);
    (void)fclose(null);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_only_cell_needs_no_name),
        TEST(test_an_experiment_says_how_it_is_read),
        TEST(test_what_is_meant_has_to_be_said),
        TEST(test_an_empty_cell_says_what_became_of_its_runs),
        TEST(test_sections_show_the_runner_up_and_who_is_left_out),
        TEST(test_runs_are_found_by_number_and_by_key),
        TEST(test_evaluations_are_compared_to_the_last_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
