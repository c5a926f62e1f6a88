/* Tables against golden texts. */
#include "arena.h"
#include "file.h"
#include "store_case.h"
#include "store_internal.h"
#include "tables.h"
#include "test.h"

#include <jansson.h>

static char output[20000];

static int setup(void **state)
{
    (void)store_setup(state);
    store_case_read();
    return 0;
}

static void add(const char *method, int held_out, int trial, int percent)
{
    FixtureCheckpoint checkpoint = {.step = 1, .out = {60, 60, 60}};
    for (int d = 0; d < FIXTURE_DOMAINS; d++) checkpoint.in[d] = percent;
    checkpoint.out[held_out] = percent / 2;
    FixtureRun run = {.method = method,
                      .held_out = held_out,
                      .trial = trial,
                      .checkpoints = CHECKPOINTS(checkpoint)};
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
                           .checkpoints =
                               CHECKPOINTS({.step = 1, .in = {99, 99, 99}, .out = {99, 99, 99}})};
    fixture_add_run(store, dataset, &diverged);
}

static const char *table_text(const char *name, QueryParameters parameters, Format format)
{
    Err err;
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok = table_print(reader, out, name, parameters, format, &err);
    (void)fclose(out);
    if (!ok) fail_msg("%s", err.text);
    return output;
}

/* The table is what tests/golden/tables/FILE says, to the byte. */
static void assert_table(const char *file, const char *name, QueryParameters parameters,
                         Format format)
{
    Err err;
    Arena *arena = arena_new();
    char *golden = NULL;
    bool ok =
        file_read(&golden, NULL,
                  arena_printf(arena, "%s/tests/golden/tables/%s", getenv("DGBENCH_SOURCE"), file),
                  sizeof output, &err);
    arena_free(arena);
    assert_ok(ok);
    assert_string_equal(table_text(name, parameters, format), golden);
    free(golden);
}

static void test_accuracy_in_every_format(void **state)
{
    (void)state;
    add_runs();
    assert_table("accuracy.txt", "accuracy", (QueryParameters){0}, FORMAT_TEXT);
    assert_table("accuracy.md", "accuracy", (QueryParameters){0}, FORMAT_MD);
    assert_table("accuracy.tex", "accuracy", (QueryParameters){0}, FORMAT_LATEX);
    assert_table("accuracy.csv", "accuracy", (QueryParameters){0}, FORMAT_CSV); /* unrounded */
}

static void test_accuracy_by_another_rule_on_the_whole_domain(void **state)
{
    (void)state;
    add_runs();
    const QueryParameter parameters[] = {
        {"rule", "oracle"}, {"scored", "whole"}, {"dataset", "tiny"}};
    assert_table("accuracy-oracle-whole.txt", "accuracy", (QueryParameters){parameters, 3},
                 FORMAT_TEXT);
}

