/* Selection by leave-one-domain-out: sketch is held out alone (run 1) and together with art and
 * with photo. */
#include "store_case.h"
#include "test.h"

/* A run that holds out sketch alone. Validation by training domains would take the last step. */
static int64_t add_single(FixtureRun run)
{
    static const FixtureCheckpoint checkpoints[] = {
        {.step = 0, .out = {50, 50, 5}, .in = {0, 0, 10}},
        {.step = 5, .out = {60, 60, 5}, .in = {0, 0, 20}},
        {.step = 9, .out = {70, 70, 5}, .in = {0, 0, 30}},
        {.step = -1}};
    if (run.checkpoints == NULL) run.checkpoints = checkpoints;
    run.held_out = 2;
    return fixture_add_run(store, dataset, &run);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_left_out_domains_validate),
        TEST(test_left_out_tied_steps_earliest_wins),
        TEST(test_left_out_tied_hyper_parameters_later_seed_wins),
        TEST(test_left_out_needs_a_pair_for_every_other_domain),
        TEST(test_left_out_pairs_have_to_be_done),
        TEST(test_left_out_steps_that_a_pair_lacks_do_not_count),
        TEST(test_left_out_doubled_runs_give_no_value),
        TEST(test_left_out_twin_does_not_stand_for_a_missing_pair),
        TEST(test_left_out_variants_and_experiments_have_their_own_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
