/* The selection rules on rows whose answer is visible by eye. art and photo are sources unless the
 * test says otherwise, sketch (domain 2) is held out: validation is the mean of out[0] and out[1],
 * the test number is in[2]. */
#include "fixture.h"
#include "store_internal.h"
#include "test.h"

static Store *store;
static int64_t dataset;

static int setup(void **state)
{
    (void)state;
    Err err;
    assert_ok(store_open(&store, fixture_path(), &err));
    dataset = fixture_add_dataset(store);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    fixture_remove();
    return 0;
}

static int64_t add(FixtureRun run)
{
    run.held_out = 2;
    return fixture_add_run(store, dataset, &run);
}

/* "run step accuracy" of the one row of `result` under a rule. */
static const char *selected(const char *rule)
{
    static char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT group_concat(run_id || ' ' || step || ' ' || round(100 * accuracy, 1), '; ')"
             " FROM (SELECT * FROM result WHERE rule = '%s' ORDER BY method, trial, variant, "
             "domain_position)",
             rule);
    return fixture_value(sql);
}

static void test_best_validation_checkpoint_gives_the_number(void **state)
{
    (void)state;
    add((FixtureRun){.checkpoints =
                         CHECKPOINTS({.step = 0, .out = {10, 20, 99}, .in = {0, 0, 33}},
                                     {.step = 5, .out = {70, 80, 10}, .in = {0, 0, 44}},
                                     {.step = 9, .out = {60, 70, 90}, .in = {0, 0, 55}})});
    assert_string_equal(selected("training-domain"), "1 5 44.0");
    assert_string_equal(selected("last"), "1 9 55.0");
    assert_string_equal(selected("oracle"),
                        "1 9 55.0"); /* last checkpoint only: no early stopping */
    assert_string_equal(
        fixture_value("SELECT n_runs || ' ' || n_steps || ' ' || validation_accuracy FROM result"
                      " WHERE rule = 'training-domain'"),
        "1 3 0.75");
}

static void test_tied_checkpoints_earliest_wins(void **state)
{
    (void)state;
    add((FixtureRun){.checkpoints =
                         CHECKPOINTS({.step = 0, .out = {50, 50, 0}, .in = {0, 0, 10}},
                                     {.step = 5, .out = {60, 70, 0}, .in = {0, 0, 20}},
                                     {.step = 9, .out = {70, 60, 0}, .in = {0, 0, 30}})});
    assert_string_equal(selected("training-domain"), "1 5 20.0");
}

static void test_hyper_parameters_each_rule_takes_its_own(void **state)
{
    (void)state;
    add((FixtureRun){.hparams_seed = 0,
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {80, 80, 10}, .in = {0, 0, 11}},
                                     {.step = 2, .out = {40, 40, 20}, .in = {0, 0, 12}})});
    add((FixtureRun){.hparams_seed = 1,
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {70, 70, 10}, .in = {0, 0, 21}},
                                     {.step = 2, .out = {60, 60, 30}, .in = {0, 0, 22}})});
    add((FixtureRun){.hparams_seed = 2,
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {10, 10, 10}, .in = {0, 0, 31}},
                                     {.step = 2, .out = {50, 50, 40}, .in = {0, 0, 32}})});
    assert_string_equal(selected("training-domain"), "1 1 11.0"); /* 80 % at step 1 */
    assert_string_equal(selected("last"), "2 2 22.0");            /* 60 % at step 2 */
    assert_string_equal(selected("oracle"), "3 2 32.0");          /* 40 % on sketch's out split */
    assert_string_equal(fixture_value("SELECT group_concat(DISTINCT n_runs) FROM result"), "3");
}

static void test_tied_hyper_parameters_later_seed_wins(void **state)
{
    (void)state;
    for (int seed = 0; seed < 3; seed++) {
        int best = seed < 2 ? 60 : 50;
        add((FixtureRun){.hparams_seed = seed,
                         .checkpoints = CHECKPOINTS(
                             {.step = 1, .out = {best, best, 7}, .in = {0, 0, 10 * seed}})});
    }
    assert_string_equal(selected("training-domain"), "2 1 10.0");
    assert_string_equal(selected("oracle"), "3 1 20.0"); /* all three have 7 % */
}

