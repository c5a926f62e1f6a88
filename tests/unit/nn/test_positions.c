/* Positions for a grid of another size, against torch's interpolate. */
#include "golden.h"

#include "positions.h"

enum { WIDTH = 2 }; /* as scripts/golden/positions.py */

static void test_resize_as_torch(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = golden_open("nn/positions.safetensors");
    int64_t sides[32];
    const SafeTensor *s = safetensors_find(f, "sides");
    assert_ok(safetensors_to_i64(s, sides, &err));
    for (int i = 0; i < s->dims[0]; i++) {
        char name[32];
        size_t n;
        snprintf(name, sizeof name, "from%d", i);
        Real *from = golden_values(f, name, NULL);
        snprintf(name, sizeof name, "to%d", i);
        Real *want = golden_values(f, name, &n), *got = test_malloc(n * sizeof *got);
        positions_resize(got, (int)sides[2 * i + 1], from, (int)sides[2 * i], WIDTH);
        (void)golden_compare(name, got, want, n, 1e-6, 0);
        test_free(from);
        test_free(want);
        test_free(got);
    }
    safetensors_close(f);
}

static void test_same_size_changes_nothing(void **state)
{
    (void)state;
    Real from[9 * WIDTH], to[9 * WIDTH];
    for (int i = 0; i < 9 * WIDTH; i++) from[i] = (Real)sin(i);
    positions_resize(to, 3, from, 3, WIDTH);
    assert_memory_equal(to, from, sizeof from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_as_torch),
        cmocka_unit_test(test_same_size_changes_nothing),
    };
    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
