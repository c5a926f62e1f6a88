/* YAML trees: shape and lines of good input, and the literal message of each kind of bad input. */
#include "test.h"

#include "mem.h"
#include "str.h"
#include "yaml_tree.h"

static Arena *arena;
static Err err;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    err = (Err){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static YamlNode *parse(const char *text)
{
    YamlNode *root = NULL;
    assert_ok(yaml_parse(&root, text, strlen(text), "exp.yaml", arena, &err));
    return root;
}

static void expect_error(const char *text, size_t n_bytes, const char *message)
{
    YamlNode *root = NULL;
    assert_false(yaml_parse(&root, text, n_bytes, "exp.yaml", arena, &err));
    assert_null(root);
    assert_string_equal(err.text, message);
    assert_int_equal(err.code, ERR_FORMAT);
}

static void expect_text_error(const char *text, const char *message)
{
    expect_error(text, strlen(text), message);
}

static void test_tree_keeps_order_lines_and_quotes(void **state)
{
    (void)state;
    const YamlNode *root = parse("# a comment\nb: 1\na:\n  - x\n  - \"2\"\nc: {d: [], e: }\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->n_items, 3);
    assert_string_equal(root->keys[0], "b");
    assert_int_equal(root->key_lines[1], 3);
    const YamlNode *list = yaml_find(root, "a");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->line, 4);
    assert_string_equal(list->items[0].text, "x");
    assert_false(list->items[0].quoted);
    assert_true(list->items[1].quoted);
    assert_int_equal(list->items[1].line, 5);
    const YamlNode *map = yaml_find(root, "c");
    assert_int_equal(yaml_find(map, "d")->n_items, 0);
    assert_string_equal(yaml_find(map, "e")->text, "");
    assert_null(yaml_find(map, "f"));
}

static void test_json_is_yaml(void **state)
{
    (void)state;
    const YamlNode *root = parse("{\"a\":{\"b\":[1,-2.5e-05,\"x\\\"y\"]},\"c\":true}");
    const YamlNode *list = yaml_find(yaml_find(root, "a"), "b");
    assert_string_equal(list->items[1].text, "-2.5e-05");
    assert_string_equal(list->items[2].text, "x\"y");
    assert_string_equal(yaml_find(root, "c")->text, "true");
}

static void test_nothing_is_an_empty_map(void **state)
{
    (void)state;
    const char *const texts[] = {"", "# only a comment\n", "---\n", "\xef\xbb\xbf", "--- {}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const YamlNode *root = parse(texts[i]);
        assert_int_equal(root->kind, YAML_MAP);
        assert_int_equal(root->n_items, 0);
    }
}

static void test_syntax_errors_name_the_line(void **state)
{
    (void)state;
    expect_text_error("a: 1\nb: [1, 2\nc: 3\n",
                      "exp.yaml:3: not valid YAML: did not find expected ',' or ']' while parsing "
                      "a flow sequence");
    expect_text_error("a: 1\n\tb: 2\n", "exp.yaml:2: found a tab, expected spaces as indentation");
    expect_text_error("a:\n  \tb: 2\n", "exp.yaml:2: found a tab, expected spaces as indentation");
    expect_text_error("a: b: c\n",
                      "exp.yaml:1: not valid YAML: mapping values are not allowed in this context");
}

static void test_what_yaml_offers_and_we_refuse(void **state)
{
    (void)state;
    expect_text_error("a: &x 1\n", "exp.yaml:1: found an anchor (&), which is not supported here");
    expect_text_error("a: &x [1]\n",
                      "exp.yaml:1: found an anchor (&), which is not supported here");
    expect_text_error("a: 1\nb: *x\n",
                      "exp.yaml:2: found an alias (*), which is not supported here");
    expect_text_error("a: !!int 1\n", "exp.yaml:1: found a tag (!), which is not supported here");
    expect_text_error("a: !x {}\n", "exp.yaml:1: found a tag (!), which is not supported here");
    expect_text_error("a: 1\n---\nb: 2\n",
                      "exp.yaml:2: found a second document (---), which is not supported here");
    expect_text_error(
        "? [a]\n: 1\n",
        "exp.yaml:1: found a list, map or alias as a key, which is not supported here");
    expect_text_error("\"\": 1\n", "exp.yaml:1: found an empty key, which is not supported here");
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    expect_text_error("a: 1\nb: 2\na: 3\n",
                      "exp.yaml:3: key \"a\" is given twice (first in line 1)");
    expect_text_error("t:\n  x: 1\n  x: 2\n",
                      "exp.yaml:3: key \"x\" is given twice (first in line 2)");
}

static void test_bytes_that_are_not_text(void **state)
{
    (void)state;
    static const char nul[] = "a: 1\nb: \0\n";
    expect_error(nul, sizeof nul - 1, "exp.yaml:2: found a NUL byte, expected text in UTF-8");
    expect_text_error("a: \"x\\0y\"\n",
                      "exp.yaml:1: found a NUL character in a text, which is not supported here");
    expect_text_error("a: 1\nb: \xff\xfe\n",
                      "exp.yaml:2: invalid leading UTF-8 octet, expected text in UTF-8");
    expect_text_error("\x7f"
                      "ELF\x02\x01",
                      "exp.yaml:1: control characters are not allowed, expected text in UTF-8");
}

static void test_depth_is_limited(void **state)
{
    (void)state;
    Str text = {0};
    for (int i = 0; i < YAML_MAX_DEPTH; i++) str_add(&text, "[");
    for (int i = 0; i < YAML_MAX_DEPTH; i++) str_add(&text, "]");
    parse(str_text(&text));
    str_clear(&text);
    for (int i = 0; i <= YAML_MAX_DEPTH; i++) str_add(&text, "[");
    for (int i = 0; i <= YAML_MAX_DEPTH; i++) str_add(&text, "]");
    expect_text_error(str_text(&text), "exp.yaml:1: nested deeper than 32 levels");
    str_clear(&text);
    for (int i = 0; i < 100000; i++) str_add(&text, "[");
    expect_text_error(str_text(&text), "exp.yaml:1: nested deeper than 32 levels");
    str_done(&text);
}

static void test_size_is_limited(void **state)
{
    (void)state;
    char *big = mem_alloc(YAML_MAX_BYTES + 1, 1);
    memset(big, ' ', YAML_MAX_BYTES + 1);
    expect_error(big, YAML_MAX_BYTES + 1, "exp.yaml: 16777217 bytes, expected at most 16777216");
    free(big);
    Str text = {0};
    str_add(&text, "[");
    for (int i = 0; i <= YAML_MAX_NODES; i++) str_add(&text, "1,");
    expect_text_error(str_text(&text), "exp.yaml:1: more than 262144 values");
    str_done(&text);
}

static void test_every_cut_of_a_file_is_handled(void **state)
{
    (void)state;
    const char *text = "name: \"x\\n\"\ntrain: {steps: 10, list: [a, 'b']}\nmore:\n  - |\n    t\n";
    for (size_t n = 0; n <= strlen(text); n++) {
        YamlNode *root;
        char *cut =
            mem_alloc(n, 1); /* exact size, so that the sanitizer sees a read past the end */
        memcpy(cut, text, n);
        bool ok = yaml_parse(&root, cut, n, "cut", arena, &err);
        free(cut);
        assert_true(ok || strncmp(err.text, "cut:", 4) == 0);
    }
}

static void test_missing_file(void **state)
{
    (void)state;
    YamlNode *root;
    assert_fails(yaml_parse_file(&root, "/nowhere/exp.yaml", arena, &err),
                 "/nowhere/exp.yaml: cannot open");
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_keeps_order_lines_and_quotes),
        TEST(test_json_is_yaml),
        TEST(test_nothing_is_an_empty_map),
        TEST(test_syntax_errors_name_the_line),
        TEST(test_what_yaml_offers_and_we_refuse),
        TEST(test_duplicate_keys),
        TEST(test_bytes_that_are_not_text),
        TEST(test_depth_is_limited),
        TEST(test_size_is_limited),
        TEST(test_every_cut_of_a_file_is_handled),
        TEST(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
