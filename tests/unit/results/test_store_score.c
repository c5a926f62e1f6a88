/* Scorers, scores and rules as they are written: idempotent, all or nothing. */
#include "store_case.h"
#include "store_internal.h"
#include "store_score.h"
#include "test.h"

static StoreScorer some_scorer(void)
{
    return (StoreScorer){.name = "mini",
                         .model = "clip vit",
                         .weights = "0123",
                         .template_text = "a photo of a {}",
                         .preprocessing = "crop 32 bicubic"};
}

static int64_t add_scorer(const StoreScorer *scorer, const char *expected_name)
{
    Err err;
    Str name = {0};
    int64_t id = 0;
    bool ok = store_scorer(store, &id, &name, scorer, &err);
    bool same = ok && str_equal(str_text(&name), expected_name);
    if (!ok || !same) fail_msg("called %s: %s", str_text(&name), ok ? "" : err.text);
    str_done(&name);
    return id;
}

static void test_a_scorer_is_its_content(void **state)
{
    (void)state;
    StoreScorer scorer = some_scorer();
    int64_t id = add_scorer(&scorer, "mini");
    assert_int_equal(add_scorer(&scorer, "mini"), id);
    scorer.name = "something else";
    assert_int_equal(add_scorer(&scorer, "mini"), id); /* known under its first name */
    assert_string_equal(fixture_value("SELECT count(*) FROM scorer WHERE run_id IS NULL"), "1");
}

static void test_a_name_that_another_content_has(void **state)
{
    (void)state;
    Err err;
    Str name = {0};
    StoreScorer scorer = some_scorer();
    int64_t first = add_scorer(&scorer, "mini"), id;
    scorer.fixed_name = true;
    assert_int_equal(add_scorer(&scorer, "mini"), first);
    scorer.template_text = "a {}";
    assert_fails(store_scorer(store, &id, &name, &scorer, &err),
                 "scorer \"mini\" is there already");
    assert_int_equal(err.code, ERR_USAGE);
    scorer.fixed_name = false;
    assert_ok(store_scorer(store, &id, &name, &scorer, &err));
    bool suffixed = str_starts_with(str_text(&name), "mini@") && name.n == strlen("mini@01234567");
    scorer.name = "own";
    scorer.fixed_name = true;
    assert_fails(store_scorer(store, &id, &name, &scorer, &err), "is there as \"mini@");
    str_done(&name);
    assert_true(suffixed);
    assert_int_not_equal(id, first);
}

static void test_weights_of_a_run_are_another_scorer(void **state)
{
    (void)state;
    StoreScorer scorer = some_scorer();
    int64_t first = add_scorer(&scorer, "mini");
    const FixtureRun run = {.checkpoints = CHECKPOINTS({1, {50, 50, 50}, {50, 50, 50}, NULL})};
    scorer.run = fixture_add_run(store, dataset, &run);
    scorer.name = "mini after run 1";
    int64_t second = add_scorer(&scorer, "mini after run 1");
    assert_int_not_equal(first, second);
    assert_int_equal(add_scorer(&scorer, "mini after run 1"), second);
}

/* ---- scores ---- */

static const char *const PROMPTS[] = {"a photo of a cat", "a photo of a dog"};

static StoreAlignment full_row(int image, double score)
{
    return (StoreAlignment){.image = image,
                            .score = score,
                            .zero_shot = 1,
                            .rank = 2,
                            .zero_shot_score = score + 0.1,
                            .similarity = NAN};
}

static int64_t write_rows(int64_t scorer, const StoreAlignment *rows, int n)
{
    Err err;
    int64_t changed = -1;
    StoreScores scores = {
        .scorer = scorer, .dataset = dataset, .prompts = PROMPTS, .images = rows, .n_images = n};
    assert_ok(store_scores(store, &changed, &scores, &err));
    return changed;
}

static const char IMAGE_3[] = "SELECT score || ' ' || class.name || ' ' || rank || ' ' ||"
                              " zero_shot_score || ' ' || coalesce(similarity, '-') || ' ' ||"
                              " coalesce(nearest, '-') FROM alignment JOIN image ON image.id ="
                              " image_id JOIN class ON class.id = zero_shot_class_id"
                              " WHERE image.position = 3";

static void test_the_same_scores_again_change_nothing(void **state)
{
    (void)state;
    StoreScorer scorer = some_scorer();
    int64_t id = add_scorer(&scorer, "mini");
    StoreAlignment rows[] = {full_row(3, 0.25), full_row(0, 0.125)};
    assert_int_equal(write_rows(id, rows, 2), 2 + 2); /* and two prompts */
    assert_string_equal(fixture_value(IMAGE_3), "0.25 dog 2 0.35 - -");
    assert_int_equal(write_rows(id, rows, 2), 0);
    rows[0].score += 4e-6; /* another machine's last digits: even a class that they turn stays */
    rows[0].zero_shot = 0;
    assert_int_equal(write_rows(id, rows, 2), 0);
    assert_string_equal(fixture_value(IMAGE_3), "0.25 dog 2 0.35 - -");
    rows[0].score = 0.5;
    rows[0].rank = 1;
    assert_int_equal(write_rows(id, rows, 2), 1);
    assert_string_equal(fixture_value(IMAGE_3), "0.5 cat 1 0.35 - -");
}

