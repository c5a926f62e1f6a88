/* RunSpec: layers, members' hyper-parameters, checks over several keys, identity and key. */
#include "test.h"

#include "config_case.h"

static RunSpec spec;

static bool read_text(const char *text)
{
    return config_read(&spec, text, NULL, 0);
}

static void expect_error(const char *text, const char *message)
{
    assert_false(read_text(text));
    assert_string_equal(err.text, message);
}

static const char *identity(void)
{
    Str out = {0};
    run_spec_identity_json(&spec, &out);
    const char *text = arena_strdup(arena, str_text(&out));
    str_done(&out);
    return text;
}

static const char *key_of(const char *text)
{
    char key[SHA256_HEX_SIZE];
    assert_ok(read_text(text));
    run_key(key, &spec, "fingerprint",
            (RunWeights){spec.net.init[0] != '\0' ? "abc" : NULL,
                         spec.net.model[0] != '\0' ? "def" : NULL, NULL});
    return arena_strdup(arena, key);
}

static void test_defaults_are_domainbeds(void **state)
{
    (void)state;
    assert_ok(read_text(""));
    assert_int_equal(spec.train.steps, 5001);
    assert_int_equal(spec.train.checkpoint_freq, 300);
    assert_int_equal(spec.data.batch_size, 32);
    assert_int_equal(spec.data.augment, SPEC_AUGMENT_DOMAINBED);
    assert_true(spec.data.holdout_fraction == 0.2);
    assert_true(spec.data.replacement);
    assert_true(spec.method.lr == 5e-5);
    assert_true(spec.net.mean.items[0] == 0.485 && spec.net.std.items[2] == 0.225);
    assert_string_equal(spec.method.objective, "erm");
    assert_string_equal(spec.method.label, "erm");
    assert_int_equal(spec.method.averaging.n, 0);
    assert_string_equal(spec.results, "dgbench.db");
}

static void test_every_key_has_help_and_fits_its_range(void **state)
{
    (void)state;
    assert_ok(read_text(""));
    for (int i = 0; i < keys->schema.n_rows; i++) {
        const SchemaRow *row = &keys->schema.rows[i];
        assert_true(strlen(row->help) > 5);
        Str set = {0};
        str_addf(&set, "%s=", row->key);
        schema_value_text(row, &spec, &set);
        RunSpec other = spec;
        assert_ok(schema_set(&keys->schema, &other, str_text(&set), arena, &err));
        str_done(&set);
    }
}

static void test_layers_each_over_the_one_before(void **state)
{
    (void)state;
    const char *const sets[] = {"method.weight_decay=0.5", "trial=2"};
    assert_ok(config_read(
        &spec, "method: {recipe: erm++, weight_decay: .1, eps: 1e-7}\ntrain.steps: 900", sets, 2));
    assert_true(spec.method.lr == 1e-4);          /* recipe over default */
    assert_true(spec.method.eps == 1e-7);         /* file */
    assert_true(spec.method.weight_decay == 0.5); /* --set over file */
    assert_int_equal(spec.trial, 2);
    assert_int_equal(spec.method.averaging.n, 1);
    assert_false(spec.data.replacement);
    assert_string_equal(spec.method.label, "erm++");
    assert_ok(read_text("method: {recipe: erm++, lr: 1e-2, averaging: none}"));
    assert_true(spec.method.lr == 1e-2); /* file over recipe */
    assert_int_equal(spec.method.averaging.n, 0);
}

static void test_recipe_may_come_from_the_command_line(void **state)
{
    (void)state;
    const char *const sets[] = {"method.recipe=vrex"};
    assert_ok(config_read(&spec, "method.recipe: erm++", sets, 1));
    assert_string_equal(spec.method.objective, "vrex");
    assert_int_equal(spec.method.averaging.n, 0);
    expect_error("method: {recipe: ermm}",
                 "exp.yaml: unknown recipe \"ermm\" (did you mean \"erm\"?)");
    expect_error("method: {recipe: quite-other}", "exp.yaml: unknown recipe \"quite-other\"");
}

