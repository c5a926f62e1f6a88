/* Experiment files: any bytes are either refused with a message or give runs whose JSON reads back
 * to the same. */
#include "experiment.h"
#include "fuzz_target.h"
#include "tables.h"

static void check_round_trip(const RunSpec *spec, Arena *arena)
{
    Str json = {0}, again = {0};
    RunSpec other;
    Err err;
    run_spec_json(spec, &json);
    bool ok = run_spec_from_json(&other, spec->keys, str_text(&json), arena, &err);
    check(ok, "%s in %s", err.text, str_text(&json));
    run_spec_json(&other, &again);
    check(str_equal(str_text(&json), str_text(&again)), "%s became %s", str_text(&json),
          str_text(&again));
    str_done(&json);
    str_done(&again);
}

static void make_runs(const Experiment *e, Arena *arena)
{
    static char names[3][2] = {"a", "b", "c"};
    TextList list = {(char *[]){names[0], names[1], names[2]}, 3};
    int n_datasets = experiment_n_datasets(e), n = 0;
    TextList *domains = arena_alloc(arena, (size_t)n_datasets, sizeof *domains);
    for (int i = 0; i < n_datasets; i++) domains[i] = list;
    RunSpec *runs = NULL, single;
    Err err = {.text = ""};
    if (experiment_single(&single, e, arena, &err)) check_round_trip(&single, arena);
    if (!experiment_runs(&runs, &n, e, domains, arena, &err)) check(err.text[0] != '\0', "silent");
    for (int i = 0; i < n && i < 3; i++) check_round_trip(&runs[i], arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char *const sets[] = {"sweep.trials=1", "sweep.hparams=2"};
    Arena *arena = arena_new();
    const RunKeys *keys = run_keys_new(&test_tables, arena);
    ExperimentSource source = {.text = n_bytes > 0 ? (const char *)data : "",
                               .n_bytes = n_bytes,
                               .place = "fuzz",
                               .sets = sets,
                               .n_sets = 2};
    Experiment *e;
    Err err = {.text = ""};
    if (experiment_open(&e, keys, &source, arena, &err)) {
        make_runs(e, arena);
    } else {
        check(err.text[0] != '\0', "refused without a message");
    }
    arena_free(arena);
    return 0;
}
