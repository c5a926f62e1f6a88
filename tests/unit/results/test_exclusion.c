/* Reviewed lists: what is taken and what is refused, and that numbers without the excluded images
 * are those that a count of the stored predictions gives. */
#include "database.h"
#include "exclusion.h"
#include "log.h"
#include "report.h"
#include "store_case.h"
#include "str.h"
#include "tables.h"
#include "test.h"

#include <unistd.h>

/* What two trials say of sketch's images 8 to 11, a cat, a dog, a cat, a dog; the first three are
 * its in split. */
static const int TOLD[2][4] = {{0, 0, 0, 1}, {0, 1, 1, 0}};

/* An evaluation whose counts are those of its outcomes. */
static void add_eval(StoreRun *run, int domain, const char *split, const int *told, int n)
{
    StoreOutcome outcomes[4];
    StoreEval eval = fixture_eval(1, "raw", domain, split, 50);
    int first = strcmp(split, "out") == 0 ? 3 : 0;
    eval.n = n;
    eval.correct = 0;
    for (int i = 0; i < n; i++) {
        outcomes[i] = (StoreOutcome){4 * domain + first + i, told[first + i], 0.75F};
        eval.correct += told[first + i] == (first + i) % 2;
    }
    store_eval(run, &eval, outcomes, n);
}

static void add_run(int trial, bool with_outcomes)
{
    Err err;
    StoreRun *run;
    char key[16];
    snprintf(key, sizeof key, "run-%d-%d", trial, with_outcomes);
    StoreRunInfo info = fixture_run_info(key, dataset);
    info.trial = trial;
    info.method = with_outcomes ? "erm" : "imported";
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        StoreEval in = fixture_eval(1, "raw", domain, "in", 50 + trial);
        StoreEval out = fixture_eval(1, "raw", domain, "out", 60 + trial);
        if (domain == 2 && with_outcomes) {
            add_eval(run, domain, "in", TOLD[trial], 3);
            add_eval(run, domain, "out", TOLD[trial], 1);
        } else {
            store_eval(run, &in, NULL, 0);
            store_eval(run, &out, NULL, 0);
        }
    }
    assert_ok(store_checkpoint_commit(run, 1, &err));
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, &err));
    store_run_free(run);
}

static int setup(void **state)
{
    log_set_level(LOG_QUIET);
    (void)store_setup(state);
    add_run(0, true);
    add_run(1, true);
    return 0;
}

static bool keep_list(ExclusionCounts *counts, const ExclusionVerdict *verdicts, int n, Err *err)
{
    ExclusionList list = {"reviewed", "r.csv", verdicts, n};
    return exclusion_store(store, counts, &list, err);
}

/* Excludes sketch's second image (in split), and its fourth, the only one of its out split. */
static void exclude_two(void)
{
    Err err;
    ExclusionCounts counts;
    const ExclusionVerdict verdicts[] = {{"tiny", "sketch/dog/0.png", " Exclude", "a cat", 2},
                                         {"", "sketch/dog/1.png", "exclude", "", 3},
                                         {NULL, "sketch/cat/0.png", "keep", NULL, 4},
                                         {"tiny", "art/cat/0.png", "", "", 5}};
    assert_ok(keep_list(&counts, verdicts, 4, &err));
    assert_int_equal(counts.excluded, 2);
    assert_int_equal(counts.kept, 1);
    assert_int_equal(counts.open, 1);
    assert_false(counts.replaced);
}

static char output[20000];

static const char *answer(const char *sql)
{
    Err err;
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok = query_run(reader, out, sql, (QueryParameters){0}, FORMAT_CSV, &err);
    (void)fclose(out);
    if (!ok) fail_msg("%s: %s", sql, err.text);
    return strchr(output, '\n') + 1;
}

static const char *print_table(const char *name, Format format)
{
    Err err;
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    assert_ok(table_print(reader, out, name, (QueryParameters){0}, format, &err));
    (void)fclose(out);
    return output;
}

static void use(const char *name)
{
    Err err;
    store_case_read();
    assert_ok(exclusion_use(reader, name, &err));
}

/* ---- counting -------------------------------------------------------------------------------- */

static const char NUMBERS[] =
    "SELECT method, trial, accuracy, out_accuracy, whole_accuracy, validation_accuracy FROM result"
    " WHERE rule = 'training-domain' ORDER BY run_id";

static void test_all_images_count_without_a_list(void **state)
{
    (void)state;
    exclude_two();
    use(NULL);
    assert_null(exclusion_sentence(reader));
    assert_string_equal(answer(NUMBERS), "erm,0,0.66666666666666663,1,0.75,0.6\n"
                                         "erm,1,0.66666666666666663,0,0.5,0.61\n");
}

