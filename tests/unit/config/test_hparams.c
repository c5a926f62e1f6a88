/* Draws against values made with NumPy by DomainBed's rule:
 *     sh = lambda *a: int(hashlib.md5(str(a).encode()).hexdigest(), 16) % 2**31
 *     10 ** numpy.random.RandomState(sh(sh(1, 0), 'lr')).uniform(-5, -3.5)
 */
#include "test.h"

#include "config_case.h"
#include "hparams.h"

static YamlNode *parse(const char *text)
{
    YamlNode *root;
    assert_ok(yaml_parse(&root, text, strlen(text), "exp.yaml", arena, &err));
    return root;
}

/* The spec of `text` after the draws of `draw`. */
static RunSpec drawn(const char *text, const char *draw)
{
    RunSpec spec;
    HparamRules rules;
    RunLayers layers = {.map = parse(text), .place = "exp.yaml"};
    assert_ok(run_spec_read(&spec, keys, &layers, arena, &err));
    assert_ok(hparams_read(&rules, keys, parse(draw), "exp.yaml", arena, &err));
    assert_ok(hparams_apply(&spec, &rules, arena, &err));
    return spec;
}

static void test_presets_draw_what_domainbed_draws(void **state)
{
    (void)state;
    RunSpec spec = drawn("hparams_seed: 1", "domainbed");
    assert_true(spec.method.lr == 2.7028930742148706e-05);
    assert_true(spec.method.weight_decay == 0.00044832883881609976);
    assert_int_equal(spec.data.batch_size, 39);
    assert_true(spec.net.dropout == 0.5);
    spec = drawn("{hparams_seed: 7, trial: 2}", "domainbed");
    assert_true(spec.method.lr == 4.451235671690321e-05);
    assert_true(spec.method.weight_decay == 7.61339855085641e-06);
    assert_int_equal(spec.data.batch_size, 22);
    assert_true(spec.net.dropout == 0.1);
    spec = drawn("{hparams_seed: 2, trial: 1}", "domainbed-small");
    assert_true(spec.method.lr == 0.0025521952552627065);
    assert_int_equal(spec.data.batch_size, 61);
    assert_true(spec.method.weight_decay == 0);
    spec = drawn("hparams_seed: 1", "domainbed-domainnet");
    assert_int_equal(spec.data.batch_size, 28);
}

/* ERM++'s linear_lr; a run without a warm start is the same as before there was such a key. */
static void test_the_warm_starts_rate_is_drawn_with_it(void **state)
{
    (void)state;
    RunSpec spec = drawn("{hparams_seed: 1, method.warm_start: 500}", "domainbed");
    assert_true(spec.method.warm_start_lr == 2.7696523567489467e-05);
    assert_true(spec.method.lr == 2.7028930742148706e-05);
    spec = drawn("{hparams_seed: 7, trial: 2, method.warm_start: 1}", "domainbed-domainnet");
    assert_true(spec.method.warm_start_lr == 4.707358820112084e-05);
    spec = drawn("hparams_seed: 1", "domainbed");
    assert_true(spec.method.warm_start_lr == 0);
}

static void test_seed_zero_draws_nothing(void **state)
{
    (void)state;
    RunSpec spec = drawn("{hparams_seed: 0, trial: 3, method.lr: 0.25}", "domainbed");
    assert_true(spec.method.lr == 0.25);
    assert_int_equal(spec.data.batch_size, 32);
}

static void test_members_in_use_are_drawn_with_a_preset(void **state)
{
    (void)state;
    RunSpec spec = drawn("{hparams_seed: 1, method.objective: vrex}", "domainbed");
    assert_true(run_spec_extra(&spec, "vrex", "lambda") == 3307.1978049278796);
    assert_true(run_spec_extra(&spec, "vrex", "anneal_steps") == 500);
    assert_true(run_spec_extra(&spec, "coral", "gamma") == 1);
    spec = drawn("{hparams_seed: 1, method.objective: vrex}", "method.lr: 10^U(-5,-3.5)");
    assert_true(run_spec_extra(&spec, "vrex", "lambda") == 10);
}

