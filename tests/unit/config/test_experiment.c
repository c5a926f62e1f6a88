/* Experiment files: the runs of a sweep, their order, their layers, and bad files. */
#include "test.h"

#include "config_case.h"
#include "experiment.h"

static char photo[] = "photo", art[] = "art", sketch[] = "sketch", toon[] = "toon";
static const TextList domains[] = {{(char *[]){photo, art, sketch}, 3},
                                   {(char *[]){toon, art, photo, sketch}, 4}};

static bool open_with(Experiment **out, const char *text, const char *const *sets, int n_sets)
{
    ExperimentSource source = {
        .text = text, .n_bytes = strlen(text), .place = "exp.yaml", .sets = sets, .n_sets = n_sets};
    return experiment_open(out, keys, &source, arena, &err);
}

static RunSpec *runs_with(const char *text, const char *const *sets, int n_sets, int n_expected)
{
    Experiment *e;
    RunSpec *runs;
    int n;
    assert_ok(open_with(&e, text, sets, n_sets));
    assert_ok(experiment_runs(&runs, &n, e, domains, arena, &err));
    assert_int_equal(n, n_expected);
    return runs;
}

static RunSpec *runs_of(const char *text, int n_expected)
{
    return runs_with(text, NULL, 0, n_expected);
}

static void expect_open_error(const char *text, const char *message)
{
    Experiment *e = NULL;
    assert_false(open_with(&e, text, NULL, 0));
    assert_null(e);
    assert_string_equal(err.text, message);
}

static void expect_runs_error(const char *text, const char *const *sets, int n_sets,
                              const char *message)
{
    Experiment *e;
    RunSpec *runs;
    int n;
    assert_ok(open_with(&e, text, sets, n_sets));
    assert_false(experiment_runs(&runs, &n, e, domains, arena, &err));
    assert_string_equal(err.text, message);
}

/* "trial dataset label held+out hparams_seed" */
static const char *describe(const RunSpec *spec)
{
    Str out = {0};
    str_addf(&out, "%d %s %s ", (int)spec->trial, spec->dataset, spec->method.label);
    for (int i = 0; i < spec->held_out.n; i++) {
        str_addf(&out, "%s%s", i > 0 ? "+" : "", spec->held_out.items[i]);
    }
    str_addf(&out, " %d", (int)spec->hparams_seed);
    const char *text = arena_strdup(arena, str_text(&out));
    str_done(&out);
    return text;
}

static void test_default_sweep_is_each_domain_three_trials(void **state)
{
    (void)state;
    const RunSpec *runs = runs_of("dataset: d", 9);
    const char *const expected[] = {"0 d erm photo 0", "0 d erm art 0", "0 d erm sketch 0",
                                    "1 d erm photo 0"};
    for (int i = 0; i < 4; i++) assert_string_equal(describe(&runs[i]), expected[i]);
}

static void test_jobs_come_in_domainbeds_order(void **state)
{
    (void)state;
    const RunSpec *runs =
        runs_of("datasets: [d, e]\nsweep: {trials: 2, hparams: 2, hparams_from: 5, "
                "methods: [erm, vrex], held_out: [photo, [sketch, art]]}",
                32);
    const char *const expected[] = {
        "0 d erm photo 5",       "0 d erm photo 6",       "0 d erm art+sketch 5",
        "0 d erm art+sketch 6",  "0 d vrex photo 5",      "0 d vrex photo 6",
        "0 d vrex art+sketch 5", "0 d vrex art+sketch 6", "0 e erm photo 5"};
    for (int i = 0; i < 9; i++) assert_string_equal(describe(&runs[i]), expected[i]);
    assert_string_equal(describe(&runs[16]), "1 d erm photo 5");
    assert_string_equal(describe(&runs[31]), "1 e vrex art+sketch 6");
}

static void test_pairs(void **state)
{
    (void)state;
    const RunSpec *runs = runs_of("dataset: d\nsweep: {trials: 1, held_out: single+pairs}", 6);
    const char *const expected[] = {"0 d erm photo 0",        "0 d erm art+photo 0",
                                    "0 d erm photo+sketch 0", "0 d erm art 0",
                                    "0 d erm art+sketch 0",   "0 d erm sketch 0"};
    for (int i = 0; i < 6; i++) assert_string_equal(describe(&runs[i]), expected[i]);
    runs = runs_of("dataset: d\nsweep: {trials: 1, held_out: pairs}", 3);
    assert_string_equal(describe(&runs[0]), "0 d erm art+photo 0");
    runs = runs_of("dataset: d\nheld_out: art\nsweep: {trials: 1}", 1);
    assert_string_equal(describe(&runs[0]), "0 d erm art 0");
}

