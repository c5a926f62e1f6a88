/* The schema walker on a small struct with every type: values, literal messages, JSON, the
 * reference. */
#include "test.h"

#include "schema.h"

typedef struct {
    char *name;
    bool fast;
    int64_t steps;
    double lr;
    int mode;
    TextList held_out;
    NumberList mean;
    const YamlNode *sweep;
    char *place;
} Thing;

static const char *const modes[] = {"live", "frozen", NULL};

#define ROW(k, t, field) .key = k, .type = t, .offset = offsetof(Thing, field)

static const SchemaRow rows[] = {
    {ROW("name", FIELD_TEXT, name), .flags = FIELD_REQUIRED, .help = "its name"},
    {ROW("train.steps", FIELD_INT, steps), .default_text = "5001", .low = 1, .high = 1e9,
     .help = "optimiser steps"},
    {ROW("train.fast", FIELD_BOOL, fast), .help = "hurry"},
    {ROW("method.lr", FIELD_FLOAT, lr), .default_text = "5e-5", .low = 0, .high = 1,
     .help = "learning rate"},
    {ROW("method.batch_norm", FIELD_CHOICE, mode), .choices = modes, .help = "what becomes of it"},
    {ROW("held_out", FIELD_TEXT_LIST, held_out), .help = "domains"},
    {ROW("net.mean", FIELD_NUMBER_LIST, mean), .default_text = "0.485,0.456", .low = 0,
     .high = INFINITY, .help = "per channel"},
    {ROW("sweep", FIELD_NODE, sweep), .help = "anything"},
    {ROW("place", FIELD_TEXT, place), .default_text = "here", .flags = FIELD_NOT_IDENTITY,
     .help = "where"},
};
static const Schema schema = {rows, sizeof rows / sizeof rows[0]};

static Arena *arena;
static Err err;
static Thing thing;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    err = (Err){0};
    memset(&thing, 0xff, sizeof thing);
    schema_defaults(&schema, &thing, arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool read_text(const char *text)
{
    YamlNode *root;
    assert_ok(yaml_parse(&root, text, strlen(text), "exp.yaml", arena, &err));
    return schema_read(&schema, &thing, root, "exp.yaml", arena, &err);
}

static void expect_read_error(const char *text, const char *message)
{
    assert_false(read_text(text));
    assert_string_equal(err.text, message);
    assert_int_equal(err.code, ERR_FORMAT);
}

static void expect_set_error(const char *assignment, const char *message)
{
    assert_false(schema_set(&schema, &thing, assignment, arena, &err));
    assert_string_equal(err.text, message);
    assert_int_equal(err.code, ERR_USAGE);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_string_equal(thing.name, "");
    assert_false(thing.fast);
    assert_int_equal(thing.steps, 5001);
    assert_true(thing.lr == 5e-5);
    assert_int_equal(thing.mode, 0);
    assert_int_equal(thing.held_out.n, 0);
    assert_int_equal(thing.mean.n, 2);
    assert_true(thing.mean.items[1] == 0.456);
    assert_null(thing.sweep);
}

static void test_read_every_type(void **state)
{
    (void)state;
    assert_ok(
        read_text("name: 7\ntrain: {steps: 10, fast: Yes}\nmethod.lr: 1e-3\nmethod:\n"
                  "  batch_norm: frozen\nheld_out: photo\nnet: {mean: [.5, 2]}\nsweep: {a: 1}\n"));
    assert_string_equal(thing.name, "7");
    assert_int_equal(thing.steps, 10);
    assert_true(thing.fast);
    assert_true(thing.lr == 1e-3);
    assert_int_equal(thing.mode, 1);
    assert_int_equal(thing.held_out.n, 1);
    assert_string_equal(thing.held_out.items[0], "photo");
    assert_true(thing.mean.items[0] == 0.5);
    assert_string_equal(yaml_find(thing.sweep, "a")->text, "1");
}

static void test_keys_not_given_keep_what_is_there(void **state)
{
    (void)state;
    assert_ok(read_text("train: {steps: 10}\n"));
    assert_ok(read_text("name: x\ntrain:\n"));
    assert_int_equal(thing.steps, 10);
    assert_string_equal(thing.name, "x");
}

static void test_unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    expect_read_error("name: x\ntrain:\n  setps: 5\n",
                      "exp.yaml:3: unknown key \"train.setps\" (did you mean \"train.steps\"?)");
    expect_read_error("nane: x\n", "exp.yaml:1: unknown key \"nane\" (did you mean \"name\"?)");
    expect_read_error("lr: 1\n", "exp.yaml:1: unknown key \"lr\" (did you mean \"method.lr\"?)");
    expect_read_error("trian:\n  steps: 1\n",
                      "exp.yaml:1: unknown key \"trian\" (did you mean \"train\"?)");
    expect_read_error("train: {lr: 1}\n",
                      "exp.yaml:1: unknown key \"train.lr\" (did you mean \"method.lr\"?)");
    expect_read_error("\nquite_other: 1\n", "exp.yaml:2: unknown key \"quite_other\"");
    expect_read_error("name: x\nname.a: 1\n", "exp.yaml:2: unknown key \"name.a\"");
}

