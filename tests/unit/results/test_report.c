/* The HTML report: its numbers, its escaping, what it does with little or nothing to show. */
#include "arena.h"
#include "file.h"
#include "html.h"
#include "report.h"
#include "store_case.h"
#include "store_internal.h"
#include "svg_chart.h"
#include "test.h"

#include <unistd.h>

static const char *path;
static Str page;

static int setup(void **state)
{
    (void)store_setup(state);
    path = fixture_file();
    return 0;
}

static int teardown(void **state)
{
    str_done(&page);
    return store_teardown(state);
}

static void add(const char *method, int held_out, int trial, int percent)
{
    FixtureCheckpoint first = {.step = 0, .out = {10, 10, 10}},
                      last = {.step = 100, .out = {60, 60, 60}};
    for (int d = 0; d < FIXTURE_DOMAINS; d++) last.in[d] = percent;
    FixtureRun run = {.method = method,
                      .held_out = held_out,
                      .trial = trial,
                      .checkpoints = CHECKPOINTS(first, last)};
    fixture_add_run(store, dataset, &run);
}

static const char *make_page(const ReportOptions *options)
{
    Err err;
    str_clear(&page);
    assert_ok(report_make(&page, path, options, &err));
    return str_text(&page);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("\"%s\" is not in the page", part);
}

static void assert_lacks(const char *text, const char *part)
{
    const char *found = strstr(text, part);
    if (found != NULL) fail_msg("\"%s\" is in the page: %.80s", part, found);
}

/* ---- the page -------------------------------------------------------------------------------- */

static void test_empty_database(void **state)
{
    (void)state;
    const char *text = make_page(&(ReportOptions){0});
    assert_has(text, "<!doctype html>");
    assert_has(text, "Nothing to show.");
    assert_has(text, "None: every run is done.");
    assert_has(text, "</html>\n");
    assert_lacks(text, ">nan");
    assert_lacks(text, "\"nan");
}

static void test_one_run(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    const char *text = make_page(&(ReportOptions){0});
    assert_has(text, "<b>tiny, image split</b>");
    assert_has(text, "<td class=\"n\">40.0<small> (1)</small></td>"); /* no error of one trial */
    assert_has(text, "<tspan class=\"value\">40.0</tspan></text>");   /* and no interval */
    assert_has(text, "60.0 \xe2\x86\x92 <tspan class=\"value\">40.0</tspan> (-20.0)");
    assert_lacks(text, ">nan");
    assert_lacks(text, "\"nan");
}

/* Percents 40 and 50: mean 45, population deviation 5, standard error 5 / sqrt(2) = 3.54; Student's
 * t of one degree of freedom: 12.706 * sample deviation 7.071 / sqrt(2) = 63.53. */
static void test_mean_error_and_interval(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    add("erm", 0, 1, 50);
    const char *text = make_page(&(ReportOptions){0});
    assert_has(text, "45.0<small> \xc2\xb1 3.5 (2)</small>");
    assert_has(text, "[-18.5, 108.5]");
    assert_string_equal(
        fixture_value("SELECT printf('%.1f %.1f', 100 * mean, 100 * stderr) FROM cell WHERE "
                      "rule = 'training-domain' AND scored = 'in'"),
        "45.0 3.5");
}

static void test_best_and_missing_cells(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    add("erm", 1, 0, 70);
    add("erm", 2, 0, 30);
    add("sma", 0, 0, 42);
    add("sma", 1, 0, 69);
    const char *text = make_page(&(ReportOptions){0});
    assert_has(text, "<th scope=\"row\">erm</th><td class=\"n\">40.0<small> (1)</small></td>"
                     "<td class=\"n best\"><b>70.0</b><small> (1)</small></td>"
                     "<td class=\"n\">30.0<small> (1)</small></td><td class=\"n\">46.7</td>");
    assert_has(text,
               "<th scope=\"row\">sma</th><td class=\"n best\"><b>42.0</b><small> "
               "(1)</small></td><td class=\"n\">69.0<small> (1)</small></td>"
               "<td class=\"n none\">\xe2\x80\x93</td><td class=\"n none\">\xe2\x80\x93</td>");
}

