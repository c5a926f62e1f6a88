/* Presets: their facts, their layer, rows of datasets, draws, deviations. */
#include "test.h"

#include "config_case.h"
#include "experiment.h"
#include "protocols.h"

static RunSpec spec;

static char one[] = "a", two[] = "b", three[] = "c";
static const TextList domains[] = {{(char *[]){one, two, three}, 3},
                                   {(char *[]){one, two, three}, 3},
                                   {(char *[]){one, two, three}, 3}};

static void read_ok(const char *text)
{
    assert_ok(config_read(&spec, text, NULL, 0));
}

static RunSpec *runs_with(const char *text, const char *const *sets, int n_sets, int n_expected)
{
    Experiment *e;
    RunSpec *runs;
    int n;
    ExperimentSource source = {
        .text = text, .n_bytes = strlen(text), .place = "exp.yaml", .sets = sets, .n_sets = n_sets};
    assert_ok(experiment_open(&e, keys, &source, arena, &err));
    assert_ok(experiment_runs(&runs, &n, e, domains, arena, &err));
    assert_int_equal(n, n_expected);
    return runs;
}

static const char *value_of(const RunSpec *s, const char *key)
{
    const SchemaRow *row = schema_find(&keys->schema, key);
    if (row == NULL) fail_msg("no key \"%s\"", key);
    Str text = {0};
    schema_value_text(row, s, &text);
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}

/* ==== What the presets say ==== */

static const struct {
    const char *protocol, *dataset, *key, *value;
} facts[] = {
    {"domainbed-2020", "vlcs", "method.batch_norm", "frozen"},
    {"domainbed-2020", "vlcs", "net.pretraining", "torchvision-imagenet1k-v1"},
    {"domainbed-2020", "vlcs", "eval.source_transform", "augmented"},
    {"domainbed-2020", "vlcs", "train.checkpoint_freq", "300"},
    {"domainbed-2020", "vlcs", "train.steps", "5001"},
    {"domainbed-2020", "vlcs", "data.replacement", "true"},
    {"domainbed-2020", "vlcs", "eval.scored", "in"},
    {"domainbed-2020", "vlcs", "eval.stderr", "population"},
    {"domainbed-2020", "domainnet", "train.checkpoint_freq", "1000"},
    {"domainbed-2020", "domainnet", "train.steps", "5001"},
    {"domainbed-2020", "my-own", "train.checkpoint_freq", "100"},
    {"domainbed-2020", "rotated-mnist", "data.batch_size", "64"},
    {"domainbed-2020", "rotated-mnist", "method.lr", "0.001"},
    {"domainbed-2020", "colored-mnist", "net.name", "mnist-cnn"},
    {"domainbed-2020", "colored-mnist", "data.augment", "none"},
    {"domainbed", "pacs", "method.batch_norm", "live"},
    {"domainbed", "pacs", "net.pretraining", "timm-resnet50.ram_in1k"},
    {"swad", "pacs", "train.checkpoint_freq", "100"},
    {"swad", "vlcs", "train.checkpoint_freq", "50"},
    {"swad", "vlcs", "method.swad.tolerance_ratio", "0.2"},
    {"swad", "pacs", "method.swad.tolerance_ratio", "0.3"},
    {"swad", "domainnet", "train.checkpoint_freq", "500"},
    {"swad", "domainnet", "train.steps", "15001"},
    {"swad", "pacs", "method.batch_norm", "frozen"},
    {"swad", "pacs", "eval.source_transform", "clean"},
    {"ermpp", "pacs", "data.replacement", "false"},
    {"ermpp", "pacs", "method.batch_norm", "live"},
    {"ermpp", "pacs", "eval.scored", "whole"},
    {"ermpp", "domainnet", "train.steps", "5001"},
    {"ipoop", "pacs", "train.checkpoint_freq", "200"},
    {"ipoop", "domainnet", "train.steps", "15001"},
    {"ipoop", "domainnet", "train.checkpoint_freq", "1000"},
    {"ipoop", "pacs", "eval.scored", "whole"},
    {"ipoop", "pacs", "net.name", "clip"},
    {"ipoop", "pacs", "net.head", "random"},
    {"ipoop", "pacs", "net.template", "[\"A photo of {name}.\"]"},
    {"ipoop", "pacs", "data.fit", "squash"},
    {"ipoop", "pacs", "data.filter", "bilinear"},
    {"ipoop", "pacs", "data.image_size", "224"},
    {"ipoop", "pacs", "net.mean", "[0.485, 0.456, 0.406]"},
    {"ipoop", "pacs", "net.pretraining", "openclip-vit-b-16-laion400m_e32"},
};