static void test_rules_of_the_file(void **state)
{
    (void)state;
    RunSpec spec = drawn("{hparams_seed: 1, method.objective: vrex}",
                         "preset: domainbed\n"
                         "method.lr: 10^U(-4.5, -2.5)\n"
                         "method.vrex.lambda: U(2, 2)\n"
                         "net.dropout: {name: weight_decay, range: \"U(0, 0.5)\"}\n");
    assert_true(spec.method.lr == 0.00011906162909279594);
    assert_int_equal(spec.data.batch_size, 39);
    assert_true(run_spec_extra(&spec, "vrex", "lambda") == 2);
    double u = (log10(0.00044832883881609976) + 6) / 4; /* the same name draws the same U */
    assert_close(spec.net.dropout, u / 2, 1e-12, 0);
}

static void test_ranges_as_text(void **state)
{
    (void)state;
    HparamDraw draw;
    assert_true(hparam_draw_parse(&draw, "int(2^U(3,5.5))"));
    assert_true(draw.whole && draw.base == 2 && draw.low == 3 && draw.high == 5.5);
    assert_true(hparam_draw_parse(&draw, " choice( 0 , 0.1,.5 ) "));
    assert_int_equal(draw.n_choices, 3);
    assert_true(draw.choices[2] == 0.5);
    const char *const bad[] = {"",
                               "U(1)",
                               "U(2,1)",
                               "U(1,2",
                               "U(1,2)x",
                               "3^U(1,2)",
                               "choice()",
                               "choice(1,)",
                               "int(3)",
                               "int(U(1,2)",
                               "choice(1,2,3,4,5,6,7,8,9)",
                               "U(nan,1)",
                               "U(1,1e999)",
                               "int(choice(1,2))",
                               "u(1,2)"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (hparam_draw_parse(&draw, bad[i])) fail_msg("\"%s\" was taken for a range", bad[i]);
    }
}

static void expect_error(const char *draw, const char *message)
{
    HparamRules rules;
    assert_false(hparams_read(&rules, keys, parse(draw), "exp.yaml", arena, &err));
    assert_string_equal(err.text, message);
}

static void test_bad_rules(void **state)
{
    (void)state;
    expect_error(
        "domainbad",
        "exp.yaml:1: sweep.draw: found \"domainbad\", expected domainbed, domainbed-small, "
        "domainbed-domainnet, swad, none or a map of keys");
    expect_error("[domainbed]",
                 "exp.yaml:1: sweep.draw: found no name, expected domainbed, domainbed-small, "
                 "domainbed-domainnet, swad, none or a map of keys");
    expect_error(
        "method.lr: 10^u(1,2)",
        "exp.yaml:1: sweep.draw: method.lr: found \"10^u(1,2)\", expected U(a,b), 2^U(a,b), "
        "10^U(a,b), int(...) of one of them, or choice(a,b,...) of at most 8");
    expect_error("method.lr: {rang: \"U(1,2)\"}", "exp.yaml:1: sweep.draw: method.lr: expected a "
                                                  "range or {name: ..., range: ...}");
    expect_error("\nmethod.lrr: U(1,2)", "exp.yaml:2: sweep.draw: unknown key \"method.lrr\"");
    expect_error("net.name: U(1,2)", "exp.yaml:1: sweep.draw: \"net.name\" cannot be drawn, "
                                     "expected a hyper-parameter that is a number");
    expect_error("seed: U(1,2)", "exp.yaml:1: sweep.draw: \"seed\" cannot be drawn, expected a "
                                 "hyper-parameter that is a number");
}

static void test_drawn_values_are_checked(void **state)
{
    (void)state;
    RunSpec spec;
    HparamRules rules;
    RunLayers layers = {.map = parse("hparams_seed: 1"), .place = "exp.yaml"};
    assert_ok(run_spec_read(&spec, keys, &layers, arena, &err));
    assert_ok(hparams_read(&rules, keys, parse("net.dropout: U(2,2)"), "exp.yaml", arena, &err));
    assert_false(hparams_apply(&spec, &rules, arena, &err));
    assert_string_equal(err.text, "sweep.draw: --set net.dropout: found \"2\", expected a number "
                                  "from 0 to 0.95");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_presets_draw_what_domainbed_draws),
        TEST(test_the_warm_starts_rate_is_drawn_with_it),
        TEST(test_seed_zero_draws_nothing),
        TEST(test_members_in_use_are_drawn_with_a_preset),
        TEST(test_rules_of_the_file),
        TEST(test_ranges_as_text),
        TEST(test_bad_rules),
        TEST(test_drawn_values_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
