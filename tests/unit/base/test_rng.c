/* The counter-based generator: published vectors, distribution, independence of streams. */
#include "test.h"

#include "rng.h"

/* Known answers of philox4x32-10 from the Random123 distribution (kat_vectors): all zeros, all
 * ones. */
static void test_philox_matches_published_vectors(void **state)
{
    (void)state;
    uint32_t out[4];
    rng_philox(out, (uint32_t[4]){0, 0, 0, 0}, (uint32_t[2]){0, 0});
    assert_int_equal(out[0], 0x6627e8d5u);
    assert_int_equal(out[1], 0xe169c58du);
    assert_int_equal(out[2], 0xbc57ac4cu);
    assert_int_equal(out[3], 0x9b00dbd8u);
    const uint32_t f = 0xffffffffu;
    rng_philox(out, (uint32_t[4]){f, f, f, f}, (uint32_t[2]){f, f});
    assert_int_equal(out[0], 0x408f276du);
    assert_int_equal(out[1], 0x41c83b0eu);
    assert_int_equal(out[2], 0xa20bc7c6u);
    assert_int_equal(out[3], 0x6d5451fdu);
}

static void test_uniform_has_the_right_moments(void **state)
{
    (void)state;
    RngStream s = rng_stream(1, "moments");
    double sum = 0, squares = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double u = rng_uniform(s, 3, (uint64_t)i);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_close(sum / N, 0.5, 0, 0.005);
    assert_close(squares / N - 0.25, 1.0 / 12, 0, 0.005);
}

static void test_normal_has_the_right_moments(void **state)
{
    (void)state;
    RngStream s = rng_stream(1, "normal");
    double sum = 0, squares = 0, fourth = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double z = rng_normal(s, 0, (uint64_t)i);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
    }
    assert_close(sum / N, 0, 0, 0.015);
    assert_close(squares / N, 1, 0, 0.02);
    assert_close(fourth / N, 3, 0, 0.15);
}

static void test_streams_steps_and_seeds_differ(void **state)
{
    (void)state;
    uint64_t reference = rng_u64(rng_stream(1, "a"), 0, 0);
    assert_true(reference == rng_u64(rng_stream(1, "a"), 0, 0));
    assert_true(reference != rng_u64(rng_stream(2, "a"), 0, 0));
    assert_true(reference != rng_u64(rng_stream(1, "b"), 0, 0));
    assert_true(reference != rng_u64(rng_stream(1, "a"), 1, 0));
    assert_true(reference != rng_u64(rng_stream(1, "a"), 0, 1));
    assert_true(reference != rng_u64(rng_sub(rng_stream(1, "a"), 0), 0, 0));
}

static void test_filled_words_are_the_generators_blocks(void **state)
{
    (void)state;
    enum { N = 1000 };
    RngStream s = rng_stream(1, "fill");
    const uint64_t step = 5 + (1ull << 40), first = 4 * ((1ull << 32) - 20);
    uint32_t words[N], part[70];
    rng_fill_u32(words, s, step, first, N);
    for (uint64_t i = 0; i < N; i += 4) {
        uint64_t block = (first + i) / 4; /* its counter carries into the second word */
        uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)step,
                               (uint32_t)(step >> 32)};
        uint32_t key[2] = {(uint32_t)s.key ^ 1u, (uint32_t)(s.key >> 32)}, want[4];
        rng_philox(want, counter, key);
        assert_memory_equal(words + i, want, sizeof want);
    }
    for (size_t n = 1; n <= 70; n++) { /* any cut gives the same words */
        memset(part, 0, sizeof part);
        rng_fill_u32(part, s, step, first + 64, n);
        assert_memory_equal(part, words + 64, n * sizeof *part);
        assert_true(n == 70 || part[n] == 0);
    }
}

static void test_shuffle_is_a_permutation(void **state)
{
    (void)state;
    int items[100], seen[100] = {0};
    for (int i = 0; i < 100; i++) items[i] = i;
    rng_shuffle(rng_stream(5, "shuffle"), 0, items, 100);
    int moved = 0;
    for (int i = 0; i < 100; i++) {
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_matches_published_vectors),
        cmocka_unit_test(test_uniform_has_the_right_moments),
        cmocka_unit_test(test_normal_has_the_right_moments),
        cmocka_unit_test(test_streams_steps_and_seeds_differ),
        cmocka_unit_test(test_filled_words_are_the_generators_blocks),
        cmocka_unit_test(test_shuffle_is_a_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
