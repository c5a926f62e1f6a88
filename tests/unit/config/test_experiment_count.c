/* Counting the runs of a sweep: the same numbers as making them, for any number of them. */
#include "test.h"

#include "config_case.h"
#include "experiment.h"

/* DomainBed's datasets without the Debug ones, and how many environments each has (datasets.py). */
static const struct {
    const char *name;
    int n_domains;
} DATASETS[] = {
    {"ColoredMNIST", 3},   {"RotatedMNIST", 6},   {"VLCS", 4},           {"PACS", 4},
    {"OfficeHome", 4},     {"TerraIncognita", 4}, {"DomainNet", 6},      {"SVIRO", 10},
    {"WILDSCamelyon", 5},  {"WILDSFMoW", 6},      {"SpawriousO2O_e", 3}, {"SpawriousO2O_m", 3},
    {"SpawriousO2O_h", 3}, {"SpawriousM2M_e", 3}, {"SpawriousM2M_m", 3}, {"SpawriousM2M_h", 3}};

enum { N_DATASETS = sizeof DATASETS / sizeof DATASETS[0], N_ALGORITHMS = 34 };

static TextList names_of(const char *stem, int n)
{
    TextList list = {arena_alloc(arena, (size_t)n, sizeof(char *)), n};
    for (int i = 0; i < n; i++) list.items[i] = arena_printf(arena, "%s%d", stem, i);
    return list;
}

/* DomainBed's default sweep as an experiment file: only the labels of methods count here. */
static const char *default_sweep(const char *held_out)
{
    Str text = {0};
    str_add(&text, "datasets: [");
    for (int i = 0; i < N_DATASETS; i++) str_addf(&text, "%s, ", DATASETS[i].name);
    str_addf(&text, "]\nsweep:\n  held_out: %s\n  trials: 3\n  hparams: 20\n  methods:\n",
             held_out);
    for (int i = 0; i < N_ALGORITHMS; i++) {
        str_addf(&text, "    - {recipe: erm, label: algorithm-%d}\n", i);
    }
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}

static Experiment *open_text(const char *text)
{
    Experiment *e = NULL;
    ExperimentSource source = {.text = text, .n_bytes = strlen(text), .place = "exp.yaml"};
    assert_ok(experiment_open(&e, keys, &source, arena, &err));
    return e;
}

static ExperimentCount count_default_sweep(const char *held_out)
{
    TextList domains[N_DATASETS];
    for (int i = 0; i < N_DATASETS; i++) domains[i] = names_of("env", DATASETS[i].n_domains);
    ExperimentCount count;
    Experiment *e = open_text(default_sweep(held_out));
    assert_ok(experiment_count(&count, e, domains, arena, &err));
    return count;
}

static void test_domainbeds_default_sweep_has_438600_runs(void **state)
{
    (void)state;
    ExperimentCount count = count_default_sweep("single+pairs");
    int n_sets = 0, n_single = 0;
    for (int i = 0; i < count.n_datasets; i++) {
        n_sets += count.datasets[i].n;
        n_single += count.datasets[i].n_single;
    }
    assert_int_equal(n_sets, 215);
    assert_int_equal(n_single, 70);
    assert_int_equal(count.n_methods, 34);
    assert_int_equal(count.n_runs, 438600);
    assert_int_equal(count_default_sweep("each").n_runs, 142800);
}

/* README of DomainBed: four domains, one algorithm. */
static void test_a_dataset_of_four_domains_has_600_runs_of_a_method(void **state)
{
    (void)state;
    assert_int_equal(count_default_sweep("single+pairs").datasets[3].n_runs, 34 * 600);
    assert_int_equal(count_default_sweep("each").datasets[3].n_runs, 34 * 240);
}

static void test_count_is_the_number_of_runs_made(void **state)
{
    (void)state;
    const TextList domains[] = {names_of("a", 3), names_of("b", 4)};
    const char *text = "datasets: [d, e]\n"
                       "sweep: {held_out: pairs, methods: [erm, vrex], trials: 2, hparams: 3}";
    Experiment *e = open_text(text);
    ExperimentCount count;
    RunSpec *runs;
    int n;
    assert_ok(experiment_count(&count, e, domains, arena, &err));
    assert_ok(experiment_runs(&runs, &n, e, domains, arena, &err));
    assert_int_equal(count.n_runs, (3 + 6) * 2 * 2 * 3);
    assert_int_equal(n, count.n_runs);
    assert_int_equal(count.datasets[1].n_single, 0);
}

static void test_one_run_is_the_one_among_all(void **state)
{
    (void)state;
    const TextList domains[] = {names_of("a", 3)};
    Experiment *e = open_text("dataset: d\nsweep: {methods: [erm, vrex], trials: 2, hparams: 3, "
                              "hparams_from: 4, draw: domainbed}");
    ExperimentCount count;
    RunSpec *runs, one;
    int n;
    assert_ok(experiment_count(&count, e, domains, arena, &err));
    assert_ok(experiment_runs(&runs, &n, e, domains, arena, &err));
    ExperimentPick pick = {
        .method = 1, .held_out = &count.datasets[0].sets[2], .trial = 1, .draw = 2};
    assert_ok(experiment_run(&one, e, &pick, arena, &err));
    Str a = {0}, b = {0};
    run_spec_json(&one, &a);
    run_spec_json(&runs[n - 1], &b);
    assert_string_equal(str_text(&a), str_text(&b));
    assert_int_equal(one.hparams_seed, 6);
    str_done(&a);
    str_done(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_domainbeds_default_sweep_has_438600_runs),
        TEST(test_a_dataset_of_four_domains_has_600_runs_of_a_method),
        TEST(test_count_is_the_number_of_runs_made),
        TEST(test_one_run_is_the_one_among_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