static void test_layers_of_a_sweep(void **state)
{
    (void)state;
    const char *text =
        "datasets: [d, {name: e, set: {train.steps: 900, data: {image_size: 64}}}]\n"
        "train: {steps: 1000}\nmethod: {lr: 1e-3}\n"
        "sweep:\n  trials: 1\n  hparams: 2\n  held_out: photo\n  draw: domainbed\n"
        "  methods: [erm++, {recipe: vrex, label: pinned, set: {method.lr: 0.25}}]\n";
    expect_open_error(
        text,
        "exp.yaml:7: sweep.held_out: found \"photo\", expected each, pairs, single+pairs, or a "
        "list of domains and lists of domains");
    text = "datasets: [d, {name: e, set: {train.steps: 900, data: {image_size: 64}}}]\n"
           "train: {steps: 1000}\nmethod: {lr: 1e-3}\n"
           "sweep:\n  trials: 1\n  hparams: 2\n  held_out: [photo]\n  draw: domainbed\n"
           "  methods: [erm++, {recipe: vrex, label: pinned, set: {method.lr: 0.25}}]\n";
    const char *const sets[] = {"method.weight_decay=0.5"};
    const RunSpec *runs = runs_with(text, sets, 1, 8);
    assert_int_equal(runs[0].train.steps, 1000);
    assert_int_equal(runs[4].train.steps, 900); /* the dataset's own */
    assert_int_equal(runs[4].data.image_size, 64);
    assert_int_equal(runs[0].method.averaging.n, 1); /* recipe */
    assert_int_equal(runs[2].method.averaging.n, 0);
    assert_true(runs[0].method.lr == 1e-3); /* file over recipe, seed 0 draws nothing */
    assert_true(runs[1].method.lr == 2.7028930742148706e-05);
    assert_int_equal(runs[1].data.batch_size, 39);
    assert_true(runs[2].method.lr == 0.25);
    assert_true(runs[3].method.lr == 0.25); /* the method's own over the draw */
    assert_true(run_spec_extra(&runs[3], "vrex", "lambda") == 3307.1978049278796);
    for (int i = 0; i < 8; i++)
        assert_true(runs[i].method.weight_decay == 0.5); /* --set over all */
    assert_string_equal(runs[3].method.recipe, "vrex");
    assert_string_equal(runs[3].method.label, "pinned");
}

static void test_seeds_are_pure_and_differ(void **state)
{
    (void)state;
    const char *text =
        "dataset: d\nsweep: {hparams: 2, methods: [erm, vrex], held_out: single+pairs}";
    const RunSpec *runs = runs_of(text, 72), *again = runs_of(text, 72);
    for (int i = 0; i < 72; i++) {
        assert_true(runs[i].seed == again[i].seed && runs[i].seed >= 0);
        for (int j = 0; j < i; j++) assert_true(runs[i].seed != runs[j].seed);
    }
    /* Fewer runs, the same seeds: it does not depend on the rest of the sweep. */
    const RunSpec *one = runs_of("dataset: d\nsweep: {trials: 1, held_out: [art]}", 1);
    int n_found = 0;
    for (int i = 0; i < 72; i++) n_found += runs[i].seed == one[0].seed;
    assert_int_equal(n_found, 1);
    const RunSpec *other = runs_of("dataset: d\nseed: 1\nsweep: {trials: 1, held_out: [art]}", 1);
    assert_true(other[0].seed != one[0].seed);
    const char *const sets[] = {"seed=1"}; /* a base for all runs, drawn or not */
    text = "dataset: d\nsweep: {trials: 1, hparams: 2, held_out: [art], draw: domainbed}";
    const RunSpec *based = runs_with(text, sets, 1, 2);
    assert_true(based[0].seed == other[0].seed);
    assert_true(based[1].seed != based[0].seed && based[1].seed != 1);
}

/* printf 'dgbench seed 1\0000\0d\0erm\0001 2\0art\0' | sha256sum */
static void test_seed_of_one_run(void **state)
{
    (void)state;
    RunName name = {0, "d", "erm", {(char *[]){art}, 1}, 1, 2};
    assert_int_equal(experiment_seed(&name), 121715379);
    RunName moved = name;
    char *path = arena_printf(arena, "/some/folder/%s/", name.dataset);
    moved.dataset = path;
    assert_int_equal(experiment_seed(&moved), experiment_seed(&name));
    moved.dataset = arena_printf(arena, "here/%s.yaml", name.dataset);
    assert_int_equal(experiment_seed(&moved), experiment_seed(&name));
}

