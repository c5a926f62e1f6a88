/* Image-text alignment, written by SQL here, as the scoring command will write it. */
#include "store_case.h"
#include "store_internal.h"
#include "test.h"

/* All 12 images scored 0.10, 0.13, ... 0.43; the run takes every sketch (images 8 to 11: .34 .37
 * .40 .43) for a cat. */
static void add_alignment(void)
{
    Err err;
    StoreRun *run;
    StoreRunInfo info = fixture_run_info("aligned", dataset);
    static const StoreOutcome outcomes[] = {{8, 0, 1}, {9, 0, 1}, {10, 0, 1}, {11, 0, 1}};
    StoreEval eval = fixture_eval(1, "raw", 2, "in", 50);
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    store_eval(run, &eval, outcomes, 4);
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, &err));
    store_run_free(run);
}

static void score_images(const char *scorer)
{
    Err err;
    Db *db = store->db;
    assert_ok(db_do(db,
                    "INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES (?, "
                    "'', '', '{}', '')",
                    DB_VALUES(db_text(scorer)), &err));
    assert_ok(db_script(
        db,
        "INSERT INTO alignment (scorer_id, image_id, score)"
        " SELECT (SELECT max(id) FROM scorer), id, (10 + 3 * position) / 100.0 FROM image;",
        &err));
}

static void test_ip_oop_buckets_follow_the_rule_rows(void **state)
{
    (void)state;
    Err err;
    add_alignment();
    score_images("openclip-vit-b-16-laion400m");
    static const char buckets[] =
        "SELECT group_concat(bucket || ' ' || correct || '/' || n) FROM (SELECT * FROM ip_oop"
        " WHERE ip_oop_rule = 'default' ORDER BY bucket)";
    assert_string_equal(fixture_value(buckets), "high 0/1,ip 2/3"); /* 0.40 itself is in */
    assert_ok(db_script(
        store->db, "UPDATE ip_oop_rule SET low = 0.37, split = 0.40 WHERE name = 'default'", &err));
    assert_string_equal(fixture_value(buckets),
                        "high 0/1,ip 1/1,low 1/1,oop 0/1"); /* lower ends are in */
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(low || ' ' || split || ' ' || high) FROM ip_oop_cut WHERE"
            " ip_oop_rule = 'median'"),
        "0.1 0.28 0.43");
}

/* "At least a fraction of the others lie at or below": ties count as below each other, so that the
 * highest score is always a cut, and no image falls out of a quantile rule. */
static void test_quantiles_of_scores_that_are_equal(void **state)
{
    (void)state;
    Err err;
    score_images("any");
    assert_ok(db_script(store->db,
                        "UPDATE alignment SET score = CASE WHEN score < 0.2 THEN 0.1"
                        " WHEN score < 0.4 THEN 0.3 ELSE 0.5 END",
                        &err)); /* 4, 6 and 2 images */
    static const char cut[] = "SELECT low || ' ' || split || ' ' || high FROM ip_oop_cut WHERE"
                              " ip_oop_rule = 'median'";
    assert_string_equal(fixture_value(cut), "0.1 0.3 0.5");
    assert_ok(db_script(store->db,
                        "DELETE FROM alignment WHERE score < 0.5 OR image_id ="
                        " (SELECT max(image_id) FROM alignment)",
                        &err)); /* one image */
    assert_string_equal(fixture_value(cut), "0.5 0.5 0.5");
}

static void test_alignment_bins_count_every_outcome(void **state)
{
    (void)state;
    add_alignment();
    score_images("any");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(bin_low || ' ' || correct || '/' || n) FROM alignment_bin"),
        "0.34 1/1,0.36 0/1,0.4 1/1,0.42 0/1");
    assert_string_equal(fixture_value("SELECT count(*) FROM ip_oop WHERE ip_oop_rule = 'default'"),
                        "0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {TEST(test_ip_oop_buckets_follow_the_rule_rows),
                                       TEST(test_quantiles_of_scores_that_are_equal),
                                       TEST(test_alignment_bins_count_every_outcome)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