static void test_only_runs_that_are_done_count(void **state)
{
    (void)state;
    add((FixtureRun){.hparams_seed = 0,
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {50, 50, 5}, .in = {0, 0, 11}})});
    static const RunStatus others[] = {RUN_RUNNING, RUN_FAILED, RUN_DIVERGED, RUN_INTERRUPTED};
    for (int i = 0; i < 4; i++) {
        add((FixtureRun){.hparams_seed = 1 + i,
                         .status = others[i],
                         .checkpoints =
                             CHECKPOINTS({.step = 1, .out = {90, 90, 90}, .in = {0, 0, 99}})});
    }
    assert_string_equal(selected("training-domain"), "1 1 11.0");
    assert_string_equal(selected("oracle"), "1 1 11.0");
    assert_string_equal(
        fixture_value("SELECT group_concat(status || n_runs) FROM (SELECT * FROM run_count ORDER BY"
                      " status)"),
        "diverged1,done1,failed1,interrupted1,running1");
}

static void test_each_trial_and_variant_has_its_row(void **state)
{
    (void)state;
    for (int trial = 0; trial < 2; trial++) {
        add((FixtureRun){
            .trial = trial,
            .variant = "sma",
            .checkpoints = CHECKPOINTS(
                {.step = 1, .out = {50, 50, 5}, .in = {0, 0, 10 + trial}},
                {.step = 1, .out = {50, 50, 5}, .in = {0, 0, 20 + trial}, .variant = "sma"})});
    }
    assert_string_equal(selected("training-domain"), "1 1 10.0; 1 1 20.0; 2 1 11.0; 2 1 21.0");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(variant || reported) FROM (SELECT DISTINCT variant, reported"
            " FROM result ORDER BY variant)"),
        "raw0,sma1");
}

static void test_whole_domain_weighs_the_splits_by_images(void **state)
{
    (void)state;
    add((FixtureRun){.checkpoints =
                         CHECKPOINTS({.step = 1, .out = {50, 50, 100}, .in = {0, 0, 50}})});
    /* 400 images in the in split, 100 in the out split: (200 + 100) / 500 */
    assert_string_equal(
        fixture_value("SELECT DISTINCT accuracy || ' ' || out_accuracy || ' ' || whole_accuracy"
                      " FROM result"),
        "0.5 1.0 0.6");
}

static void test_pair_of_held_out_domains_gives_two_rows(void **state)
{
    (void)state;
    FixtureRun pair = {.held_out = 1,
                       .also_held_out = 2,
                       .checkpoints =
                           CHECKPOINTS({.step = 1, .out = {50, 99, 99}, .in = {0, 61, 62}},
                                       {.step = 2, .out = {40, 99, 99}, .in = {0, 71, 72}})};
    fixture_add_run(store, dataset, &pair);
    assert_string_equal(selected("training-domain"),
                        "1 1 61.0; 1 1 62.0"); /* art alone validates */
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(domain || ':' || held_out || n_held_out) FROM (SELECT * FROM"
            " result WHERE rule = 'last' ORDER BY domain)"),
        "photo:photo+sketch2,sketch:photo+sketch2");
}

static void test_mean_and_population_standard_error_over_trials(void **state)
{
    (void)state;
    for (int trial = 0; trial < 3; trial++) {
        add((FixtureRun){.trial = trial,
                         .checkpoints = CHECKPOINTS(
                             {.step = 1, .out = {50, 50, 5}, .in = {0, 0, 10 * (trial + 1)}})});
    }
    /* DomainBed's unit test: .1 .2 .3 -> 20.0 +/- 4.7 */
    assert_string_equal(
        fixture_value(
            "SELECT round(100 * mean, 6) || ' ' || round(100 * stderr, 6) || ' ' || n_trials"
            " FROM cell WHERE rule = 'training-domain' AND scored = 'in'"),
        "20.0 4.714045 3");
}

static void test_split_rules_and_experiments_are_not_mixed(void **state)
{
    (void)state;
    add((FixtureRun){.checkpoints =
                         CHECKPOINTS({.step = 1, .out = {50, 50, 5}, .in = {0, 0, 10}})});
    add((FixtureRun){.split_rule = "concept",
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {60, 60, 5}, .in = {0, 0, 20}})});
    add((FixtureRun){.experiment = "second",
                     .checkpoints =
                         CHECKPOINTS({.step = 1, .out = {70, 70, 5}, .in = {0, 0, 30}})});
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(experiment || split_rule || accuracy) FROM (SELECT * FROM"
            " result WHERE rule = 'last' ORDER BY run_id)"),
        "firstimage0.1,firstconcept0.2,secondimage0.3");
}

/* ---- leave-one-domain-out: sketch is held out alone (run 1) and together with art and with photo
 * ---------------------------------------- */