static void test_single_run(void **state)
{
    (void)state;
    Experiment *e;
    RunSpec spec;
    const char *text =
        "dataset: d\nheld_out: [art]\nseed: 7\nhparams_seed: 1\nsweep: {draw: domainbed}";
    assert_ok(open_with(&e, text, (const char *const[]){"method.recipe=vrex"}, 1));
    assert_ok(experiment_single(&spec, e, arena, &err));
    assert_int_equal(spec.seed, 7);
    assert_string_equal(spec.method.label, "vrex");
    assert_true(spec.method.lr == 2.7028930742148706e-05);
    assert_ok(open_with(&e, "held_out: art\ndatasets: {name: e, set: {train.steps: 5}}", NULL, 0));
    assert_ok(experiment_single(&spec, e, arena, &err));
    assert_string_equal(spec.dataset, "e");
    assert_int_equal(spec.train.steps, 5);
    assert_ok(open_with(&e, "dataset: d", NULL, 0));
    assert_fails(experiment_single(&spec, e, arena, &err), "exp.yaml: held_out: found nothing");
}

static void test_datasets_before_their_domains_are_known(void **state)
{
    (void)state;
    Experiment *e;
    RunSpec spec;
    assert_ok(open_with(&e, "datasets: [d, {name: e, set: {data.root: /there}}]", NULL, 0));
    assert_int_equal(experiment_n_datasets(e), 2);
    assert_ok(experiment_dataset(&spec, e, 1, arena, &err));
    assert_string_equal(spec.dataset, "e");
    assert_string_equal(spec.data.root, "/there");
    assert_ok(open_with(&e, "", NULL, 0));
    assert_fails(experiment_dataset(&spec, e, 0, arena, &err), "exp.yaml: dataset: found nothing");
}

static void test_a_grid_gives_every_combination_a_seed(void **state)
{
    (void)state;
    const RunSpec *runs =
        runs_of("dataset: d\nprotocol: domainbed\nsweep: {trials: 1, held_out: [photo], grid: "
                "{method.lr: [0.1, 0.2], train.steps: [7, 8]}, methods: [erm, {recipe: erm, "
                "label: own, set: {method.lr: 0.5}, grid: {method.lr: [0.3, 0.4, 0.5, 0.6]}}]}",
                8);
    const double rates[] = {0.1, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(runs[i].hparams_seed, i % 4);
        assert_close(runs[i].method.lr, rates[i], 1e-12, 0);
        if (i < 4) assert_int_equal(runs[i].train.steps, 7 + i % 2);
        for (int j = 0; j < i; j++) assert_int_not_equal(runs[i].seed, runs[j].seed);
    }
    Experiment *e;
    RunSpec one;
    const char *text = "dataset: d\nheld_out: photo\nhparams_seed: 1\nsweep: {grid: {method.lr: "
                       "[0.1, 0.2]}}";
    assert_ok(open_with(&e, text, NULL, 0));
    assert_ok(experiment_single(&one, e, arena, &err));
    assert_close(one.method.lr, 0.2, 1e-12, 0);
}

static void test_bad_grids(void **state)
{
    (void)state;
    expect_open_error("sweep: {grid: [1, 2]}", "exp.yaml:1: grid: expected a map {key: [values]}");
    expect_open_error("sweep:\n  grid:\n    method.lr: 1e-3",
                      "exp.yaml:3: grid: method.lr: expected a list of values");
    expect_open_error("sweep: {grid: {trial: [1, 2]}}",
                      "exp.yaml:1: grid: \"trial\" cannot be set here, the sweep gives it out "
                      "itself");
    expect_open_error("sweep: {hparams: 3, grid: {method.lr: [1e-3, 1e-2]}}",
                      "exp.yaml:1: grid: found seeds 0 to 2, expected points 0 to 1");
    expect_open_error("sweep: {draw: domainbed, grid: {method.lr: [1e-3]}}",
                      "exp.yaml:1: grid: expected no draw beside it");
    assert_int_equal(runs_of("dataset: d\nsweep: {trials: 1, held_out: [art], hparams_from: 1, "
                             "grid: {method.lr: [1, 2, 3]}}",
                             2)
                         ->hparams_seed,
                     1);
    expect_open_error("sweep: {methods: [erm, {recipe: erm, label: a, grid: {method.lr: [1]}}]}",
                      "exp.yaml:1: grid: expected one for every method, see sweep.grid");
    expect_open_error("sweep: {grid: {method.lr: [1, 2]}, methods: [erm, {recipe: erm, label: a, "
                      "grid: {method.lr: [1]}}]}",
                      "exp.yaml:1: grid: expected as many points as other methods have");
    expect_runs_error("dataset: d\nsweep: {grid: {method.lq: [1e-3]}}", NULL, 0,
                      "exp.yaml:2: unknown key \"method.lq\" (did you mean \"method.lr\"?)");
    const char *set = "method.lr=0.25",
               *text = "dataset: d\nheld_out: art\nsweep: {grid: {method.lr: [1e-3]}}";
    expect_runs_error(text, &set, 1, "--set method.lr=0.25: the grid gives this key out itself");
    Experiment *e;
    RunSpec one; /* which is not the sweep's */
    assert_ok(open_with(&e, text, &set, 1));
    assert_ok(experiment_single(&one, e, arena, &err));
    assert_close(one.method.lr, 0.25, 1e-12, 0);
}

