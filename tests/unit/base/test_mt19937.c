/* DomainBed's generator: the vectors are those recorded from NumPy and DomainBed sweeps. */
#include "test.h"

#include "mt19937.h"

static void test_shuffle_matches_numpy(void **state)
{
    (void)state;
    static const int expected[10] = {2, 8, 4, 9, 1, 6, 7, 3, 0, 5};
    int items[10];
    for (int i = 0; i < 10; i++) items[i] = i;
    Mt19937 mt;
    mt_seed(&mt, 0);
    mt_shuffle(&mt, items, 10);
    assert_memory_equal(items, expected, sizeof items);
}

static void test_seed_hash_matches_domainbed(void **state)
{
    (void)state;
    assert_int_equal(domainbed_seed_hash("(0, 0)"), 894182419);
    assert_int_equal(domainbed_seed_hash("(0, 1)"), 1514274641);
    assert_int_equal(domainbed_seed_hash("(1, 0)"), 785910682);
    assert_int_equal(domainbed_seed_hash("('VLCS', 'ERM', [1, 2], 1, 0)"), 360234358);
}

static void test_first_split_keys_of_vlcs(void **state)
{
    (void)state;
    static const int expected[10] = {222, 1032, 864, 859, 1037, 1062, 1326, 1024, 1026, 493};
    int keys[1415];
    for (int i = 0; i < 1415; i++) keys[i] = i;
    Mt19937 mt;
    mt_seed(&mt, domainbed_seed_hash("(0, 0)"));
    mt_shuffle(&mt, keys, 1415);
    assert_memory_equal(keys, expected, sizeof expected);
}

/* numpy.random.RandomState(42).random_sample(3) */
static void test_uniform_matches_numpy(void **state)
{
    (void)state;
    Mt19937 mt;
    mt_seed(&mt, 42);
    assert_true(mt_uniform(&mt) == 0.3745401188473625);
    assert_true(mt_uniform(&mt) == 0.9507143064099162);
    assert_true(mt_uniform(&mt) == 0.7319939418114051);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shuffle_matches_numpy),
        cmocka_unit_test(test_seed_hash_matches_domainbed),
        cmocka_unit_test(test_first_split_keys_of_vlcs),
        cmocka_unit_test(test_uniform_matches_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