static void test_wrong_types_and_ranges(void **state)
{
    (void)state;
    expect_read_error("train: {steps: abc}\n", "exp.yaml:1: train.steps: found \"abc\", expected a "
                                               "whole number from 1 to 1000000000");
    expect_read_error("train:\n  steps: 0\n", "exp.yaml:2: train.steps: found \"0\", expected a "
                                              "whole number from 1 to 1000000000");
    expect_read_error("train: {steps: 1.5}\n", "exp.yaml:1: train.steps: found \"1.5\", expected a "
                                               "whole number from 1 to 1000000000");
    expect_read_error("train: {steps: 99999999999999999999}\n",
                      "exp.yaml:1: train.steps: found \"99999999999999999999\", expected a whole "
                      "number from 1 to 1000000000");
    expect_read_error("train: {steps: \"5\"}\n", "exp.yaml:1: train.steps: found \"5\", expected a "
                                                 "whole number from 1 to 1000000000");
    expect_read_error("train: {steps: }\n", "exp.yaml:1: train.steps: found nothing, expected a "
                                            "whole number from 1 to 1000000000");
    expect_read_error("method: {lr: [1]}\n",
                      "exp.yaml:1: method.lr: found a list, expected a number from 0 to 1");
    expect_read_error("method: {lr: nan}\n",
                      "exp.yaml:1: method.lr: found \"nan\", expected a number from 0 to 1");
    expect_read_error("method: {lr: 1e999}\n",
                      "exp.yaml:1: method.lr: found \"1e999\", expected a number from 0 to 1");
    expect_read_error("train: {fast: 1}\n",
                      "exp.yaml:1: train.fast: found \"1\", expected true or false");
    expect_read_error("name: [a]\n", "exp.yaml:1: name: found a list, expected a text");
}

static void test_wrong_lists_choices_and_sections(void **state)
{
    (void)state;
    expect_read_error("held_out:\n  - a\n  - {b: 1}\n",
                      "exp.yaml:3: held_out: found a map, expected a list of texts");
    expect_read_error("held_out: {b: 1}\n",
                      "exp.yaml:1: held_out: found a map, expected a list of texts");
    expect_read_error("net: {mean: [1, -1]}\n", "exp.yaml:1: net.mean: found \"-1\", expected a "
                                                "list of numbers of at least 0");
    expect_read_error("method: {batch_norm: frozn}\n",
                      "exp.yaml:1: method.batch_norm: found \"frozn\", expected one of live, "
                      "frozen (did you mean \"frozen\"?)");
    expect_read_error("method: {batch_norm: 3}\n", "exp.yaml:1: method.batch_norm: found \"3\", "
                                                   "expected one of live, frozen");
    expect_read_error("train: 5\n", "exp.yaml:1: train: found \"5\", expected a map of keys");
    expect_read_error("- a\n", "exp.yaml:1: found a list, expected keys with values (key: value)");
    expect_read_error("train.steps: 1\ntrain: {steps: 2}\n",
                      "exp.yaml:2: key \"train.steps\" is given twice");
}

static void test_long_texts_are_cut_in_messages(void **state)
{
    (void)state;
    char text[400] = "train: {steps: ";
    memset(text + strlen(text), 'x', 300);
    strcpy(text + 315, "}");
    assert_false(read_text(text));
    assert_non_null(strstr(err.text, "xxx...\", expected a whole number from 1 to 1000000000"));
}

static void test_set_from_the_command_line(void **state)
{
    (void)state;
    assert_ok(schema_set(&schema, &thing, "train.steps=12", arena, &err));
    assert_int_equal(thing.steps, 12);
    assert_ok(schema_set(&schema, &thing, "held_out=[a, b]", arena, &err));
    assert_int_equal(thing.held_out.n, 2);
    assert_ok(schema_set(&schema, &thing, "name=a=b", arena, &err));
    assert_string_equal(thing.name, "a=b");
    assert_ok(schema_set(&schema, &thing, "name=", arena, &err));
    assert_string_equal(thing.name, "");
    assert_ok(schema_set(&schema, &thing, "train={steps: 3, fast: on}", arena, &err));
    assert_int_equal(thing.steps, 3);
}

static void test_set_errors(void **state)
{
    (void)state;
    expect_set_error("train.steps", "--set \"train.steps\": expected key=value");
    expect_set_error("=5", "--set \"=5\": expected key=value");
    expect_set_error("train.steps=x", "--set train.steps: found \"x\", expected a whole number "
                                      "from 1 to 1000000000");
    expect_set_error("trian.steps=1",
                     "--set: unknown key \"trian.steps\" (did you mean \"train.steps\"?)");
    expect_set_error("held_out=*.a",
                     "--set held_out: found \"*.a\", expected a value in YAML, which "
                     "quotes it: '\"...\"'");
    expect_set_error("held_out=[a", "--set held_out: found \"[a\", expected a value in YAML");
}

