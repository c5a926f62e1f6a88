/* Items come in the order that they are asked for, whatever the number of workers. */
#include "prefetch.h"
#include "test.h"

enum { MAX_SLOTS = 8, BAD_ITEM = 13 };

typedef struct {
    int64_t places[MAX_SLOTS];
} Squares;

static bool fill_square(void *context, int slot, int64_t item, Err *err)
{
    Squares *squares = context;
    if (item == BAD_ITEM) return err_set(err, ERR_IO, "item %lld", (long long)item);
    squares->places[slot] = item * item;
    return true;
}

static int64_t square_of(Prefetch *p, const Squares *squares, int64_t item)
{
    Err err = {0};
    int slot = -1;
    assert_ok(prefetch_get(p, item, &slot, &err));
    return squares->places[slot];
}

static void test_items_in_order_and_out_of_order(void **state)
{
    (void)state;
    for (int n_workers = 0; n_workers <= 3; n_workers++) {
        assert_true(prefetch_n_slots(n_workers) <= MAX_SLOTS);
        Squares squares;
        Prefetch *p = prefetch_new(&(PrefetchOptions){n_workers, fill_square, &squares});
        for (int64_t i = 0; i < 10; i++) assert_int_equal(square_of(p, &squares, i), i * i);
        assert_int_equal(square_of(p, &squares, 40), 1600);
        assert_int_equal(square_of(p, &squares, 41), 1681);
        assert_int_equal(square_of(p, &squares, 2), 4); /* back: a run that starts anew */
        assert_int_equal(square_of(p, &squares, 2), 4);
        assert_true(prefetch_wait_seconds(p) >= 0);
        prefetch_free(p);
    }
}

static void test_failure_belongs_to_its_item(void **state)
{
    (void)state;
    for (int n_workers = 0; n_workers <= 2; n_workers++) {
        Squares squares;
        Err err = {0};
        int slot;
        Prefetch *p = prefetch_new(&(PrefetchOptions){n_workers, fill_square, &squares});
        assert_int_equal(square_of(p, &squares, BAD_ITEM - 1), (BAD_ITEM - 1) * (BAD_ITEM - 1));
        assert_fails(prefetch_get(p, BAD_ITEM, &slot, &err), "item 13");
        assert_int_equal(square_of(p, &squares, BAD_ITEM + 1), (BAD_ITEM + 1) * (BAD_ITEM + 1));
        prefetch_free(p);
    }
    prefetch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_in_order_and_out_of_order),
        cmocka_unit_test(test_failure_belongs_to_its_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
