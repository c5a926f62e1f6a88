/* Forecasts: their arithmetic against NumPy (scripts/golden/forecast.py), and which images, runs
 * and scores they are made of. */
#include "calibration.h"
#include "database.h"
#include "exclusion.h"
#include "forecast.h"
#include "log.h"
#include "store_case.h"
#include "tables.h"
#include "test.h"

enum { MAX_DOMAINS = 8, MAX_IMAGES = 64 };

/* ---- arithmetic ------------------------------------------------------------------------------ */

static CalibrationImage images[MAX_DOMAINS][MAX_IMAGES];

static CalibrationDomain read_domain(FILE *golden, int d)
{
    CalibrationDomain domain = {.images = images[d]};
    assert_int_equal(fscanf(golden, "%d", &domain.n), 1);
    assert_true(domain.n <= MAX_IMAGES && d < MAX_DOMAINS);
    for (int i = 0; i < domain.n; i++) {
        CalibrationImage *image = &images[d][i];
        assert_int_equal(
            fscanf(golden, "%lf %lf %lf", &image->score, &image->correct, &image->weight), 3);
    }
    return domain;
}

static void assert_forecast(FILE *golden, int n)
{
    double want[6];
    CalibrationDomain domains[MAX_DOMAINS];
    for (int i = 0; i < 6; i++) assert_int_equal(fscanf(golden, "%lf", &want[i]), 1);
    for (int d = 0; d <= n; d++) domains[d] = read_domain(golden, d);
    Calibrated got = calibration_predict(domains, n, &domains[n], 1);
    assert_close(got.predicted, want[0], 1e-12, 0);
    if (n == 1) {
        assert_true(isnan(got.low) && isnan(got.high));
    } else {
        assert_close(got.low, want[1], 1e-4, 1e-5);
        assert_close(got.high, want[2], 1e-4, 0);
    }
    assert_close(got.fit_low, want[3], 0, 0.02); /* 1,000 resamples beside 20,000 others */
    assert_close(got.fit_high, want[4], 0, 0.02);
    assert_close(got.source_accuracy, want[5], 1e-12, 0);
    Calibrated again = calibration_predict(domains, n, &domains[n], 1);
    assert_true(again.fit_low == got.fit_low && again.fit_high == got.fit_high);
}

static void test_numbers_are_those_of_numpy(void **state)
{
    (void)state;
    char name[512], line[8192];
    int n, n_cases = 0;
    snprintf(name, sizeof name, "%s/tests/golden/forecast.txt", getenv("DGBENCH_SOURCE"));
    FILE *golden = fopen(name, "r");
    assert_non_null(golden);
    while (fscanf(golden, "%15s", line) == 1) {
        if (strcmp(line, "forecast") == 0) {
            assert_int_equal(fscanf(golden, "%d", &n), 1);
            assert_forecast(golden, n);
            n_cases++;
        } else if (fgets(line, sizeof line, golden) == NULL) {
            break;
        }
    }
    (void)fclose(golden);
    assert_int_equal(n_cases, 3);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Which of a domain's four images (a cat, a dog, a cat, a dog) are taken rightly, per domain: the
 * first three are its in split. Scores are 0.1, 0.2, 0.3, 0.4 in every domain. */
static const int RIGHT[FIXTURE_DOMAINS][4] = {{0, 0, 1, 1}, {0, 1, 1, 1}, {0, 0, 0, 1}};

static void add_eval(StoreRun *run, int domain, bool held_out, const char *split, int first, int n)
{
    StoreOutcome outcomes[4];
    StoreEval eval = fixture_eval(1, "raw", domain, split, 50);
    eval.n = n;
    eval.correct = 0;
    for (int i = 0; i < n; i++) {
        int class = (first + i) % 2, right = RIGHT[domain][first + i];
        outcomes[i] = (StoreOutcome){4 * domain + first + i, right ? class : 1 - class, 0.75F};
        eval.correct += right;
    }
    store_eval(run, &eval, outcomes, held_out ? n : 0);
}

/* A run that holds out one domain, or two. */
static void add_run(int one, int other)
{
    Err err;
    StoreRun *run;
    char key[16];
    const int held_out[] = {one, other};
    snprintf(key, sizeof key, "%d %d", one, other);
    StoreRunInfo info = fixture_run_info(key, dataset);
    info.held_out = held_out;
    info.n_held_out = other < 0 ? 1 : 2;
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int d = 0; d < FIXTURE_DOMAINS; d++) {
        add_eval(run, d, d == one || d == other, "in", 0, 3);
        add_eval(run, d, d == one || d == other, "out", 3, 1);
    }
    assert_ok(store_checkpoint_commit(run, 1, &err));
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, &err));
    store_run_free(run);
}

