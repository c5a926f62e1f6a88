/* The tape's heap against a model that knows every live block. */
#include "aborts.h"
#include "rng.h"
#include "tape_memory.h"

enum { ALIGN = 64, MAX_LIVE = 40 };

static TapeMemory *memory;

static int setup(void **state)
{
    (void)state;
    memory = tape_memory_new();
    tape_memory_reset(memory, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tape_memory_free(memory);
    memory = NULL;
    return 0;
}

typedef struct {
    unsigned char *p;
    size_t bytes;
    unsigned char mark;
} Live;

static void take(Live *live, size_t bytes, unsigned char mark)
{
    *live = (Live){tape_memory_take(memory, bytes), bytes, mark};
    assert_int_equal((uintptr_t)live->p % ALIGN, 0);
    memset(live->p, mark, bytes);
}

/* What was written is still there: nobody else got the same memory. */
static void give(Live *live)
{
    for (size_t i = 0; i < live->bytes; i++) assert_int_equal(live->p[i], live->mark);
    tape_memory_give(memory, live->p, live->bytes);
    live->p = NULL;
}

static void test_live_blocks_never_overlap(void **state)
{
    (void)state;
    RngStream random = rng_stream(1, "take and give");
    Live live[MAX_LIVE] = {{0}};
    for (uint64_t step = 0; step < 20000; step++) {
        Live *l = &live[rng_below(random, step, 0, MAX_LIVE)];
        if (l->p != NULL) {
            give(l);
        } else {
            int bits = rng_below(random, step, 1, 14);
            take(l, (size_t)rng_below(random, step, 2, 1 << bits), (unsigned char)step);
        }
    }
    for (int i = 0; i < MAX_LIVE; i++) {
        if (live[i].p != NULL) give(&live[i]);
    }
    /* Everything merged again: the whole range that was ever used is one free block. */
    size_t peak = tape_memory_peak(memory);
    void *whole = tape_memory_take(memory, peak);
    assert_int_equal(tape_memory_peak(memory), peak);
    tape_memory_give(memory, whole, peak);
}

static void test_neighbours_merge_in_every_order(void **state)
{
    (void)state;
    static const int ORDERS[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int i = 0; i < 6; i++) {
        tape_memory_reset(memory, false);
        char *p[3];
        for (int k = 0; k < 3; k++) p[k] = tape_memory_take(memory, 100);
        char *last = tape_memory_take(memory, 10); /* keeps the three from joining the end */
        for (int k = 0; k < 3; k++) tape_memory_give(memory, p[ORDERS[i][k]], 100);
        assert_ptr_equal(tape_memory_take(memory, 3 * 128), p[0]);
        assert_true(last > p[2]);
    }
}

static void test_smallest_gap_that_fits_is_taken(void **state)
{
    (void)state;
    char *p[6];
    for (int k = 0; k < 6; k++) p[k] = tape_memory_take(memory, k == 1 ? 640 : k == 3 ? 128 : 64);
    tape_memory_give(memory, p[1], 640);
    tape_memory_give(memory, p[3], 128);
    assert_ptr_equal(tape_memory_take(memory, 100), p[3]);
    assert_ptr_equal(tape_memory_take(memory, 129), p[1]);
    assert_ptr_equal(tape_memory_take(memory, 64), p[1] + 192);
}

static void test_planning_decides_the_same_and_touches_nothing(void **state)
{
    (void)state;
    TapeMemory *plan = tape_memory_new();
    tape_memory_reset(plan, true);
    RngStream random = rng_stream(2, "plan");
    char *real[MAX_LIVE] = {0}, *planned[MAX_LIVE] = {0};
    size_t bytes[MAX_LIVE];
    for (uint64_t step = 0; step < 5000; step++) {
        int i = rng_below(random, step, 0, MAX_LIVE);
        if (real[i] != NULL) {
            tape_memory_give(memory, real[i], bytes[i]);
            tape_memory_give(plan, planned[i], bytes[i]);
            real[i] = NULL;
            continue;
        }
        bytes[i] = (size_t)rng_below(random, step, 1, 5000);
        real[i] = tape_memory_take(memory, bytes[i]);
        planned[i] = tape_memory_take(plan, bytes[i]);
        assert_int_equal(tape_memory_peak(memory), tape_memory_peak(plan));
    }
    /* More than any machine has is no problem; its memory must not be touched. */
    volatile char *huge = tape_memory_take(plan, (size_t)100 << 30);
    assert_dies_of(SIGSEGV, (void)signal(SIGSEGV, SIG_DFL), *huge = 1);
    tape_memory_free(plan);
}

static void test_peak_survives_a_reset(void **state)
{
    (void)state;
    (void)tape_memory_take(memory, 1000);
    tape_memory_reset(memory, false);
    (void)tape_memory_take(memory, 64);
    assert_int_equal(tape_memory_peak(memory), 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live_blocks_never_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neighbours_merge_in_every_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smallest_gap_that_fits_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_planning_decides_the_same_and_touches_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_peak_survives_a_reset, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
