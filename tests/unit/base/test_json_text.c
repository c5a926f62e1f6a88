/* JSON texts and numbers as literal text. */
#include "test.h"

#include "json_text.h"

static void expect_text(const char *text, const char *expected)
{
    Str out = {0};
    json_add_text(&out, text);
    assert_string_equal(str_text(&out), expected);
    str_done(&out);
}

static void expect_number(double value, const char *expected)
{
    Str out = {0};
    json_add_number(&out, value);
    assert_string_equal(str_text(&out), expected);
    assert_true(strtod(str_text(&out), NULL) == value);
    str_done(&out);
}

static void test_text_is_quoted_and_escaped(void **state)
{
    (void)state;
    expect_text("", "\"\"");
    expect_text("a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\"");
    expect_text("a\nb\t\x01\x7f", "\"a\\u000ab\\u0009\\u0001\\u007f\"");
}

static void test_text_keeps_utf8_and_replaces_what_is_not(void **state)
{
    (void)state;
    expect_text("caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
    expect_text("\xe2\x80\xa8\xef\xbb\xbf", "\"\\u2028\\ufeff\"");
    expect_text("\xff\xc3", "\"\\ufffd\\ufffd\"");
    expect_text("\xc0\x80", "\"\\ufffd\\ufffd\"");
    expect_text("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
}

static void test_numbers_are_short_and_exact(void **state)
{
    (void)state;
    expect_number(0.1, "0.1");
    expect_number(5e-5, "5e-05");
    expect_number(5001, "5001");
    expect_number(-0.0, "0");
    expect_number(2.7028930742148706e-05, "2.7028930742148706e-05");
    expect_number(1.0 / 3, "0.3333333333333333");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_quoted_and_escaped),
        cmocka_unit_test(test_text_keeps_utf8_and_replaces_what_is_not),
        cmocka_unit_test(test_numbers_are_short_and_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
