/* Arena, text buffer, suggestions, number parsing. */
#include "test.h"

#include "arena.h"
#include "str.h"

static void test_arena_pieces_are_zeroed_and_apart(void **state)
{
    (void)state;
    Arena *a = arena_new();
    char *first = arena_alloc(a, 100, 1);
    memset(first, 1, 100);
    char *big = arena_alloc(a, 1 << 20, 1);
    memset(big, 2, 1 << 20);
    char *second = arena_alloc(a, 100, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(second[i], 0);
        assert_int_equal(first[i], 1);
    }
    assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
    assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
    arena_free(a);
    arena_free(NULL);
}

static void test_str_grows(void **state)
{
    (void)state;
    Str s = {0};
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++) str_addf(&s, "%d,", i % 10);
    assert_int_equal(s.n, 2000);
    assert_int_equal(strlen(s.text), 2000);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_done(&s);
}

static void test_shell_words_are_quoted_where_they_have_to_be(void **state)
{
    (void)state;
    Str s = {0};
    str_add_shell_word(&s, "train.steps=9");
    str_add(&s, " ");
    str_add_shell_word(&s, "a b$c");
    str_add(&s, " ");
    str_add_shell_word(&s, "it's");
    str_add_shell_word(&s, "");
    assert_string_equal(str_text(&s), "train.steps=9 'a b$c' 'it'\\''s'''");
    str_done(&s);
}

static void test_nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"lambda", "learning_rate", "batch_size"};
    assert_string_equal(str_nearest("lamda", names, 3), "lambda");
    assert_string_equal(str_nearest("batchsize", names, 3), "batch_size");
    assert_null(str_nearest("zzz", names, 3));
}

static void test_numbers(void **state)
{
    (void)state;
    long long i;
    double d;
    assert_true(str_to_int64("-12", &i) && i == -12);
    assert_false(str_to_int64("12x", &i));
    assert_false(str_to_int64("", &i));
    assert_false(str_to_int64("99999999999999999999", &i));
    assert_true(str_to_double("1e-3", &d) && d == 1e-3);
    assert_false(str_to_double("nan", &d));
    assert_false(str_to_double("1e999", &d));
    assert_false(str_to_double(" 1", &d));
}

static void test_messages_stay_one_line(void **state)
{
    (void)state;
    Err err = {0};
    assert_false(err_set(&err, ERR_FORMAT, "a\nb\tc"));
    assert_string_equal(err.text, "a?b?c");
    assert_false(err_context(&err, "file %d", 3));
    assert_string_equal(err.text, "file 3: a?b?c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_pieces_are_zeroed_and_apart),
        cmocka_unit_test(test_str_grows),
        cmocka_unit_test(test_shell_words_are_quoted_where_they_have_to_be),
        cmocka_unit_test(test_nearest_name),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_messages_stay_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
