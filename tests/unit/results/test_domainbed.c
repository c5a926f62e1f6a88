/* The pieces below the import of DomainBed sweeps: lines, numpy's sums, the three selection rules.
 */
#include "domainbed_line.h"
#include "domainbed_record.h"
#include "domainbed_select.h"
#include "numpy_sum.h"
#include "test.h"

/* ---- lines ------------------------------------------------------------------------------------
 */

static bool parse(DomainbedRecord *out, const char *line, Err *err)
{
    static Arena *arena;
    arena_free(arena);
    arena = arena_new();
    DomainbedParser parser = {.arena = arena};
    return domainbed_record_parse(&parser, out, line, strlen(line), err);
}

static void test_lines_that_are_refused(void **state)
{
    (void)state;
    Err err;
    DomainbedRecord r;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"", "no JSON"},
        {"{\"args\": {\"a", "no JSON"},
        {"3", "no JSON"},
        {"[]", "no object"},
        {"{}", "no \"args\""},
        {"{\"args\": 1, \"hparams\": {}}", "no \"args\""},
        {"{\"args\": {}}", "no \"hparams\""},
        {"{\"args\": {}, \"hparams\": {}}", "algorithm"},
        {"{\"args\": {\"algorithm\": \"E\", \"dataset\": \"D\", \"trial_seed\": 0, "
         "\"hparams_seed\": 0.5}, \"hparams\": {}}",
         "hparams_seed"},
        {"{\"args\": {\"algorithm\": \"E\", \"dataset\": \"D\", \"trial_seed\": 0, "
         "\"hparams_seed\": 0, \"seed\": 0}, \"hparams\": {}}",
         "test_envs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_fails(parse(&r, cases[i].line, &err), cases[i].message);
    assert_fails(parse(&r, record("0, 0", 0, ""), &err), "twice");
    assert_fails(parse(&r, record("3", 0, ""), &err), "expected 0 to 2");
    assert_fails(parse(&r, record("1", -1, ""), &err), "step");
    assert_fails(parse(&r, record("1", 0, "\"env7_in_acc\": 0.5,"), &err), "env7_in_acc");
    assert_fails(parse(&r, record("1", 0, "\"env00_in_acc\": 0.5,"), &err), "two accuracies");
    assert_fails(parse(&r, record("1", 0, "\"env0_uda_acc\": 1.5,"), &err), "[0,1]");
    assert_fails(parse(&r, record("1", 0, "\"env0_uda_acc\": NaN,"), &err), "[0,1]");
}

static void test_words_that_are_no_json(void **state)
{
    (void)state;
    Str out = {0};
    const char *line = "{\"a\": NaN, \"b \\\" NaN\": [-Infinity, Infinity], \"c\": \"NaN\"}";
    assert_true(json_line_may_be_illegal(line, strlen(line)));
    json_line_add_legal(&out, line, strlen(line));
    assert_string_equal(str_text(&out),
                        "{\"a\": null, \"b \\\" NaN\": [null, null], \"c\": \"NaN\"}");
    str_done(&out);
    assert_false(json_line_may_be_illegal("{\"Nano\": 1}", 11));
}

static void test_object_in_a_line(void **state)
{
    (void)state;
    const char *line =
        "{\"x\": {\"args\": {}}, \"s\": \"args\", \"args\": {\"b\": \"}\", \"c\": [{}]}}";
    JsonPiece piece = json_line_object(line, strlen(line), "args");
    assert_int_equal(piece.n, strlen("{\"b\": \"}\", \"c\": [{}]}"));
    assert_memory_equal(piece.text, "{\"b\": \"}\", \"c\": [{}]}", piece.n);
    assert_null(json_line_object(line, strlen(line), "hparams").text);
    for (size_t n = 0; n < strlen(line) - 1; n++)
        assert_null(json_line_object(line, n, "args").text);
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

static void test_sums_are_numpys(void **state)
{
    (void)state;
    double values[300];
    for (int i = 0; i < 300; i++) values[i] = 1.0 / (i + 1);
    /* numpy 1.24: np.sum(1 / np.arange(1, n + 1)).hex() */
    assert_true(numpy_sum(values, 7) == 0x1.4be2be2be2be2p+1);
    assert_true(numpy_sum(values, 9) == 0x1.6a1ba1ba1ba1bp+1);
    assert_true(numpy_sum(values, 300) == 0x1.92172a3e6965ap+2);
    double three[] = {0.1, 0.2, 0.3};
    assert_close(numpy_std(three, 3), 0.0816496580927726, 1e-15, 0);
}

/* ---- selection: environments 0, 1, 2; the held-out one is 0 ------------------------------------
 */

static SelectRecord single(int64_t step, double source, double in, double out)
{
    return (SelectRecord){
        .step = step, .n_test_envs = 1, .in = {in}, .out = {out}, .source = source};
}

static SelectRecord pair(int64_t step, int other, double in)
{
    return (SelectRecord){
        .step = step, .n_test_envs = 2, .test_env = {0, other}, .in = {0.5, in}, .out = {0, 0}};
}

static void expect(int rule, const SelectRecord *records, int n, double value, double accuracy)
{
    Selected s = domainbed_select(rule, records, n, 0, 3);
    assert_true(s.found);
    assert_true(s.value == value);
    assert_true(s.accuracy == accuracy);
}

static void test_first_best_step_by_training_domains(void **state)
{
    (void)state;
    SelectRecord r[] = {single(0, 0.5, 0.1, 0), single(300, 0.7, 0.2, 0), single(600, 0.7, 0.3, 0),
                        pair(600, 1, 0.9)};
    expect(SELECT_TRAINING, r, 4, 0.7, 0.2);
}

static void test_oracle_takes_the_last_step(void **state)
{
    (void)state;
    SelectRecord r[] = {single(600, 0, 0.1, 0.9), single(900, 0, 0.2, 0.4), single(300, 0, 0.3, 1),
                        single(900, 0, 0.4, 0.3)};
    expect(SELECT_ORACLE, r, 3, 0.4, 0.2);
    expect(SELECT_ORACLE, r, 4, 0.3, 0.4); /* twice: the later record */
}

static void test_leave_one_out_needs_every_pair(void **state)
{
    (void)state;
    SelectRecord r[] = {single(0, 0, 0.1, 0),   single(300, 0, 0.2, 0), pair(0, 1, 0.5),
                        pair(0, 2, 0.25),       pair(300, 1, 1),        pair(300, 2, 1),
                        single(300, 0, 0.3, 0), pair(0, 2, 0.75)};
    assert_false(domainbed_select(SELECT_LEAVE_ONE_OUT, r, 3, 0, 3).found);
    expect(SELECT_LEAVE_ONE_OUT, r, 6, 1.0, 0.2);
    expect(SELECT_LEAVE_ONE_OUT, r, 7, 0.375, 0.1); /* step 300 has two single records */
    expect(SELECT_LEAVE_ONE_OUT, r, 8, 0.625, 0.1); /* of a doubled pair the later counts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_that_are_refused),
                                       cmocka_unit_test(test_words_that_are_no_json),
                                       cmocka_unit_test(test_object_in_a_line),
                                       cmocka_unit_test(test_sums_are_numpys),
                                       cmocka_unit_test(test_first_best_step_by_training_domains),
                                       cmocka_unit_test(test_oracle_takes_the_last_step),
                                       cmocka_unit_test(test_leave_one_out_needs_every_pair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
