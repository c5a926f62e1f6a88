/* The selection rules on rows whose answer is visible by eye. art and photo are sources unless the
 * test says otherwise, sketch (domain 2) is held out: validation is the mean of out[0] and out[1],
 * the test number is in[2]. */
#include "store_case.h"
#include "test.h"

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {TEST(test_best_validation_checkpoint_gives_the_number),
                                       TEST(test_tied_checkpoints_earliest_wins),
                                       TEST(test_hyper_parameters_each_rule_takes_its_own),
                                       TEST(test_tied_hyper_parameters_later_seed_wins),
                                       TEST(test_only_runs_that_are_done_count),
                                       TEST(test_each_trial_and_variant_has_its_row),
                                       TEST(test_whole_domain_weighs_the_splits_by_images),
                                       TEST(test_pair_of_held_out_domains_gives_two_rows),
                                       TEST(test_mean_and_population_standard_error_over_trials),
                                       TEST(test_split_rules_and_experiments_are_not_mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