static void test_excluded_images_do_not_count(void **state)
{
    (void)state;
    exclude_two();
    use("reviewed");
    assert_string_equal(answer(NUMBERS), "erm,0,1,,1,0.6\nerm,1,0.5,,0.5,0.61\n");
    assert_string_equal(answer("SELECT n, correct, nll FROM eval_info WHERE role = 'held_out' AND "
                               "run_id = 2 ORDER BY split"),
                        "2,1,\n0,0,\n");
    assert_string_equal(answer("SELECT count(*) FROM outcome_info"), "4\n");
    assert_string_equal(answer("SELECT count(*) FROM main.outcome"), "8\n");
    assert_non_null(strstr(exclusion_sentence(reader), "Without 2 images excluded by \"reviewed\" "
                                                       "(tiny: sketch 2)"));
}

/* The numbers of all cells, counted from the file's own outcomes by other SQL. */
static void test_a_count_of_the_stored_predictions_agrees(void **state)
{
    (void)state;
    exclude_two();
    use("reviewed");
    static const char recount[] =
        "SELECT count(*), count(counted.n), total(abs(score - 1.0 * counted.correct / counted.n) > "
        "1e-12) FROM scored_result LEFT JOIN ("
        "  SELECT checkpoint_id, scored, count(*) AS n, sum(predicted_class_id = class_id) AS "
        "correct FROM main.outcome JOIN main.image ON image.id = image_id"
        "  JOIN (SELECT 'in' AS scored UNION SELECT 'out' UNION SELECT 'whole') ON scored IN "
        "(split, 'whole')"
        "  WHERE image_id NOT IN (SELECT image_id FROM main.exclusion_image WHERE verdict = "
        "'exclude') GROUP BY 1, 2) AS counted USING (checkpoint_id, scored)"
        " WHERE scored <> 'validation'";
    assert_string_equal(answer(recount), "12,12,0\n"); /* 3 rules, 2 trials, in and whole */
}

static void test_source_domains_and_selection_stay(void **state)
{
    (void)state;
    Err err;
    ExclusionCounts counts;
    const ExclusionVerdict verdicts[] = {{NULL, "art/cat/0.png", "exclude", "", 2}};
    assert_ok(keep_list(&counts, verdicts, 1, &err));
    use("reviewed");
    assert_string_equal(answer(NUMBERS), "erm,0,0.66666666666666663,1,0.75,0.6\n"
                                         "erm,1,0.66666666666666663,0,0.5,0.61\n");
    assert_string_equal(
        answer("SELECT count(*) FROM eval JOIN main.eval AS own USING (checkpoint_id, domain_id, "
               "split) WHERE eval.n IS own.n AND eval.accuracy IS own.accuracy AND eval.nll IS "
               "own.nll"),
        "12\n");
}

static void test_runs_without_predictions_have_no_accuracy(void **state)
{
    (void)state;
    add_run(0, false);
    exclude_two();
    use("reviewed");
    assert_string_equal(answer(NUMBERS), "erm,0,1,,1,0.6\nerm,1,0.5,,0.5,0.61\n"
                                         "imported,0,,,,0.6\n");
    assert_non_null(strstr(exclusion_sentence(reader), "Of 1 checkpoints no predictions"));
    assert_string_equal(answer("SELECT DISTINCT method FROM cell WHERE scored = 'in'"), "erm\n");
}

static void test_scores_of_excluded_images_are_gone(void **state)
{
    (void)state;
    Err err;
    Db *db;
    exclude_two();
    assert_ok(db_open(&db, fixture_file(), DB_WRITE, &err));
    assert_ok(db_script(db,
                        "INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES "
                        "('s', '', '', '', '');"
                        "INSERT INTO alignment (scorer_id, image_id, score) SELECT 1, id, 0.3 FROM "
                        "image",
                        &err));
    db_close(db);
    use("reviewed");
    assert_string_equal(answer("SELECT count(*) FROM alignment"), "10\n");
    assert_string_equal(answer("SELECT sum(n) FROM alignment_bin"), "4\n");
}

/* ---- what people see ------------------------------------------------------------------------- */

static void test_tables_say_so_in_every_format(void **state)
{
    (void)state;
    exclude_two();
    use("reviewed");
    assert_non_null(strstr(print_table("accuracy", FORMAT_TEXT), "\nWithout 2 images excluded"));
    assert_non_null(strstr(output, "75.0 +/- 17.7 (2)"));
    assert_non_null(strstr(print_table("cost", FORMAT_MD), "\nWithout 2 images excluded"));
    assert_non_null(strstr(print_table("accuracy", FORMAT_LATEX), "\n% Without 2 images"));
    assert_non_null(strstr(print_table("accuracy", FORMAT_CSV), ",Avg,without\n"));
    assert_non_null(strstr(output, ",0.75,reviewed\n"));
    assert_non_null(strstr(print_table("accuracy", FORMAT_JSON), "\"without\": \"reviewed\"}"));
}