static void score_images(void)
{
    Err err;
    Db *db;
    assert_ok(db_open(&db, fixture_file(), DB_WRITE, &err));
    assert_ok(db_script(db,
                        "INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES "
                        "('clip', '', '', '', '');"
                        "INSERT INTO alignment (scorer_id, image_id, score, zero_shot_class_id) "
                        "SELECT 1, id, 0.1 + position % 4 * 0.1, (SELECT min(id) FROM class) FROM "
                        "image",
                        &err));
    db_close(db);
}

static int setup(void **state)
{
    log_set_level(LOG_QUIET);
    (void)store_setup(state);
    score_images();
    return 0;
}

static bool forecast(const ForecastOptions *options, const char *excluding, Err *err)
{
    Forecasts *forecasts = NULL;
    store_case_read();
    bool ok =
        exclusion_use(reader, excluding, err) && forecasts_make(&forecasts, reader, options, err);
    results_close(reader);
    reader = NULL;
    ok = ok && forecasts_store(store, forecasts, err);
    forecasts_free(forecasts);
    return ok;
}

static const char ROWS[] =
    "SELECT group_concat(name || ' ' || round(predicted, 4) || ' ' || coalesce(round(actual, 4), "
    "'-') || ' ' || coalesce(round(error, 4), '-') || ' ' || round(source_accuracy, 4) || ' ' || "
    "n_sources || ' ' || n_outcomes || ' ' || n_images || ' ' || n_trials || ' ' || calibration, "
    "', ') FROM (SELECT forecast.*, name FROM forecast JOIN domain ON domain.id = domain_id ORDER "
    "BY forecast.exclusion, domain.position)";

static void test_each_domain_is_forecast_from_the_others(void **state)
{
    (void)state;
    Err err;
    for (int d = 0; d < FIXTURE_DOMAINS; d++) add_run(d, -1);
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    /* art from photo and sketch: at 0.1 (0 + 0) / 2, at 0.2 (1 + 0) / 2, at 0.3 (1 + 0) / 2 */
    assert_string_equal(fixture_value(ROWS), "art 0.3333 0.3333 0.0 0.3333 2 6 3 1 seen, "
                                             "photo 0.1667 0.6667 -0.5 0.1667 2 6 3 1 seen, "
                                             "sketch 0.5 0.0 0.5 0.5 2 6 3 1 seen");
    assert_string_equal(fixture_value("SELECT zero_shot_accuracy FROM forecast WHERE id = 1"),
                        "0.666666666666667");
    ForecastOptions whole = {.scored = "whole"};
    assert_ok(forecast(&whole, NULL, &err));
    assert_string_equal(fixture_value("SELECT predicted || ' ' || actual || ' ' || n_images FROM "
                                      "forecast WHERE scored = 'whole' ORDER BY id LIMIT 1"),
                        "0.5 0.5 4");
}

static void test_twice_is_once(void **state)
{
    (void)state;
    Err err;
    add_run(0, -1);
    add_run(1, -1);
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    char before[512];
    snprintf(before, sizeof before, "%s", fixture_value(ROWS));
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_string_equal(fixture_value(ROWS), before);
    assert_string_equal(fixture_value("SELECT count(*) FROM forecast"), "3");
}

/* sketch was never held out: a forecast without a measured value, over all its images. */
static void test_a_domain_that_no_run_held_out_has_a_forecast(void **state)
{
    (void)state;
    Err err;
    add_run(0, -1);
    add_run(1, -1);
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_string_equal(fixture_value(ROWS), "art 0.6667 0.3333 0.3333 0.6667 1 3 3 1 seen, "
                                             "photo 0.3333 0.6667 -0.3333 0.3333 1 3 3 1 seen, "
                                             "sketch 0.625 - - 0.5 2 6 4 0 seen");
}