static void test_complete(void **state)
{
    (void)state;
    assert_false(schema_complete(&schema, &thing, "exp.yaml", &err));
    assert_string_equal(err.text, "exp.yaml: missing key \"name\" (its name)");
    assert_ok(read_text("name: x\n"));
    assert_ok(schema_complete(&schema, &thing, "exp.yaml", &err));
}

static void test_json_is_sorted_and_nested(void **state)
{
    (void)state;
    assert_ok(read_text("name: \"a\\nb\"\nheld_out: [x, y]\ntrain.fast: yes\n"));
    Str out = {0};
    schema_to_json(&schema, &thing, false, &out);
    assert_string_equal(str_text(&out),
                        "{\"held_out\":[\"x\",\"y\"],\"method\":{\"batch_norm\":\"live\","
                        "\"lr\":5e-05},\"name\":\"a\\u000ab\",\"net\":{\"mean\":[0.485,0.456]},"
                        "\"place\":\"here\",\"train\":{\"fast\":true,\"steps\":5001}}");
    str_clear(&out);
    schema_to_json(&schema, &thing, true, &out);
    assert_null(strstr(str_text(&out), "place"));
    assert_non_null(strstr(str_text(&out), "\"train\":{\"fast\":true}}")); /* steps: its default */
    str_done(&out);
}

/* By parts, as a JSON library that sorts keys: "a" before "a-b", though '-' comes before '.'. */
static void test_json_sorts_by_parts(void **state)
{
    (void)state;
    static const SchemaRow few[] = {
        {ROW("a-b", FIELD_INT, steps), .help = "one"},
        {ROW("a.c.e", FIELD_INT, steps), .help = "two"},
        {ROW("a.b", FIELD_INT, steps), .help = "three"},
    };
    Str out = {0};
    schema_to_json(&(Schema){few, 3}, &thing, false, &out);
    assert_string_equal(str_text(&out), "{\"a\":{\"b\":5001,\"c\":{\"e\":5001}},\"a-b\":5001}");
    str_done(&out);
}

static void test_an_empty_text_is_not_nothing(void **state)
{
    (void)state;
    assert_ok(read_text("held_out: \"\""));
    assert_int_equal(thing.held_out.n, 1);
    assert_ok(read_text("held_out:"));
    assert_int_equal(thing.held_out.n, 0);
}

static void test_json_reads_back_the_same(void **state)
{
    (void)state;
    assert_ok(read_text("name: \"caf\xc3\xa9 \\\"q\\\" \\u2028 \\u0085 \\x7f {}: #\"\n"
                        "method: {lr: 0.00044832883881609976}\nnet: {mean: []}\n"));
    Str before = {0}, after = {0};
    schema_to_json(&schema, &thing, false, &before);
    schema_defaults(&schema, &thing, arena);
    assert_ok(read_text(str_text(&before)));
    schema_to_json(&schema, &thing, false, &after);
    assert_string_equal(str_text(&before), str_text(&after));
    assert_true(thing.lr == 0.00044832883881609976);
    str_done(&before);
    str_done(&after);
}

static void expect_value_text(const char *key, const char *expected)
{
    Str out = {0};
    schema_value_text(schema_find(&schema, key), &thing, &out);
    assert_string_equal(str_text(&out), expected);
    str_done(&out);
}

static void test_values_as_text(void **state)
{
    (void)state;
    assert_ok(read_text("name: \"a: b\"\nheld_out: [photo, 'two words', \"\", -x]\n"));
    expect_value_text("name", "\"a: b\"");
    expect_value_text("held_out", "[photo, \"two words\", \"\", \"-x\"]");
    expect_value_text("method.lr", "5e-05");
    expect_value_text("method.batch_norm", "live");
    expect_value_text("train.fast", "false");
    expect_value_text("net.mean", "[0.485, 0.456]");
    assert_true(schema_number(schema_find(&schema, "train.steps"), &thing) == 5001);
    assert_null(schema_find(&schema, "train"));
}

static void test_reference_of_all_keys(void **state)
{
    (void)state;
    char text[2000] = "";
    FILE *f = tmpfile();
    schema_print(&schema, f);
    rewind(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_true(n > 0);
    assert_non_null(strstr(text, "name                       a text; required\n    its name\n"));
    assert_non_null(strstr(text, "train.steps                a whole number from 1 to 1000000000; "
                                 "default 5001\n    optimiser steps\n"));
    assert_non_null(strstr(text, "method.batch_norm          one of live, frozen; default live\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_read_every_type),
        TEST(test_keys_not_given_keep_what_is_there),
        TEST(test_unknown_keys_name_the_nearest),
        TEST(test_wrong_types_and_ranges),
        TEST(test_wrong_lists_choices_and_sections),
        TEST(test_long_texts_are_cut_in_messages),
        TEST(test_set_from_the_command_line),
        TEST(test_set_errors),
        TEST(test_complete),
        TEST(test_json_is_sorted_and_nested),
        TEST(test_json_sorts_by_parts),
        TEST(test_an_empty_text_is_not_nothing),
        TEST(test_json_reads_back_the_same),
        TEST(test_values_as_text),
        TEST(test_reference_of_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