static void test_members_bring_their_hyper_parameters(void **state)
{
    (void)state;
    assert_ok(read_text("method: {objective: vrex, vrex: {lambda: 3}}"));
    assert_true(run_spec_extra(&spec, "vrex", "lambda") == 3);
    assert_true(run_spec_extra(&spec, "vrex", "anneal_steps") == 500);
    assert_true(run_spec_extra(&spec, "coral", "gamma") == 1);
    assert_true(run_spec_uses(&spec, "vrex"));
    assert_false(run_spec_uses(&spec, "coral"));
    expect_error("method:\n  vrex:\n    lamda: 3\n",
                 "exp.yaml:3: unknown key \"method.vrex.lamda\" (did you mean "
                 "\"method.vrex.lambda\"?)");
}

static void test_hyper_parameters_may_be_whole_numbers_and_names(void **state)
{
    (void)state;
    assert_ok(read_text("method: {averaging: swad, averaging_start: 0}"));
    assert_true(run_spec_extra(&spec, "swad", "n_converge") == 3);
    assert_true(run_spec_extra(&spec, "swad", "reading") == 0);
    assert_null(strstr(identity(), "n_converge"));
    assert_ok(read_text("method: {averaging: swad, averaging_start: 0, swad: {n_converge: 16, "
                        "reading: paper}}"));
    assert_true(run_spec_extra(&spec, "swad", "n_converge") == 16);
    assert_true(run_spec_extra(&spec, "swad", "reading") == 1);
    assert_non_null(strstr(identity(), "\"swad\":{\"n_converge\":16,\"reading\":\"paper\"}"));
    assert_false(read_text("method: {swad: {n_converge: 2.5}}"));
    assert_false(read_text("method: {swad: {n_converge: 17}}"));
    assert_false(read_text("method: {swad: {reading: papers}}"));
}

static void test_lists_that_are_sets_are_sorted(void **state)
{
    (void)state;
    assert_ok(read_text("held_out: [sketch, art]\nmethod: {averaging: [sma, none, ema]}"));
    assert_string_equal(spec.held_out.items[0], "art");
    assert_int_equal(spec.method.averaging.n, 2);
    assert_string_equal(spec.method.averaging.items[0], "ema");
    assert_true(run_spec_uses(&spec, "sma"));
    expect_error("held_out: [a, b, a]",
                 "exp.yaml: held_out: found \"a\" twice, expected each name once");
}

static void test_checks_over_several_keys(void **state)
{
    (void)state;
    expect_error("net: {mean: [0.5]}",
                 "exp.yaml: net.mean: found 1 numbers, expected 3 (red, green, blue)");
    expect_error("net: {std: [1, 1, 1, 1]}",
                 "exp.yaml: net.std: found 4 numbers, expected 3 (red, green, blue)");
    expect_error("net: {name: }", "exp.yaml: net.name: found nothing, expected a name");
    expect_error("data: {class_balanced: true, replacement: false}",
                 "exp.yaml: data.class_balanced: found true, expected false when data.replacement "
                 "is false");
    expect_error("method: {averaging: sma}\ntrain: {steps: 600}",
                 "exp.yaml: method.averaging_start: found 600, expected less than train.steps "
                 "(600)");
    expect_error("method: {nesterov: true}",
                 "exp.yaml: method.nesterov: found true, expected false unless method.optimizer "
                 "is sgd");
    expect_error("method: {nesterov: true, optimizer: sgd}",
                 "exp.yaml: method.nesterov: found true with method.momentum 0, expected a "
                 "momentum above 0");
    expect_error("held_out: ['']", "exp.yaml: held_out: found nothing, expected a domain's name");
    expect_error("data: {image_size: 7}",
                 "exp.yaml: data.image_size: found 7, expected at least 8");
    assert_ok(read_text("train: {steps: 5, checkpoint_freq: 300}"));
}

