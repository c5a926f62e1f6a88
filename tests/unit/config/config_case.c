/* See config_case.h. */
#include "config_case.h"

#include "tables.h"
#include "test.h"

Arena *arena;
const RunKeys *keys;
Err err;

int config_setup(void **state)
{
    (void)state;
    arena = arena_new();
    keys = run_keys_new(&test_tables, arena);
    return 0;
}

int config_teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

bool config_read(RunSpec *out, const char *text, const char *const *sets, int n_sets)
{
    YamlNode *root;
    memset(out, 0xff, sizeof *out);
    assert_ok(yaml_parse(&root, text, strlen(text), "exp.yaml", arena, &err));
    RunLayers layers = {.map = root, .place = "exp.yaml", .sets = sets, .n_sets = n_sets};
    return run_spec_read(out, keys, &layers, arena, &err);
}
