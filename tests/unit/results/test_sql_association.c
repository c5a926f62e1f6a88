/* Rank statistics as SQL functions. Their values are tested in tests/unit/base/test_association.c.
 */
#include "store_case.h"
#include "test.h"

#include <string.h>

static char output[2000];

static int setup(void **state)
{
    (void)store_setup(state);
    store_case_read();
    return 0;
}

/* The answer to "SELECT <expression> FROM rows": rows (i, x, y, right). */
static const char *answer(const char *expression, const char *rows)
{
    Err err;
    char sql[1000];
    snprintf(sql, sizeof sql, "WITH rows(i, x, y, right) AS (VALUES %s) SELECT %s AS a FROM rows",
             rows, expression);
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok = query_run(reader, out, sql, (QueryParameters){0}, FORMAT_TEXT, &err);
    (void)fclose(out);
    if (!ok) fail_msg("%s", err.text);
    char *last = strrchr(output, '-'); /* below the rule, or the answer itself where it is NULL */
    assert_non_null(last);
    char *value = last[1] == '\n' && last[2] == '\0' ? last : last + 2;
    value[strcspn(value, "\n")] = '\0';
    return value + strspn(value, " ");
}

static const char ROWS[] = "(1, 1, 3, 0), (2, 2, 1, 1), (3, 2, 4, 0), (4, 4, 4, 1), (5, 5, 9, 1)";

static void test_rows_with_nulls_are_left_out(void **state)
{
    (void)state;
    char more[200];
    assert_string_equal(answer("spearman(x, y)", ROWS), "0.763158");
    assert_string_equal(answer("auc(x, right)", ROWS), "0.916667");
    snprintf(more, sizeof more, "%s, (6, NULL, 1, 1), (7, 9, NULL, NULL), (8, 9e999, 1, 0)", ROWS);
    assert_string_equal(answer("spearman(x, y)", more), "0.763158");
    assert_string_equal(answer("auc(x, right)", more), "0.916667");
    assert_string_equal(answer("association(x, right, i, 0, 0, 0, 0) ->> 'n'", more), "5");
}

static void test_nothing_defined_is_null(void **state)
{
    (void)state;
    assert_string_equal(answer("spearman(x, y)", "(1, NULL, 1, 1)"), "-");
    assert_string_equal(answer("auc(x, right)", "(1, NULL, 1, 1)"), "-");
    assert_string_equal(answer("association(x, right, i, 0, 0, 0, 0)", "(1, NULL, 1, 1)"), "-");
    assert_string_equal(answer("spearman(x, y)", "(1, 2, 1, 1), (2, 2, 3, 1)"), "-");
    assert_string_equal(answer("auc(x, right)", "(1, 2, 1, 1), (2, 3, 3, 1)"), "-");
    assert_string_equal(
        answer("association(x, right, i, 0, 0, 0, 0)", "(1, 2, 1, 1), (2, 3, 3, 1)"),
        "{\"n\":2,\"spearman\":[null,null,null],\"auc\":[null,null,null],\"slope\":[null,null,"
        "null]}");
}

static void test_sides_are_subtracted_and_strata_kept_apart(void **state)
{
    (void)state;
    assert_string_equal(answer("association(x, right, i, 0, 0, 0, 1) ->> '$.auc[0]'", ROWS),
                        "0.916667");
    /* images 1 to 3 on side 1: 1 wrong, 2 right, 2 wrong: 0.75; 4, 5 right only: not defined */
    assert_string_equal(answer("association(x, right, i, 0, 0, 0, i < 4) ->> '$.auc[0]'", ROWS),
                        "-");
    assert_string_equal(answer("association(x, right, i, 0, 0, 0, i < 3) ->> '$.auc[0]'", ROWS),
                        "0"); /* 1 - 1 */
    assert_string_equal(answer("association(x, right, i, 0, i > 3, 0, 0) ->> '$.auc[0]'", ROWS),
                        "0.75");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
    const struct CMUnitTest tests[] = {TEST(test_rows_with_nulls_are_left_out),
                                       TEST(test_nothing_defined_is_null),
                                       TEST(test_sides_are_subtracted_and_strata_kept_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
