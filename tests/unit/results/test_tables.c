/* Tables against golden texts. */
#include "fixture.h"
#include "tables.h"
#include "test.h"

#include <ctype.h>

static Store *store;
static Db *db;
static int64_t dataset;
static char output[20000];

static int setup(void **state)
{
    (void)state;
    Err err;
    const char *path = fixture_path();
    assert_ok(store_open(&store, path, &err));
    dataset = fixture_add_dataset(store);
    assert_ok(results_open(&db, path, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    results_close(db);
    store_close(store);
    fixture_remove();
    return 0;
}

static void add(const char *method, int held_out, int trial, int percent)
{
    FixtureCheckpoint checkpoint = {.step = 1, .out = {60, 60, 60}};
    for (int d = 0; d < FIXTURE_DOMAINS; d++) checkpoint.in[d] = percent;
    checkpoint.out[held_out] = percent / 2;
    FixtureRun run = {
        .method = method, .held_out = held_out, .trial = trial, .checkpoints = CHECKPOINTS(checkpoint)};
    fixture_add_run(store, dataset, &run);
}

/* erm on all domains, two trials of art; sma lacks sketch; one diverged run. */
static void add_runs(void)
{
    add("erm", 0, 0, 40);
    add("erm", 0, 1, 50);
    add("erm", 1, 0, 70);
    add("erm", 2, 0, 30);
    add("sma", 0, 0, 42);
    add("sma", 1, 0, 71);
    FixtureRun diverged = {.method = "sma",
                           .held_out = 2,
                           .status = RUN_DIVERGED,
                           .checkpoints = CHECKPOINTS({.step = 1, .in = {99, 99, 99}, .out = {99, 99, 99}})};
    fixture_add_run(store, dataset, &diverged);
}

static const char *table_text(const char *name, const QueryParameter *parameters, int n, Format format)
{
    Err err;
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok = table_print(db, out, name, parameters, n, format, &err);
    fclose(out);
    if (!ok) fail_msg("%s", err.text);
    return output;
}

static void test_accuracy_as_text(void **state)
{
    (void)state;
    add_runs();
    assert_string_equal(
        table_text("accuracy", NULL, 0, FORMAT_TEXT),
        "Accuracy (%) on the held-out domain: mean +/- standard error (trials)\n"
        "\n"
        "tiny, image split; selected by training-domain; scored on the held-out domain's in split (as DomainBed)\n"
        "                  art            photo           sketch    Avg\n"
        "---  ----------------  ---------------  ---------------  -----\n"
        "erm  45.0 +/- 3.5 (2)*  70.0 +/- 0.0 (1)   30.0 +/- 0.0 (1)   48.3\n"
        "\n"
        "x\n");
}

static void test_accuracy_as_markdown(void **state)
{
    (void)state;
    add_runs();
    assert_string_equal(table_text("accuracy", NULL, 0, FORMAT_MD), "x");
}

static void test_accuracy_as_latex(void **state)
{
    (void)state;
    add_runs();
    assert_string_equal(table_text("accuracy", NULL, 0, FORMAT_LATEX), "x");
}

static void test_accuracy_as_csv_is_unrounded(void **state)
{
    (void)state;
    add_runs();
    assert_string_equal(table_text("accuracy", NULL, 0, FORMAT_CSV), "x");
}

static void test_validation_shows_the_gap(void **state)
{
    (void)state;
    add_runs();
    assert_string_equal(table_text("validation", NULL, 0, FORMAT_TEXT), "x");
}

static void test_unseen_concepts(void **state)
{
    (void)state;
    add_runs(); /* image splits: not in this table */
    FixtureRun run = {.held_out = 2,
                      .split_rule = "concept",
                      .checkpoints = CHECKPOINTS({.step = 1, .in = {0, 0, 50}, .out = {60, 70, 25}})};
    fixture_add_run(store, dataset, &run);
    assert_string_equal(table_text("unseen-concepts", NULL, 0, FORMAT_TEXT), "x");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_accuracy_as_text), TEST(test_accuracy_as_markdown),
                                       TEST(test_accuracy_as_latex), TEST(test_accuracy_as_csv_is_unrounded),
                                       TEST(test_validation_shows_the_gap), TEST(test_unseen_concepts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