/* With all pairs of domains held out, runs that never saw the target are enough. */
static void test_runs_that_never_saw_the_target_go_first(void **state)
{
    (void)state;
    Err err;
    for (int d = 0; d < FIXTURE_DOMAINS; d++) add_run(d, -1);
    add_run(0, 1);
    add_run(0, 2);
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_string_equal(fixture_value("SELECT DISTINCT calibration FROM forecast"), "seen");
    add_run(1, 2);
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_string_equal(fixture_value("SELECT count(*) || ' ' || max(n_outcomes) FROM forecast "
                                      "WHERE calibration = 'unseen'"),
                        "3 6");
    ForecastOptions seen = {.calibration = "seen"};
    assert_ok(forecast(&seen, NULL, &err));
    assert_string_equal(fixture_value("SELECT count(*) || ' ' || max(n_outcomes) || ' ' || "
                                      "max(n_trials) FROM forecast WHERE calibration = 'seen'"),
                        "3 6 1"); /* by runs that hold out one domain */
}

/* The margins fall where the scores rise: all is pooled to the mean of the sources. */
static void test_the_margin_can_stand_in_for_the_score(void **state)
{
    (void)state;
    Err err;
    Db *db;
    const ForecastOptions margin = {.feature = "margin"};
    for (int d = 0; d < FIXTURE_DOMAINS; d++) add_run(d, -1);
    assert_false(forecast(&margin, NULL, &err)); /* no cosine of the zero-shot class */
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_ok(db_open(&db, fixture_file(), DB_WRITE, &err));
    assert_ok(db_script(db, "UPDATE alignment SET zero_shot_score = 3 * score", &err));
    db_close(db);
    assert_ok(forecast(&margin, NULL, &err));
    assert_ok(forecast(&(ForecastOptions){.scored = "whole", .feature = "margin"}, NULL, &err));
    assert_string_equal(
        fixture_value("SELECT group_concat(round(predicted, 4) || ' ' || round(source_accuracy, 4) "
                      "|| ' ' || feature, ', ') FROM (SELECT * FROM forecast WHERE scored = "
                      "'whole' ORDER BY domain_id)"),
        "0.5 0.5 margin, 0.375 0.375 margin, 0.625 0.625 margin");
}

static void test_excluded_images_are_in_no_part(void **state)
{
    (void)state;
    Err err;
    ExclusionCounts counts;
    for (int d = 0; d < FIXTURE_DOMAINS; d++) add_run(d, -1);
    const ExclusionVerdict verdicts[] = {{NULL, "photo/dog/0.png", "exclude", "", 2}};
    assert_ok(exclusion_store(store, &counts, &(ExclusionList){"one", "r.csv", verdicts, 1}, &err));
    assert_ok(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_ok(forecast(&(ForecastOptions){0}, "one", &err));
    /* art: photo has nothing at 0.2 now, half of the pooled (1 + 0) / 2 at 0.3 is left for sketch
     */
    assert_string_equal(fixture_value("SELECT group_concat(n_outcomes || ' ' || n_images || ' ' || "
                                      "round(actual, 3), ', ') FROM (SELECT * FROM forecast WHERE "
                                      "exclusion = 'one' ORDER BY domain_id)"),
                        "5 3 0.333, 6 2 0.5, 5 3 0.0");
    char shown[8192] = {0};
    FILE *out = fmemopen(shown, sizeof shown - 1, "w");
    store_case_read();
    assert_ok(exclusion_use(reader, "one", &err));
    assert_ok(table_print(reader, out, "forecast", (QueryParameters){0}, FORMAT_TEXT, &err));
    (void)fclose(out);
    assert_non_null(strstr(shown, "Without 1 image excluded"));
    assert_non_null(strstr(shown, "50.0 (1)")); /* photo, measured without it */
    assert_null(strstr(shown, "66.7 (1)"));
}

static void test_what_is_missing_is_said(void **state)
{
    (void)state;
    Err err;
    assert_false(forecast(&(ForecastOptions){0}, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    add_run(0, -1);
    add_run(1, -1);
    assert_false(forecast(&(ForecastOptions){.scorer = "none"}, NULL, &err));
    assert_false(forecast(&(ForecastOptions){.calibration = "both"}, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(forecast(&(ForecastOptions){.rule = "best"}, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(fixture_value("SELECT count(*) FROM forecast"), "0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_those_of_numpy),
        TEST(test_each_domain_is_forecast_from_the_others),
        TEST(test_twice_is_once),
        TEST(test_a_domain_that_no_run_held_out_has_a_forecast),
        TEST(test_runs_that_never_saw_the_target_go_first),
        TEST(test_the_margin_can_stand_in_for_the_score),
        TEST(test_excluded_images_are_in_no_part),
        TEST(test_what_is_missing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