static void test_presets_hold_the_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        read_ok(
            arena_printf(arena, "protocol: %s\ndataset: %s", facts[i].protocol, facts[i].dataset));
        assert_string_equal(value_of(&spec, facts[i].key), facts[i].value);
    }
}

static void test_every_preset_is_complete_and_sound(void **state)
{
    (void)state;
    static const char *const pinned[] = {"method.batch_norm",     "net.name",
                                         "net.pretraining",       "eval.source_transform",
                                         "train.steps",           "data.replacement",
                                         "train.checkpoint_freq", "net.dropout",
                                         "data.batch_size",       "method.lr",
                                         "eval.selection",        "eval.scored",
                                         "eval.stderr",           "data.holdout_fraction"};
    int n;
    const Protocol *all = protocol_list(&n);
    assert_int_equal(n, 5);
    for (int i = 0; i < n; i++) {
        assert_true(strlen(all[i].help) > 10 && strlen(all[i].source) > 10 &&
                    all[i].notes[0] != NULL);
        for (size_t p = 0; p < sizeof pinned / sizeof pinned[0]; p++) {
            int found = 0;
            for (const char *const *s = all[i].settings; *s != NULL; s++) {
                found += str_starts_with(*s, arena_printf(arena, "%s=", pinned[p]));
            }
            if (found != 1) fail_msg("%s sets %s %d times", all[i].name, pinned[p], found);
        }
        for (const ProtocolRow *row = all[i].rows; row->dataset != NULL; row++) {
            read_ok(arena_printf(arena, "protocol: %s\ndataset: %s", all[i].name, row->dataset));
            RunSpec *runs = runs_with(arena_printf(arena,
                                                   "protocol: %s\ndataset: %s\nsweep: {trials: 1, "
                                                   "hparams: 2}",
                                                   all[i].name, row->dataset),
                                      NULL, 0, 6);
            ProtocolDeviation *deviations;
            assert_int_equal(protocol_deviations(&deviations, &runs[1], arena), 0);
        }
    }
}

/* ==== Layers ==== */

static void test_protocol_lies_between_defaults_and_recipe(void **state)
{
    (void)state;
    read_ok("protocol: domainbed-2020\nmethod.recipe: erm++\ndataset: pacs");
    assert_int_equal(spec.method.batch_norm, BATCH_NORM_FROZEN); /* protocol over default */
    assert_false(spec.data.replacement);                         /* recipe over protocol */
    assert_true(spec.method.lr == 1e-4);
    read_ok("protocol: domainbed-2020\nmethod: {recipe: erm++, batch_norm: live}");
    assert_int_equal(spec.method.batch_norm, BATCH_NORM_LIVE); /* file over protocol */
    const char *const sets[] = {"protocol=swad", "train.steps=900"};
    assert_ok(config_read(&spec, "protocol: domainbed\ndataset: vlcs\ntrain.checkpoint_freq: 7",
                          sets, 2));
    assert_string_equal(spec.protocol, "swad");
    assert_int_equal(spec.train.checkpoint_freq, 7);
    assert_int_equal(spec.train.steps, 900);
    assert_int_equal(spec.method.batch_norm, BATCH_NORM_FROZEN);
    const char *const none[] = {"protocol="};
    assert_ok(config_read(&spec, "protocol: domainbed-2020", none, 1));
    assert_int_equal(spec.method.batch_norm, BATCH_NORM_LIVE);
    assert_string_equal(spec.protocol, "");
}

static void test_stored_specs_do_not_depend_on_presets(void **state)
{
    (void)state;
    read_ok("protocol: swad\ndataset: domainnet\ntrain.steps: 77\nheld_out: a");
    Str json = {0}, again = {0};
    run_spec_json(&spec, &json);
    assert_ok(run_spec_from_json(&spec, keys, str_text(&json), arena, &err));
    run_spec_json(&spec, &again);
    assert_string_equal(str_text(&json), str_text(&again));
    assert_int_equal(spec.train.steps, 77);
    assert_string_equal(spec.protocol, "swad");
    str_done(&json);
    str_done(&again);
}