static void test_everything_is_escaped(void **state)
{
    (void)state;
    FixtureRun run = {.method = "<script>alert(1)</script>",
                      .experiment = "a&b \"quoted\" 'it'",
                      .held_out = 1,
                      .checkpoints = CHECKPOINTS({.step = 1, .in = {9, 9, 9}, .out = {8, 8, 8}})};
    fixture_add_run(store, dataset, &run);
    run.method = "<img src=x onerror=alert(2)>";
    run.status = RUN_FAILED;
    fixture_add_run(store, dataset, &run);
    const char *text = make_page(&(ReportOptions){.experiment = "a&b \"quoted\" 'it'"});
    assert_lacks(text, "<script");
    assert_lacks(text, "<img");
    assert_lacks(text, "a&b");
    assert_has(text, "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_has(text, "&lt;img src=x onerror=alert(2)&gt;"); /* among the runs in no cell */
    assert_has(text, "a&amp;b &quot;quoted&quot; &#39;it&#39;");
    assert_has(
        text,
        "--experiment &#39;a&amp;b &quot;quoted&quot; &#39;\\&#39;&#39;it&#39;\\&#39;&#39;&#39;");
}

static void test_runs_in_no_cell_are_listed(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    FixtureRun run = {.held_out = 2,
                      .status = RUN_DIVERGED,
                      .checkpoints = CHECKPOINTS({.step = 7, .in = {99, 99, 99}})};
    fixture_add_run(store, dataset, &run);
    const char *text = make_page(&(ReportOptions){0});
    assert_has(text, "<dd>1 done, 1 diverged</dd>");
    assert_has(text, "<td>diverged</td><td class=\"n\">7</td>");
    assert_lacks(text, "99.0");
}

static void test_rule_is_the_experiments_or_the_one_asked_for(void **state)
{
    (void)state;
    Err err;
    add("erm", 0, 0, 40);
    StoreExperiment last = {.name = "first",
                            .protocol = "",
                            .selection = "last",
                            .scored = "out",
                            .stderr_of = "population"};
    assert_ok(store_experiment(store, &last, &err));
    assert_has(make_page(&(ReportOptions){0}), "<dd>the last checkpoint</dd>");
    assert_has(str_text(&page), "<dd>the held-out domain&#39;s out split</dd>");
    assert_has(str_text(&page), "60.0<small> (1)</small>");
    assert_has(make_page(&(ReportOptions){.rule = "oracle"}), "<dd>oracle: last checkpoint");
}

static void test_only_what_is_asked_for(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    FixtureRun other = {.method = "other",
                        .experiment = "second",
                        .checkpoints = CHECKPOINTS({.step = 1, .in = {9, 9, 9}, .out = {8, 8, 8}})};
    fixture_add_run(store, dataset, &other);
    assert_has(make_page(&(ReportOptions){0}), "other");
    assert_lacks(make_page(&(ReportOptions){.experiment = "first"}), ">other<");
}

static void test_page_is_the_same_again_and_stands_alone(void **state)
{
    (void)state;
    add("erm", 0, 0, 40);
    char *first = strdup(make_page(&(ReportOptions){0}));
    const char *second = make_page(&(ReportOptions){0});
    bool same = strcmp(first, second) == 0;
    free(first);
    assert_true(same);
    assert_lacks(second, "http:");
    assert_lacks(second, "https:");
    assert_lacks(second, "<script");
    assert_has(second, "default-src 'none'");
}

static void test_unknown_names(void **state)
{
    (void)state;
    Err err;
    add("erm", 0, 0, 40);
    assert_fails(report_make(&page, path, &(ReportOptions){.experiment = "frst"}, &err),
                 "no experiment \"frst\" (did you mean \"first\"?)");
    assert_int_equal(err.code, ERR_USAGE);
    assert_fails(report_make(&page, path, &(ReportOptions){.dataset = "tyni2"}, &err),
                 "no dataset \"tyni2\"");
    assert_fails(report_make(&page, path, &(ReportOptions){.rule = "orcale"}, &err),
                 "no selection rule \"orcale\" (did you mean \"oracle\"?)");
    assert_fails(report_make(&page, "/nowhere/x.db", &(ReportOptions){0}, &err), "/nowhere/x.db");
}

static void test_written_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    Err err;
    add("erm", 0, 0, 40);
    Arena *arena = arena_new();
    char *folder = arena_printf(arena, "%s-page", path);
    char *file = file_join(arena, folder, "index.html"), *text = NULL;
    bool ok = report_write(folder, path, &(ReportOptions){0}, &err) &&
              file_read(&text, NULL, file, 1 << 20, &err);
    bool failed = ok && !report_write(folder, "/nowhere/x.db", &(ReportOptions){0}, &(Err){0});
    int64_t size = file_size(file);
    bool into_file = report_write(path, path, &(ReportOptions){0}, &err);
    unlink(file);
    rmdir(folder);
    arena_free(arena);
    size_t n = text != NULL ? strlen(text) : 0;
    free(text);
    assert_true(ok && failed);
    assert_int_equal(size, n); /* what was there is there still */
    assert_false(into_file);
    assert_non_null(strstr(err.text, path));
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void test_html_text(void **state)
{
    (void)state;
    html_text(&page, "a<b>&\"'\n\x7f\xc3\xa4");
    assert_string_equal(str_text(&page), "a&lt;b&gt;&amp;&quot;&#39;  \xc3\xa4");
    html_text(&page, NULL);
    html_element(&page, "td", "n", "<");
    assert_has(str_text(&page), "<td class=\"n\">&lt;</td>");
}

static void test_axes_have_round_ends(void **state)
{
    (void)state;
    Axis axis = axis_make(31.2, 58.9, 4);
    assert_close(axis.low, 30, 0, 1e-9);
    assert_close(axis.high, 60, 0, 1e-9);
    assert_close(axis.step, 10, 0, 1e-9);
    axis = axis_make(0.31, 0.33, 4);
    assert_close(axis.step, 0.005, 1e-9, 0);
    axis = axis_make(5, 5, 4);
    assert_true(axis.low <= 5 && axis.high >= 5 && axis.high > axis.low);
    axis = axis_make(INFINITY, -INFINITY, 4); /* nothing was there */
    assert_true(isfinite(axis.low) && axis.high > axis.low);
}

static void test_chart_of_a_missing_value(void **state)
{
    (void)state;
    DotLane lanes[] = {{"here", 50, 40, 60, NAN, 0}, {"not", NAN, NAN, NAN, NAN, 1}};
    svg_dots(&page, &(DotChart){"title", "desc", lanes, 2, axis_make(40, 60, 4)});
    assert_has(str_text(&page), ">50.0</tspan> [40.0, 60.0]</text>");
    assert_has(str_text(&page), ">no run</text>");
    assert_lacks(str_text(&page), "nan%");
}

/* The mark of 50 between 40 and 60 lies in the middle of its interval, which spans the plot. */
static void test_chart_places_values(void **state)
{
    (void)state;
    DotLane lane = {"a", 50, 40, 60, NAN, 0};
    svg_dots(&page, &(DotChart){"title", "desc", &lane, 1, axis_make(40, 60, 4)});
    double x, low, high;
    const char *whisker = strstr(str_text(&page), "class=\"whisker\""),
               *mark = strstr(str_text(&page), "<use href=\"#shape0\"");
    assert_true(whisker != NULL && mark != NULL);
    assert_int_equal(sscanf(whisker, "class=\"whisker\" x1=\"%lf%%\" x2=\"%lf", &low, &high), 2);
    assert_int_equal(sscanf(mark, "<use href=\"#shape0\" x=\"%lf", &x), 1);
    assert_close(x, (low + high) / 2, 0, 0.011);
    assert_true(high - low > 30);
}

static void test_curve_of_a_single_point_is_a_dot(void **state)
{
    (void)state;
    CurvePoint point = {0, 1, 1, 1};
    Curve curve = {&point, 1, 0};
    svg_curves(&page, &(CurveChart){"title", "desc", &curve, 1, {0, 1, 1}, {0, 2, 1}});
    assert_has(str_text(&page), "d=\"M0 500h0\"");
    assert_lacks(str_text(&page), "class=\"band");
}

/* Of sketch's four images, all but the third are predicted right; the last two agree most with
 * their text. */
static void add_predictions_and_scores(void)
{
    Err err;
    StoreRun *run;
    StoreRunInfo info = fixture_run_info("told", dataset);
    const StoreOutcome outcomes[] = {{8, 0, 0.5F}, {9, 1, 0.5F}, {10, 1, 0.5F}, {11, 1, 0.5F}};
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int d = 0; d < FIXTURE_DOMAINS; d++) {
        StoreEval in = fixture_eval(1, "raw", d, "in", 75),
                  out = fixture_eval(1, "raw", d, "out", 75);
        store_eval(run, &in, outcomes, d == 2 ? 4 : 0);
        store_eval(run, &out, NULL, 0);
    }
    assert_ok(store_checkpoint_commit(run, 1, &err));
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, &err));
    store_run_free(run);
    assert_ok(db_script(store->db,
                        "INSERT INTO scorer (name, model, weights, template, preprocessing)"
                        " VALUES ('<clip>', 'vit', 'w', '{}', '');"
                        "INSERT INTO alignment (scorer_id, image_id, score)"
                        " SELECT 1, id, (position % 4) / 100.0 FROM image",
                        &err));
}