/* A run that holds out sketch alone. Validation by training domains would take the last step. */
static int64_t add_single(FixtureRun run)
{
    static const FixtureCheckpoint checkpoints[] = {
        {.step = 0, .out = {50, 50, 5}, .in = {0, 0, 10}},
        {.step = 5, .out = {60, 60, 5}, .in = {0, 0, 20}},
        {.step = 9, .out = {70, 70, 5}, .in = {0, 0, 30}},
        {.step = -1}};
    if (run.checkpoints == NULL) run.checkpoints = checkpoints;
    return add(run);
}

/* A run that holds out sketch and `other`; percent: the accuracy on other's in split at steps 0, 5
 * and 9, below 0: no such checkpoint. All other numbers are 99 and must not matter. */
static int64_t add_pair(FixtureRun run, int other, const int percent[3])
{
    static const int STEPS[] = {0, 5, 9};
    FixtureCheckpoint checkpoints[4];
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (percent[i] < 0) continue;
        checkpoints[n] =
            (FixtureCheckpoint){.step = STEPS[i], .in = {99, 99, 99}, .out = {99, 99, 99}};
        checkpoints[n++].in[other] = percent[i];
    }
    checkpoints[n] = (FixtureCheckpoint){.step = -1};
    run.held_out = other;
    run.also_held_out = 2;
    run.checkpoints = checkpoints;
    return fixture_add_run(store, dataset, &run);
}

/* "run step accuracy value" of the single runs that leave-one-domain-out selects. */
static const char *left_out(void)
{
    return fixture_value(
        "SELECT group_concat(run_id || ' ' || step || ' ' || round(100 * accuracy, 1) || ' ' ||"
        " round(100 * rule_value, 1), '; ') FROM (SELECT * FROM result WHERE"
        " rule = 'leave-one-domain-out' ORDER BY experiment, method, trial, variant)");
}

static void test_left_out_domains_validate(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20});
    add_pair((FixtureRun){0}, 1, (int[]){20, 40, 70});
    assert_string_equal(left_out(), "1 5 20.0 50.0"); /* (60 + 40) / 2 beats (20 + 70) / 2 */
    assert_string_equal(fixture_value("SELECT group_concat(n_runs || ' ' || n_steps || ' ' ||"
                                      " validation_accuracy) FROM result WHERE"
                                      " rule = 'leave-one-domain-out'"),
                        "1 3 0.6");
    assert_string_equal(
        fixture_value("SELECT group_concat(rule || ' ' || step) FROM (SELECT * FROM result"
                      " WHERE n_held_out = 1 ORDER BY rule)"),
        "last 9,leave-one-domain-out 5,oracle 9,training-domain 9"); /* pairs are in none of them */
}

static void test_left_out_tied_steps_earliest_wins(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 40});
    add_pair((FixtureRun){0}, 1, (int[]){20, 40, 60});
    assert_string_equal(left_out(), "1 5 20.0 50.0");
}

static void test_left_out_tied_hyper_parameters_later_seed_wins(void **state)
{
    (void)state;
    for (int seed = 0; seed < 3; seed++) {
        FixtureRun run = {.hparams_seed = seed};
        add_single(run);
        add_pair(run, 0, (int[]){10, seed < 2 ? 60 : 50, 20});
        add_pair(run, 1, (int[]){20, 40, 30});
    }
    assert_string_equal(left_out(), "4 5 20.0 50.0"); /* seeds 0 and 1 have 50 %, seed 2 has 45 % */
    assert_string_equal(fixture_value("SELECT n_runs || ' ' || hparams_seed FROM result WHERE"
                                      " rule = 'leave-one-domain-out'"),
                        "3 1");
}

static void test_left_out_needs_a_pair_for_every_other_domain(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20});
    assert_string_equal(left_out(), "NULL");
    add_pair((FixtureRun){.trial = 1}, 1, (int[]){20, 40, 30});
    add_pair((FixtureRun){.hparams_seed = 1}, 1, (int[]){20, 40, 30});
    add_pair((FixtureRun){.method = "sma"}, 1, (int[]){20, 40, 30});
    add_pair((FixtureRun){.split_rule = "concept"}, 1, (int[]){20, 40, 30});
    add_pair((FixtureRun){.experiment = "second"}, 1, (int[]){20, 40, 30});
    assert_string_equal(left_out(), "NULL"); /* none of these is of the same group */
    assert_string_equal(fixture_value("SELECT count(*) FROM cell WHERE n_held_out = 1 AND"
                                      " rule = 'leave-one-domain-out'"),
                        "0");
}