static void test_bad_files(void **state)
{
    (void)state;
    expect_open_error("sweep:\n  trails: 3\n", "exp.yaml:2: unknown key \"sweep.trails\" (did you "
                                               "mean \"sweep.trials\"?)");
    expect_open_error("trials: 3\n",
                      "exp.yaml:1: unknown key \"trials\" (did you mean \"trial\"?)");
    expect_open_error("sweep: {methods: [erm, ermm]}",
                      "exp.yaml:1: sweep.methods: unknown recipe \"ermm\" (did you mean \"erm\"?)");
    expect_open_error("sweep:\n  methods: [erm, erm]\n",
                      "exp.yaml:2: sweep.methods: \"erm\" is given twice, expected a label of its "
                      "own");
    expect_open_error("sweep: {methods: []}",
                      "exp.yaml:1: sweep.methods: found a list of 0, expected 1 to 1000");
    expect_open_error(
        "sweep: {methods: [{recipes: erm}]}",
        "exp.yaml:1: sweep.methods: expected a name or {recipe: ..., label: ..., set: "
        "{...}, grid: {...}}");
    expect_open_error("datasets: [d, d]", "exp.yaml:1: datasets: \"d\" is given twice");
    expect_open_error("datasets: [[d]]",
                      "exp.yaml:1: datasets: expected a name or {name: ..., set: {...}}");
    expect_open_error(
        "datasets: [{name: d, set: {method: {label: x}}}]",
        "exp.yaml:1: datasets: \"method.label\" cannot be set here, the sweep gives it "
        "out itself");
    expect_open_error("sweep: {held_out: [[]]}", "exp.yaml:1: sweep.held_out: found a list, "
                                                 "expected each, pairs, single+pairs, or a list of "
                                                 "domains and lists of domains");
    expect_open_error("sweep: {trials: 0}", "exp.yaml:1: sweep.trials: found \"0\", expected a "
                                            "whole number from 1 to 1000");
}

static void test_bad_sweeps(void **state)
{
    (void)state;
    expect_runs_error("dataset: d\nsweep: {held_out: [phote]}", NULL, 0,
                      "exp.yaml: unknown held-out domain \"phote\" (did you mean \"photo\"?)");
    expect_runs_error("dataset: d\nsweep: {held_out: [[art, photo, sketch]]}", NULL, 0,
                      "exp.yaml: held_out: found all 3 domains of dataset \"d\", expected at least "
                      "one to train on");
    expect_runs_error("dataset: d\nsweep: {held_out: [[art, photo], [photo, art]]}", NULL, 0,
                      "exp.yaml:2: sweep.held_out: a set with \"art\" is given twice");
    expect_runs_error("", NULL, 0, "exp.yaml: dataset: found nothing, expected a dataset's name");
    expect_runs_error("dataset: d\nsweep: {trials: 1000, hparams: 10000}", NULL, 0,
                      "exp.yaml: the sweep has 30000000 runs, expected at most 100000");
    expect_runs_error("dataset: d\nsweep: {methods: [{label: x, set: {method.lrr: 1}}]}", NULL, 0,
                      "exp.yaml:2: unknown key \"method.lrr\" (did you mean \"method.lr\"?)");
    const char *const sets[] = {"method.recipe=vrex"};
    expect_runs_error("dataset: d\nsweep: {methods: [erm]}", sets, 1,
                      "--set method.recipe=vrex: the sweep gives this key out itself, expected "
                      "sweep.methods=...");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_default_sweep_is_each_domain_three_trials),
        TEST(test_jobs_come_in_domainbeds_order),
        TEST(test_pairs),
        TEST(test_layers_of_a_sweep),
        TEST(test_seeds_are_pure_and_differ),
        TEST(test_seed_of_one_run),
        TEST(test_single_run),
        TEST(test_datasets_before_their_domains_are_known),
        TEST(test_a_grid_gives_every_combination_a_seed),
        TEST(test_bad_grids),
        TEST(test_bad_files),
        TEST(test_bad_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