static void test_ready_to_run(void **state)
{
    (void)state;
    assert_ok(read_text(""));
    assert_fails(run_spec_check_ready(&spec, "exp.yaml", &err),
                 "exp.yaml: dataset: found nothing, expected a dataset's name");
    assert_ok(read_text("dataset: d"));
    assert_fails(run_spec_check_ready(&spec, "exp.yaml", &err),
                 "exp.yaml: held_out: found nothing, expected the names of the target domains");
    assert_ok(read_text("dataset: d\nheld_out: a"));
    assert_ok(run_spec_check_ready(&spec, "exp.yaml", &err));
}

static void test_held_out_domains_have_to_exist(void **state)
{
    (void)state;
    char art[] = "art", photo[] = "photo";
    TextList domains = {(char *[]){art, photo}, 2};
    assert_ok(read_text("dataset: d\nheld_out: photo"));
    assert_ok(run_spec_check_domains(&spec, &domains, "exp.yaml", &err));
    assert_ok(read_text("dataset: d\nheld_out: photos"));
    assert_fails(run_spec_check_domains(&spec, &domains, "exp.yaml", &err),
                 "exp.yaml: unknown held-out domain \"photos\" (did you mean \"photo\"?)");
    assert_ok(read_text("dataset: d\nheld_out: [art, photo]"));
    assert_fails(run_spec_check_domains(&spec, &domains, "exp.yaml", &err),
                 "exp.yaml: held_out: found all 2 domains of dataset \"d\", expected at least one");
}

static void test_json_reads_back_to_the_same_spec(void **state)
{
    (void)state;
    assert_ok(read_text("name: \"it's: #1\"\ndataset: d\nheld_out: [b, a]\nmethod: {recipe: erm++, "
                        "objective: vrex, lr: 2.7028930742148706e-05, vrex: {lambda: 0.1}}\n"));
    Str json = {0}, again = {0};
    run_spec_json(&spec, &json);
    RunSpec other;
    assert_ok(run_spec_from_json(&other, keys, str_text(&json), arena, &err));
    run_spec_json(&other, &again);
    assert_string_equal(str_text(&json), str_text(&again));
    assert_non_null(strstr(str_text(&json), "\"vrex\":{\"anneal_steps\":500,\"lambda\":0.1}"));
    assert_null(strstr(str_text(&json), "coral"));
    assert_true(other.method.lr == 2.7028930742148706e-05);
    assert_false(other.data.replacement);
    str_done(&json);
    str_done(&again);
}

