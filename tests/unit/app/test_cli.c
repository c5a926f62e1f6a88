/* Command lines: what is taken, what is refused with which words. */
#include "test.h"

#include "cli.h"
#include "str.h"

static const CliOption options[] = {
    {"jobs", 'j', "N", "worker processes", 0},
    {"held-out", 0, "NAMES", "domains", CLI_REPEATS},
    {"dry-run", 'n', NULL, "only list", 0},
    {0},
};
static const Command command = {.name = "sweep",
                                .operands = "SPEC.yaml",
                                .min_operands = 1,
                                .max_operands = 1,
                                .help = "train all",
                                .example = "dgbench sweep a.yaml",
                                .options = options};

static bool parse(Args **out, Err *err, int argc, const char *const *argv)
{
    char *copy[8];
    for (int i = 0; i < argc; i++) copy[i] = (char *)(uintptr_t)argv[i];
    return args_parse(out, &command, argc, copy, err);
}

static void test_options_stand_before_and_after_operands(void **state)
{
    (void)state;
    Err err;
    Args *args = NULL;
    const char *argv[] = {"--jobs=3",   "-n",         "a.yaml",
                          "--held-out", "line,glyph", "--held-out=flat"};
    assert_ok(parse(&args, &err, 6, argv));
    int64_t jobs = 1;
    assert_ok(args_int(args, &jobs, "jobs", 1, 9, &err));
    assert_int_equal(jobs, 3);
    assert_true(args_has(args, "dry-run"));
    assert_false(args_has(args, "quiet"));
    assert_string_equal(args_operand(args, 0), "a.yaml");
    assert_null(args_operand(args, 1));
    Arena *arena = arena_new();
    int n = 0;
    const char **names = args_names(args, &n, "held-out", arena);
    assert_int_equal(n, 3);
    assert_string_equal(names[1], "glyph");
    assert_string_equal(names[2], "flat");
    arena_free(arena);
    args_free(args);
}

static void test_double_dash_ends_the_options(void **state)
{
    (void)state;
    Err err;
    Args *args = NULL;
    const char *argv[] = {"-j2", "--", "--jobs"};
    assert_ok(parse(&args, &err, 3, argv));
    assert_string_equal(args_operand(args, 0), "--jobs");
    assert_string_equal(args_text(args, "jobs"), "2");
    args_free(args);
}

static void test_wrong_lines_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *argv[3];
        int argc;
        const char *part;
    } cases[] = {
        {{"a.yaml", "--jbs", "2"}, 3, "unknown option \"--jbs\" (did you mean \"--jobs\"?)"},
        {{"a.yaml", "-z"}, 2, "unknown option \"-z\""},
        {{"a.yaml", "--jobs"}, 2, "--jobs needs a value: --jobs N"},
        {{"a.yaml", "--dry-run=1"}, 2, "--dry-run takes no value"},
        {{"--dry-run"}, 1, "an operand is missing: dgbench sweep SPEC.yaml"},
        {{"a.yaml", "b.yaml"}, 2, "\"b.yaml\" is one operand too many"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Err err;
        Args *args = NULL;
        assert_fails(parse(&args, &err, cases[i].argc, cases[i].argv), cases[i].part);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void test_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    Err err;
    Args *args = NULL;
    const char *argv[] = {"a.yaml", "--jobs", "0"};
    assert_ok(parse(&args, &err, 3, argv));
    int64_t jobs = 7;
    assert_fails(args_int(args, &jobs, "jobs", 1, 9, &err),
                 "--jobs: found \"0\", expected a whole number from 1 to 9");
    assert_int_equal(jobs, 7);
    args_free(args);
}

static char *printed(void (*print)(FILE *, const Command *const *))
{
    static const Command hidden = {.name = "secret", .hidden = true};
    const Command *commands[] = {&command, &hidden, NULL};
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    print(out, commands);
    fclose(out);
    return text;
}

static void test_help_man_and_completion_come_from_the_table(void **state)
{
    (void)state;
    void (*const prints[])(FILE *, const Command *const *) = {cli_print_overview, cli_print_man,
                                                              cli_print_bash_completion};
    for (int i = 0; i < 3; i++) {
        char *text = printed(prints[i]);
        bool named = strstr(text, "sweep") != NULL;
        bool shows_hidden = strstr(text, "secret") != NULL;
        bool has_option = strstr(text, "dry") != NULL;
        free(text);
        assert_true(named);
        assert_false(shows_hidden);
        assert_int_equal(has_option, i > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_before_and_after_operands),
        cmocka_unit_test(test_double_dash_ends_the_options),
        cmocka_unit_test(test_wrong_lines_are_refused_with_the_reason),
        cmocka_unit_test(test_numbers_out_of_range_are_refused),
        cmocka_unit_test(test_help_man_and_completion_come_from_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