static void test_accuracy_of_two_experiments_and_a_pair(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    FixtureRun again = {.experiment = "second",
                        .checkpoints =
                            CHECKPOINTS({.step = 1, .in = {80, 0, 0}, .out = {1, 50, 50}})};
    FixtureRun pair = {.held_out = 0,
                       .also_held_out = 1,
                       .checkpoints =
                           CHECKPOINTS({.step = 1, .in = {99, 99, 99}, .out = {99, 99, 99}})};
    fixture_add_run(store, dataset, &again);
    fixture_add_run(store, dataset, &pair);
    assert_table("accuracy-experiments.txt", "accuracy", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_validation_shows_the_gap(void **state)
{
    (void)state;
    add_runs();
    assert_table("validation.txt", "validation", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_unseen_concepts(void **state)
{
    (void)state;
    add_runs(); /* image splits: not in this table */
    FixtureRun run = {.held_out = 2,
                      .split_rule = "concept",
                      .checkpoints =
                          CHECKPOINTS({.step = 1, .in = {0, 0, 50}, .out = {60, 70, 25}})};
    fixture_add_run(store, dataset, &run);
    assert_table("unseen-concepts.txt", "unseen-concepts", (QueryParameters){0}, FORMAT_TEXT);
}

/* Three trials of two methods on all three domains, and the pairs that leave-one-domain-out needs.
 */
static void add_sweep(void)
{
    static const int ERM[3][3] = {{40, 70, 30}, {42, 71, 33}, {41, 69, 33}};
    static const int PLUS[3][3] = {{46, 72, 36}, {45, 75, 38}, {47, 71, 39}};
    for (int trial = 0; trial < 3; trial++) {
        for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
            add("erm", domain, trial, ERM[trial][domain]);
            add("erm++", domain, trial, PLUS[trial][domain]);
            FixtureRun pair = {
                .held_out = domain < 2 ? 0 : 1,
                .also_held_out = domain == 0 ? 1 : 2,
                .trial = trial,
                .checkpoints = CHECKPOINTS({.step = 1, .in = {50, 50, 50}, .out = {50, 50, 50}})};
            fixture_add_run(store, dataset, &pair);
        }
    }
}

static void test_averages_over_domains_inside_each_trial(void **state)
{
    (void)state;
    add_sweep();
    assert_table("averages.txt", "averages", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_two_methods_are_compared_in_pairs(void **state)
{
    (void)state;
    add_sweep();
    const QueryParameter parameters[] = {{"a", "erm++"}, {"b", "erm"}};
    assert_table("compare.txt", "compare", (QueryParameters){parameters, 2}, FORMAT_TEXT);
}

static void test_selection_rules_side_by_side(void **state)
{
    (void)state;
    add_sweep();
    assert_table("oracle-gap.txt", "oracle-gap", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_intervals(void **state)
{
    (void)state;
    add_sweep();
    assert_table("intervals.txt", "intervals", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_cost(void **state)
{
    (void)state;
    add_sweep();
    assert_table("cost.txt", "cost", (QueryParameters){0}, FORMAT_TEXT);
}

/* Times, parameters and memory as given; n_trainable and n_inference are those of an adapter. */
static void test_adapter_cost(void **state)
{
    (void)state;
    Err err;
    add("erm", 0, 0, 40);
    add("lora", 0, 0, 40);
    add("op-lora", 0, 0, 40);
    assert_ok(
        db_script(store->db,
                  "UPDATE run SET last_step = 100, peak_bytes = 104857600, n_parameters = 90000,"
                  " (train_seconds, n_trainable, n_inference) = (SELECT column2, column3, column4"
                  " FROM (VALUES ('erm', 8.0, 90000, 90000), ('lora', 5.0, 3000, 3000),"
                  " ('op-lora', 6.0, 99000, 3000)) WHERE column1 = method)",
                  &err));
    assert_table("adapter-cost.txt", "adapter-cost", (QueryParameters){0}, FORMAT_TEXT);
}

static void test_methods_that_trials_cannot_separate(void **state)
{
    (void)state;
    static const int NEAR[3][3] = {{41, 69, 31}, {41, 72, 32}, {42, 68, 33}};
    add_sweep();
    for (int i = 0; i < 9; i++) add("sma", i % 3, i / 3, NEAR[i / 3][i % 3]);
    for (int i = 0; i < 9; i++) add("swad", i % 3, i / 3, NEAR[i / 3][i % 3] + 5);
    assert_table("not-separated.txt", "accuracy", (QueryParameters){0}, FORMAT_TEXT);
}

static void read_as(const char *experiment, const char *selection, const char *scored,
                    const char *kind)
{
    Err err;
    StoreExperiment how = {.name = experiment,
                           .protocol = "",
                           .selection = selection,
                           .scored = scored,
                           .stderr_of = kind};
    assert_ok(store_experiment(store, &how, &err));
}

static void test_each_experiment_is_read_by_its_own_rule(void **state)
{
    (void)state;
    add_runs();
    FixtureRun other = {.experiment = "second",
                        .method = "coral",
                        .checkpoints =
                            CHECKPOINTS({.step = 1, .in = {80, 0, 0}, .out = {20, 90, 90}},
                                        {.step = 2, .in = {60, 0, 0}, .out = {40, 50, 50}})};
    fixture_add_run(store, dataset, &other);
    read_as("second", "oracle", "whole", "sample");
    assert_table("own-rules.txt", "accuracy", (QueryParameters){0}, FORMAT_TEXT);
    json_t *rows = json_loads(table_text("accuracy", (QueryParameters){0}, FORMAT_JSON), 0, NULL);
    assert_int_equal(json_array_size(rows), 6); /* one document for both readings */
    json_decref(rows);
    const QueryParameter rule = {"rule", "training-domain"};
    assert_table("own-rules-but-one.txt", "accuracy", (QueryParameters){&rule, 1}, FORMAT_TEXT);
}

static void test_sample_standard_error(void **state)
{
    (void)state;
    add_runs(); /* art: 40 and 50 */
    const QueryParameter kind = {"stderr", "sample"};
    assert_non_null(strstr(table_text("accuracy", (QueryParameters){&kind, 1}, FORMAT_TEXT),
                           "45.0 +/- 5.0 (2)"));
    assert_string_equal(fixture_value("SELECT round(sample_stderr, 9) FROM cell WHERE n_trials = 2"
                                      " AND rule = 'last' AND scored = 'in'"),
                        "0.05");
    assert_string_equal(fixture_value("SELECT count(sample_stderr) FROM cell WHERE n_trials = 1"),
                        "0");
}

static void test_published_values_below_ones_own(void **state)
{
    (void)state;
    Err err;
    assert_ok(db_script(store->db, "UPDATE dataset SET name = 'rotatedmnist'", &err));
    add_runs();
    const QueryParameter yes = {"reference", "yes"};
    assert_table("reference.txt", "accuracy", (QueryParameters){&yes, 1}, FORMAT_TEXT);
}

static void test_empty_database_says_so(void **state)
{
    (void)state;
    assert_table("empty.txt", "accuracy", (QueryParameters){0}, FORMAT_TEXT);
}

static bool print(const char *text, Err *err)
{
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok = table_print_file(reader, out, &(TableFile){"mine", text}, (QueryParameters){0},
                               FORMAT_TEXT, err);
    (void)fclose(out);
    return ok;
}

static void test_wrong_table_files_get_one_line(void **state)
{
    (void)state;
    Err err;
    static const char head[] = "-- row: r\n-- column: c\n-- value: v\n";
    char text[256];
    assert_fails(print("-- row: r\nSELECT 1 AS r", &err), "mine: no line \"-- column:\"");
    snprintf(text, sizeof text, "%sSELECT 1 AS r, 2 AS c, 3 AS x", head);
    assert_fails(print(text, &err), "mine: value is \"v\", which the SELECT has no column for");
    snprintf(text, sizeof text, "%sSELECT 1 AS r, 2 AS c, 3 AS v UNION ALL SELECT 1, 2, 4", head);
    assert_fails(print(text, &err), "mine: two values for row \"1\", column \"2\"");
    snprintf(text, sizeof text, "%sDELETE FROM run", head);
    assert_fails(print(text, &err), "more than read");
    assert_fails(table_print(reader, stderr, "acuracy", (QueryParameters){0}, FORMAT_TEXT, &err),
                 "did you mean \"accuracy\"?");
}

static void test_lowest_can_be_best_and_orders_are_kept(void **state)
{
    (void)state;
    Err err;
    assert_ok(
        print("-- title: Cost\n-- row: r\n-- column: c\n-- value: v\n-- best: min\n-- digits: "
              "2\n-- row_order: o\n"
              "SELECT 'a' AS r, 'x' AS c, 1.5 AS v, 2 AS o UNION ALL SELECT 'b', 'x', 1.25, 1",
              &err));
    assert_string_equal(output, "Cost\n\n      x\n-  -----\nb  1.25*\na  1.50\n\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
    const struct CMUnitTest tests[] = {TEST(test_accuracy_in_every_format),
                                       TEST(test_accuracy_by_another_rule_on_the_whole_domain),
                                       TEST(test_accuracy_of_two_experiments_and_a_pair),
                                       TEST(test_validation_shows_the_gap),
                                       TEST(test_unseen_concepts),
                                       TEST(test_averages_over_domains_inside_each_trial),
                                       TEST(test_two_methods_are_compared_in_pairs),
                                       TEST(test_selection_rules_side_by_side),
                                       TEST(test_intervals),
                                       TEST(test_cost),
                                       TEST(test_adapter_cost),
                                       TEST(test_methods_that_trials_cannot_separate),
                                       TEST(test_each_experiment_is_read_by_its_own_rule),
                                       TEST(test_sample_standard_error),
                                       TEST(test_published_values_below_ones_own),
                                       TEST(test_empty_database_says_so),
                                       TEST(test_wrong_table_files_get_one_line),
                                       TEST(test_lowest_can_be_best_and_orders_are_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