static void test_identity_is_what_not_where(void **state)
{
    (void)state;
    const char *base = key_of("dataset: d\nheld_out: [a, b]");
    assert_string_equal(identity(), "{\"held_out\":[\"a\",\"b\"],\"method\":{\"label\":\"erm\"}}");
    assert_int_equal(strlen(base), 64);
    const char *const same[] = {
        "held_out: [b, a]\ndataset: d\nname: x\ndata: {root: /y, workers: 3}",
        "dataset: d\nheld_out: [a, b]\nmethod: {lr: 5e-5, objective: erm}\ndata: {batch_size: 32}",
        ("dataset: d\nheld_out: [a, b]\nresults: r.db\noutput: o\n"
         "train: {threads: 2, save: all}\neval: {batch_size: 7}"),
        "dataset: d\nheld_out: [a, b]\nmethod: {coral: {gamma: 9}}",
        ("dataset: d\nheld_out: [a, b]\nprotocol: ''\ndata: {uda_fraction: 0}\n"
         "net: {pretraining: ''}\neval: {source_transform: clean}"),
        ("dataset: d\nheld_out: [a, b]\n"
         "eval: {selection: oracle, scored: whole, stderr: sample}")};
    for (int i = 0; i < 6; i++) assert_string_equal(key_of(same[i]), base);
    const char *const others[] = {"dataset: d\nheld_out: [a]",
                                  "dataset: d\nheld_out: [a, b]\nseed: 1",
                                  "dataset: d\nheld_out: [a, b]\nmethod: {label: x}",
                                  "dataset: d\nheld_out: [a, b]\nnet: {init: w.safetensors}",
                                  "dataset: d\nheld_out: [a, b]\nnet: {pretraining: w}",
                                  "dataset: d\nheld_out: [a, b]\ndata: {uda_fraction: 0.5}",
                                  "dataset: d\nheld_out: [a, b]\neval.source_transform: augmented"};
    for (int i = 0; i < 7; i++) assert_string_not_equal(key_of(others[i]), base);
    /* a preset counts by what it sets, not by its name */
    const char *named = key_of("dataset: d\nheld_out: [a, b]\nprotocol: swad");
    assert_string_not_equal(named, base);
    assert_string_equal(key_of("dataset: d\nheld_out: [a, b]\nmethod.batch_norm: frozen\n"
                               "net.pretraining: torchvision-imagenet1k-v1\n"
                               "train.checkpoint_freq: 100"),
                        named);
    const char *vrex = key_of("dataset: d\nheld_out: a\nmethod: {objective: vrex}");
    assert_string_not_equal(
        key_of("dataset: d\nheld_out: a\nmethod: {objective: vrex, vrex: {lambda: 9}}"), vrex);
}

static void test_key_depends_on_contents_not_paths(void **state)
{
    (void)state;
    char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];
    assert_ok(read_text("dataset: d\nheld_out: a\nnet: {init: here/w}"));
    run_key(one, &spec, "f1", (RunWeights){.init = "aa"});
    assert_ok(read_text("dataset: /moved/to/d.yaml\nheld_out: a\nnet: {init: there/w}"));
    run_key(two, &spec, "f1", (RunWeights){.init = "aa"});
    assert_string_equal(one, two);
    run_key(two, &spec, "f1", (RunWeights){.init = "bb"});
    assert_string_not_equal(one, two);
    run_key(two, &spec, "f2", (RunWeights){.init = "aa"});
    assert_string_not_equal(one, two);
    assert_ok(read_text("dataset: d\nheld_out: a\nmethod: {adapter_load: here}"));
    run_key(one, &spec, "f1", (RunWeights){.adapter = "aa"});
    assert_ok(read_text("dataset: d\nheld_out: a\nmethod: {adapter_load: there}"));
    run_key(two, &spec, "f1", (RunWeights){.adapter = "aa"});
    assert_string_equal(one, two);
    run_key(two, &spec, "f1", (RunWeights){.adapter = "bb"});
    assert_string_not_equal(one, two);
}

static void test_set_over_a_spec(void **state)
{
    (void)state;
    assert_ok(read_text("dataset: d"));
    assert_ok(run_spec_set(&spec, "held_out=[b, a]", arena, &err));
    assert_string_equal(spec.held_out.items[0], "a");
    assert_fails(run_spec_set(&spec, "net.mean=[1]", arena, &err),
                 "--set: net.mean: found 1 numbers, expected 3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults_are_domainbeds),
        TEST(test_every_key_has_help_and_fits_its_range),
        TEST(test_layers_each_over_the_one_before),
        TEST(test_recipe_may_come_from_the_command_line),
        TEST(test_members_bring_their_hyper_parameters),
        TEST(test_hyper_parameters_may_be_whole_numbers_and_names),
        TEST(test_lists_that_are_sets_are_sorted),
        TEST(test_checks_over_several_keys),
        TEST(test_ready_to_run),
        TEST(test_held_out_domains_have_to_exist),
        TEST(test_json_reads_back_to_the_same_spec),
        TEST(test_identity_is_what_not_where),
        TEST(test_key_depends_on_contents_not_paths),
        TEST(test_set_over_a_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