static void test_ip_and_oop(void **state)
{
    (void)state;
    add("erm", 0, 0, 50);
    assert_has(make_page(&(ReportOptions){0}), "dgbench score gives scores");
    add_predictions_and_scores();
    const char *part = strstr(make_page(&(ReportOptions){0}), "In pretraining and out of it");
    assert_non_null(part);
    assert_lacks(part, "dgbench score gives scores");
    assert_has(part, "rule &quot;median&quot;, scorer &lt;clip&gt;");
    const char *values[] = {">50.0<", ">100.0<", ">75.0<"}; /* IP, OOP, All */
    for (int i = 0; i < 3; i++) {
        part = strstr(part, values[i]);
        if (part == NULL) fail_msg("no %s in its place", values[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_empty_database),
        TEST(test_ip_and_oop),
        TEST(test_one_run),
        TEST(test_mean_error_and_interval),
        TEST(test_best_and_missing_cells),
        TEST(test_everything_is_escaped),
        TEST(test_runs_in_no_cell_are_listed),
        TEST(test_rule_is_the_experiments_or_the_one_asked_for),
        TEST(test_only_what_is_asked_for),
        TEST(test_page_is_the_same_again_and_stands_alone),
        TEST(test_unknown_names),
        TEST(test_written_as_a_whole_or_not_at_all),
        TEST(test_html_text),
        TEST(test_axes_have_round_ends),
        TEST(test_chart_of_a_missing_value),
        TEST(test_chart_places_values),
        TEST(test_curve_of_a_single_point_is_a_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