static void test_what_is_not_measured_stays(void **state)
{
    (void)state;
    StoreScorer scorer = some_scorer();
    int64_t id = add_scorer(&scorer, "mini");
    StoreAlignment row = full_row(3, 0.25);
    write_rows(id, &row, 1);
    StoreAlignment similarity = {.image = 3,
                                 .score = NAN,
                                 .zero_shot_score = NAN,
                                 .zero_shot = -1,
                                 .similarity = 0.75,
                                 .nearest = "a/b.png"};
    assert_int_equal(write_rows(id, &similarity, 1), 1);
    assert_int_equal(write_rows(id, &similarity, 1), 0);
    assert_int_equal(write_rows(id, &row, 1), 0);
    assert_string_equal(fixture_value(IMAGE_3), "0.25 dog 2 0.35 0.75 a/b.png");
}

/* The second row breaks a rule of the table: nothing of the batch is there. */
static void test_all_or_nothing(void **state)
{
    (void)state;
    Err err;
    int64_t changed;
    StoreAlignment rows[] = {full_row(3, 0.25), full_row(4, 0.5)};
    StoreScores scores = {.scorer = 77, /* there is none */
                          .dataset = dataset,
                          .prompts = NULL,
                          .images = rows,
                          .n_images = 2};
    assert_false(store_scores(store, &changed, &scores, &err));
    assert_string_equal(fixture_value("SELECT count(*) FROM alignment"), "0");
}

/* ---- scores of a run's weights ---- */

static void check_run_scores(const char *weights_and_rows)
{
    assert_string_equal(fixture_value("SELECT group_concat(weights || ' ' || (SELECT count(*) FROM"
                                      " alignment WHERE scorer_id = scorer.id) || ' ' || name)"
                                      " FROM scorer WHERE run_id IS NOT NULL"),
                        weights_and_rows);
}

/* A run that is made again after a kill has other weights or the same: there is one scorer of it.
 */
static void test_scores_of_a_run_are_replaced_as_a_whole(void **state)
{
    (void)state;
    Err err;
    StoreScorer scorer = some_scorer();
    int64_t pretrained = add_scorer(&scorer, "mini");
    const FixtureRun run = {.checkpoints = CHECKPOINTS({1, {50, 50, 50}, {50, 50, 50}, NULL})};
    StoreAlignment rows[] = {full_row(3, 0.25), full_row(0, 0.5)};
    write_rows(pretrained, rows, 2);
    scorer.run = fixture_add_run(store, dataset, &run);
    scorer.name = "mini@run-1";
    StoreScores scores = {.dataset = dataset, .prompts = PROMPTS, .images = rows, .n_images = 2};
    assert_ok(store_run_scores(store, &scorer, &scores, &err));
    check_run_scores("0123 2 mini@run-1");
    assert_ok(store_run_scores(store, &scorer, &scores, &err));
    check_run_scores("0123 2 mini@run-1");
    scorer.weights = "4567";
    scores.n_images = 1;
    assert_ok(store_run_scores(store, &scorer, &scores, &err));
    check_run_scores("4567 1 mini@run-1");
    scorer.weights = "89ab";
    /* what can't be written leaves what was there */
    assert_int_equal(sqlite3_exec(db_handle(store->db),
                                  "CREATE TEMP TRIGGER full BEFORE INSERT ON alignment BEGIN"
                                  " SELECT raise(ABORT, 'full'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_false(store_run_scores(store, &scorer, &scores, &err));
    check_run_scores("4567 1 mini@run-1");
    assert_string_equal(fixture_value("SELECT count(*) FROM alignment"), "3");
}

static void test_rules_are_replaced_by_name(void **state)
{
    (void)state;
    Err err;
    StoreRule rule = {"mine", "*", false, 0.1, 0.2, 0.3, "here"};
    assert_ok(store_rule(store, &rule, &err));
    rule.quantile = true;
    rule.low = 0;
    rule.scorer = "mini*";
    assert_ok(store_rule(store, &rule, &err));
    assert_string_equal(
        fixture_value("SELECT group_concat(scorer || kind || low || split || high ||"
                      " source) FROM ip_oop_rule WHERE name = 'mine'"),
        "mini*quantile0.00.20.3here");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_scorer_is_its_content),
        TEST(test_a_name_that_another_content_has),
        TEST(test_weights_of_a_run_are_another_scorer),
        TEST(test_the_same_scores_again_change_nothing),
        TEST(test_what_is_not_measured_stays),
        TEST(test_all_or_nothing),
        TEST(test_scores_of_a_run_are_replaced_as_a_whole),
        TEST(test_rules_are_replaced_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