static void test_datasets_are_known_by_name_and_folder(void **state)
{
    (void)state;
    const Protocol *p = protocol_find("domainbed");
    static const char *const same[] = {"office-home", "/data/office_home", "OfficeHome/",
                                       "datasets/office-home.yaml"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(protocol_row(p, same[i])->dataset, "office-home");
    assert_string_equal(protocol_row(p, "x/domain_net")->dataset, "domainnet");
    static const char *const others[] = {"", "office", "office-home-2", "pacs/x", "/", "-", "yaml"};
    for (int i = 0; i < 7; i++) assert_null(protocol_row(p, others[i]));
}

static void test_every_dataset_of_a_sweep_gets_its_row(void **state)
{
    (void)state;
    RunSpec *runs =
        runs_with("protocol: domainbed-2020\n"
                  "datasets: [vlcs, {name: domainnet, set: {train.steps: 9}}, rotated-mnist]\n"
                  "sweep: {held_out: [a], trials: 1}",
                  NULL, 0, 3);
    assert_int_equal(runs[0].train.checkpoint_freq, 300);
    assert_int_equal(runs[1].train.checkpoint_freq, 1000);
    assert_int_equal(runs[1].train.steps, 9);
    assert_int_equal(runs[2].data.image_size, 28);
    const char *const sets[] = {"protocol=swad"};
    runs = runs_with("datasets: [vlcs, domainnet]\nsweep: {held_out: [a], trials: 1}", sets, 1, 2);
    assert_int_equal(runs[0].train.checkpoint_freq, 50);
    assert_int_equal(runs[1].train.steps, 15001);
    assert_string_equal(runs[1].protocol, "swad");
}

/* ==== Draws ==== */

static void test_protocol_brings_the_draw_of_each_dataset(void **state)
{
    (void)state;
    static const char text[] = "protocol: domainbed-2020\n"
                               "datasets: [vlcs, domainnet, rotated-mnist]\n"
                               "sweep: {held_out: [a], trials: 1, hparams: 1, hparams_from: 1}";
    RunSpec *runs = runs_with(text, NULL, 0, 3);
    assert_true(runs[0].method.lr == 2.7028930742148706e-05);
    assert_true(runs[0].method.weight_decay == 0.00044832883881609976);
    assert_int_equal(runs[0].data.batch_size, 39);
    assert_true(runs[0].net.dropout == 0.5);
    assert_int_equal(runs[1].data.batch_size, 28);            /* as test_hparams has it */
    assert_true(runs[2].method.lr == 0.00011906162909279594); /* 10^U(-4.5, -2.5) */
    assert_true(runs[2].method.weight_decay == 0);
    const char *const sets[] = {"sweep.draw=none"};
    runs = runs_with(text, sets, 1, 3);
    assert_true(runs[0].method.lr == 5e-5);
    assert_int_equal(runs[2].data.batch_size, 64);
}

static void test_swad_draws_from_its_search(void **state)
{
    (void)state;
    RunSpec *runs = runs_with("protocol: swad\ndataset: pacs\n"
                              "sweep: {held_out: [a], trials: 1, hparams: 40, hparams_from: 1}",
                              NULL, 0, 40);
    unsigned rates = 0, decays = 0, dropouts = 0;
    for (int i = 0; i < 40; i++) {
        double lr = runs[i].method.lr, decay = runs[i].method.weight_decay;
        double dropout = runs[i].net.dropout;
        assert_true(lr == 1e-5 || lr == 3e-5 || lr == 5e-5);
        assert_true(decay == 1e-4 || decay == 1e-6);
        assert_true(dropout == 0 || dropout == 0.1 || dropout == 0.5);
        assert_int_equal(runs[i].data.batch_size, 32);
        rates |= lr == 1e-5 ? 1u : lr == 3e-5 ? 2u : 4u;
        decays |= decay == 1e-4 ? 1u : 2u;
        dropouts |= dropout == 0 ? 1u : dropout == 0.1 ? 2u : 4u;
    }
    assert_int_equal(rates, 7);
    assert_int_equal(decays, 3);
    assert_int_equal(dropouts, 7);
}

/* ==== Deviations ==== */

static void expect_deviation(const ProtocolDeviation *d, const char *key, const char *preset,
                             const char *value)
{
    assert_string_equal(d->key, key);
    assert_string_equal(d->preset, preset);
    assert_string_equal(d->value, value);
}

static void test_deviations_are_what_the_run_does_otherwise(void **state)
{
    (void)state;
    ProtocolDeviation *d;
    read_ok("dataset: vlcs\ntrain.steps: 3");
    assert_int_equal(protocol_deviations(&d, &spec, arena), 0); /* no protocol */
    read_ok("protocol: domainbed-2020\ndataset: vlcs\ntrain.steps: 5001");
    assert_int_equal(protocol_deviations(&d, &spec, arena), 0); /* said again */
    read_ok("protocol: domainbed-2020\ndataset: vlcs\nmethod.recipe: erm++\nnet.pretraining: ''\n"
            "train: {steps: 601, checkpoint_freq: 100}\nmethod.momentum: 0.9");
    assert_int_equal(protocol_deviations(&d, &spec, arena), 5);
    expect_deviation(&d[0], "method.lr", "5e-05", "0.0001");
    expect_deviation(&d[1], "data.replacement", "true", "false");
    expect_deviation(&d[2], "train.steps", "5001", "601");
    expect_deviation(&d[3], "train.checkpoint_freq", "300", "100");
    expect_deviation(&d[4], "net.pretraining", "torchvision-imagenet1k-v1", "\"\"");
}

static void test_the_presets_own_draws_are_no_deviations(void **state)
{
    (void)state;
    ProtocolDeviation *d;
    static const char text[] = "protocol: domainbed\ndataset: vlcs\n"
                               "sweep: {held_out: [a], trials: 2, hparams: 1, hparams_from: 7}";
    RunSpec *runs = runs_with(text, NULL, 0, 2);
    assert_true(runs[1].method.lr != 5e-5);
    assert_int_equal(protocol_deviations(&d, &runs[1], arena), 0);
    const char *const sets[] = {"method.lr=1e-3"};
    runs = runs_with(text, sets, 1, 2);
    assert_int_equal(protocol_deviations(&d, &runs[1], arena), 1);
    assert_string_equal(d[0].key, "method.lr");
    const char *const none[] = {"sweep.draw=none"};
    runs = runs_with(text, none, 1, 2);
    assert_int_equal(protocol_deviations(&d, &runs[1], arena), 4); /* all that it would draw */
}

/* ==== Bad input ==== */

static void expect_error(const char *text, const char *message)
{
    assert_false(config_read(&spec, text, NULL, 0));
    assert_string_equal(err.text, message);
}

static void test_bad_protocols_and_contradictions(void **state)
{
    (void)state;
    expect_error(
        "protocol: domainbed-2021",
        "exp.yaml: unknown protocol \"domainbed-2021\" (did you mean \"domainbed-2020\"?)");
    expect_error("protocol: [swad]", "exp.yaml:1: protocol: found a list, expected a text");
    expect_error("protocol: domainbed\ndata.augment: none",
                 "exp.yaml: eval.source_transform: found augmented, expected clean when "
                 "data.augment is none");
    expect_error("protocol: ermpp\ndata.class_balanced: true",
                 "exp.yaml: data.class_balanced: found true, expected false when data.replacement "
                 "is false");
    expect_error("data: {uda_fraction: 0.5, split: concept}",
                 "exp.yaml: data.uda_fraction: found 0.5, expected 0 unless data.split is image");
    expect_error("train: {steps: 0}",
                 "exp.yaml: train.steps: found 0, expected at least 1 unless method.trainable is "
                 "none");
}

static void test_weights_have_to_be_given(void **state)
{
    (void)state;
    read_ok("protocol: domainbed-2020\ndataset: vlcs");
    assert_fails(run_spec_check_weights(&spec, "run", &err),
                 "run: net.init: found nothing, expected a safetensors file with the weights "
                 "torchvision-imagenet1k-v1 (or --set net.pretraining= to train from scratch)");
    assert_ok(run_spec_set(&spec, "net.init=w.safetensors", arena, &err));
    assert_ok(run_spec_check_weights(&spec, "run", &err));
    assert_ok(run_spec_set(&spec, "net.init=", arena, &err));
    assert_ok(run_spec_set(&spec, "net.pretraining=", arena, &err));
    assert_ok(run_spec_check_weights(&spec, "run", &err));
}

static void test_protocol_is_the_whole_experiments(void **state)
{
    (void)state;
    Experiment *e;
    static const char text[] = "dataset: d\nsweep:\n  methods: [{set: {eval.scored: out}}]";
    ExperimentSource source = {.text = text, .n_bytes = strlen(text), .place = "exp.yaml"};
    assert_fails(experiment_open(&e, keys, &source, arena, &err),
                 "exp.yaml:3: sweep.methods: \"eval.scored\" cannot be set here, it is the whole "
                 "experiment's");
    static const char other[] = "datasets: [{name: d, set: {protocol: swad}}]";
    source = (ExperimentSource){.text = other, .n_bytes = strlen(other), .place = "exp.yaml"};
    assert_fails(experiment_open(&e, keys, &source, arena, &err),
                 "\"protocol\" cannot be set here");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_presets_hold_the_facts),
        TEST(test_every_preset_is_complete_and_sound),
        TEST(test_protocol_lies_between_defaults_and_recipe),
        TEST(test_stored_specs_do_not_depend_on_presets),
        TEST(test_datasets_are_known_by_name_and_folder),
        TEST(test_every_dataset_of_a_sweep_gets_its_row),
        TEST(test_protocol_brings_the_draw_of_each_dataset),
        TEST(test_swad_draws_from_its_search),
        TEST(test_deviations_are_what_the_run_does_otherwise),
        TEST(test_the_presets_own_draws_are_no_deviations),
        TEST(test_bad_protocols_and_contradictions),
        TEST(test_weights_have_to_be_given),
        TEST(test_protocol_is_the_whole_experiments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