static void test_left_out_pairs_have_to_be_done(void **state)
{
    (void)state;
    static const RunStatus others[] = {RUN_RUNNING, RUN_FAILED, RUN_DIVERGED, RUN_INTERRUPTED};
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20});
    for (int i = 0; i < 4; i++) add_pair((FixtureRun){.status = others[i]}, 1, (int[]){20, 40, 30});
    assert_string_equal(left_out(), "NULL");
    add_pair((FixtureRun){0}, 1, (int[]){20, 40, 30}); /* the unfinished ones are no twins of it */
    assert_string_equal(left_out(), "1 5 20.0 50.0");
}

static void test_left_out_steps_that_a_pair_lacks_do_not_count(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){30, 90, 20});
    add_pair((FixtureRun){0}, 1, (int[]){20, -1, 20});
    assert_string_equal(left_out(), "1 0 10.0 25.0");
}

static void test_left_out_doubled_runs_give_no_value(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20});
    add_pair((FixtureRun){0}, 1, (int[]){20, 40, 30});
    add_pair((FixtureRun){0}, 1, (int[]){-1, 40, -1}); /* a twin, at step 5 only */
    assert_string_equal(left_out(), "1 9 30.0 25.0");
    add_single(
        (FixtureRun){.checkpoints = CHECKPOINTS({.step = 9, .out = {1, 1, 1}, .in = {1, 1, 1}})});
    assert_string_equal(left_out(), "1 0 10.0 15.0"); /* step 9 has two single runs now */
    add_single((FixtureRun){0});
    assert_string_equal(left_out(), "NULL");
}

static void test_left_out_twin_does_not_stand_for_a_missing_pair(void **state)
{
    (void)state;
    add_single((FixtureRun){0});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20}); /* two runs, but photo is in none */
    assert_string_equal(left_out(), "NULL");
}

static void test_left_out_variants_and_experiments_have_their_own_value(void **state)
{
    (void)state;
    Err err;
    int64_t single = add_single((FixtureRun){
        .checkpoints =
            CHECKPOINTS({.step = 5, .out = {60, 60, 5}, .in = {0, 0, 20}},
                        {.step = 9, .out = {60, 60, 5}, .in = {0, 0, 30}},
                        {.step = 9, .out = {60, 60, 5}, .in = {0, 0, 40}, .variant = "sma"})});
    add_pair((FixtureRun){0}, 0, (int[]){10, 60, 20}); /* raw only */
    add_pair((FixtureRun){0}, 1, (int[]){20, 40, 30});
    assert_string_equal(left_out(), "1 5 20.0 50.0");
    add_pair((FixtureRun){.experiment = "second"}, 0, (int[]){10, 20, 80});
    add_pair((FixtureRun){.experiment = "second"}, 1, (int[]){10, 20, 90});
    assert_ok(store_run_list(store, single, "second", &err)); /* shared by both sweeps */
    assert_string_equal(left_out(), "1 5 20.0 50.0; 1 9 30.0 85.0");
    assert_string_equal(fixture_value("SELECT count(*) || ' ' || min(n_trials) FROM cell WHERE"
                                      " rule = 'leave-one-domain-out' AND scored = 'in'"),
                        "2 1");
}

/* ---- alignment: written by SQL here, as the scoring command will write it
 * ---------------------------------------- */

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_best_validation_checkpoint_gives_the_number),
        TEST(test_tied_checkpoints_earliest_wins),
        TEST(test_hyper_parameters_each_rule_takes_its_own),
        TEST(test_tied_hyper_parameters_later_seed_wins),
        TEST(test_only_runs_that_are_done_count),
        TEST(test_each_trial_and_variant_has_its_row),
        TEST(test_whole_domain_weighs_the_splits_by_images),
        TEST(test_pair_of_held_out_domains_gives_two_rows),
        TEST(test_mean_and_population_standard_error_over_trials),
        TEST(test_split_rules_and_experiments_are_not_mixed),
        TEST(test_left_out_domains_validate),
        TEST(test_left_out_tied_steps_earliest_wins),
        TEST(test_left_out_tied_hyper_parameters_later_seed_wins),
        TEST(test_left_out_needs_a_pair_for_every_other_domain),
        TEST(test_left_out_pairs_have_to_be_done),
        TEST(test_left_out_steps_that_a_pair_lacks_do_not_count),
        TEST(test_left_out_doubled_runs_give_no_value),
        TEST(test_left_out_twin_does_not_stand_for_a_missing_pair),
        TEST(test_left_out_variants_and_experiments_have_their_own_value),
        TEST(test_ip_oop_buckets_follow_the_rule_rows),
        TEST(test_alignment_bins_count_every_outcome)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