static void test_the_report_says_so_and_has_the_same_numbers(void **state)
{
    (void)state;
    Err err;
    Str page = {0};
    ReportOptions options = {.excluding = "reviewed"};
    exclude_two();
    assert_ok(report_make(&page, fixture_file(), &options, &err));
    assert_non_null(strstr(str_text(&page), "class=\"left-out\">Without 2 images excluded"));
    assert_non_null(strstr(str_text(&page), "75.0"));
    assert_non_null(strstr(str_text(&page), "--excluding"));
    str_clear(&page);
    options.excluding = NULL;
    assert_ok(report_make(&page, fixture_file(), &options, &err));
    assert_null(strstr(str_text(&page), "left-out\">"));
    str_done(&page);
}

static void test_an_unknown_list_names_the_nearest(void **state)
{
    (void)state;
    Err err;
    exclude_two();
    store_case_read();
    assert_false(exclusion_use(reader, "reviwed", &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "(did you mean \"reviewed\"?)"));
    assert_false(exclusion_remove(store, "x", &err));
    assert_non_null(strstr(err.text, "see dgbench audit --list"));
}

/* ---- storing --------------------------------------------------------------------------------- */

static void test_a_list_takes_the_place_of_its_namesake(void **state)
{
    (void)state;
    Err err;
    ExclusionCounts counts;
    exclude_two();
    const ExclusionVerdict verdicts[] = {{NULL, "art/cat/0.png", "keep", "", 2}};
    assert_ok(keep_list(&counts, verdicts, 1, &err));
    assert_true(counts.replaced);
    assert_string_equal(fixture_value("SELECT group_concat(path || verdict) FROM exclusion_image "
                                      "JOIN image ON image.id = image_id"),
                        "art/cat/0.pngkeep");
    assert_ok(exclusion_remove(store, "reviewed", &err));
    assert_string_equal(fixture_value("SELECT (SELECT count(*) FROM exclusion) + count(*) FROM "
                                      "exclusion_image"),
                        "0");
}

static void test_all_that_is_wrong_is_counted_and_nothing_stored(void **state)
{
    (void)state;
    Err err;
    ExclusionCounts counts;
    exclude_two();
    const ExclusionVerdict verdicts[] = {{NULL, "art/cat/0.png", "exclude", "", 2},
                                         {NULL, "no/such.png", "exclude", "", 3},
                                         {"tiny", "art/cat/0.png", "keep", "", 4},
                                         {NULL, "art/dog/0.png", "exlude", "", 5},
                                         {"tinny", "art/dog/1.png", "exclude", "", 6}};
    assert_false(keep_list(&counts, verdicts, 5, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.text, "r.csv: 4 things wrong, see above; nothing is stored");
    assert_string_equal(
        fixture_value("SELECT group_concat(path) FROM (SELECT path FROM exclusion_image JOIN image "
                      "ON image.id = image_id WHERE verdict = 'exclude' ORDER BY image_id)"),
        "sketch/dog/0.png,sketch/dog/1.png");
    assert_false(keep_list(&counts, verdicts + 1, 1, &err));
    assert_string_equal(err.text, "r.csv: 1 thing wrong, see above; nothing is stored");
    assert_ok(keep_list(&counts, verdicts, 1, &err)); /* and the store goes on */
}

static void test_a_path_of_two_datasets_needs_the_dataset(void **state)
{
    (void)state;
    Err err;
    ExclusionCounts counts;
    int64_t id;
    StoreDataset other = fixture_dataset();
    other.name = "other";
    other.fingerprint = "fedcba9876543210";
    assert_ok(store_dataset(store, &id, &other, &err));
    ExclusionVerdict verdicts[] = {{NULL, "art/cat/0.png", "exclude", "", 2}};
    assert_false(keep_list(&counts, verdicts, 1, &err));
    verdicts[0].dataset = "other";
    assert_ok(keep_list(&counts, verdicts, 1, &err));
    assert_string_equal(
        fixture_value("SELECT dataset.name FROM exclusion_image JOIN image ON "
                      "image.id = image_id JOIN dataset ON dataset.id = dataset_id"),
        "other");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all_images_count_without_a_list),
        TEST(test_excluded_images_do_not_count),
        TEST(test_a_count_of_the_stored_predictions_agrees),
        TEST(test_source_domains_and_selection_stay),
        TEST(test_runs_without_predictions_have_no_accuracy),
        TEST(test_scores_of_excluded_images_are_gone),
        TEST(test_tables_say_so_in_every_format),
        TEST(test_the_report_says_so_and_has_the_same_numbers),
        TEST(test_an_unknown_list_names_the_nearest),
        TEST(test_a_list_takes_the_place_of_its_namesake),
        TEST(test_all_that_is_wrong_is_counted_and_nothing_stored),
        TEST(test_a_path_of_two_datasets_needs_the_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
