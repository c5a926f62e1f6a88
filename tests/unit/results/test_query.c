/* Queries: formats, parameters, and that nothing can be written through them. */
#include "query.h"

#include "store_case.h"
#include "test.h"

#include <sqlite3.h>

static char output[20000];

static int setup(void **state)
{
    (void)store_setup(state);
    for (int i = 0; i < 2; i++) {
        FixtureRun run = {.held_out = i,
                          .checkpoints =
                              CHECKPOINTS({.step = 1, .out = {50, 60, 70}, .in = {20, 30, 40}})};
        fixture_add_run(store, dataset, &run);
    }
    store_case_read();
    return 0;
}

/* The text that a call writes to `out`. */
#define CAPTURE(call)                                                                              \
    do {                                                                                           \
        memset(output, 0, sizeof output);                                                          \
        FILE *out = fmemopen(output, sizeof output - 1, "w");                                      \
        bool ok_ = (call);                                                                         \
        (void)fclose(out);                                                                         \
        if (!ok_) fail_msg("%s", err.text);                                                        \
    } while (0)

static const char *query_text(const char *sql, Format format)
{
    Err err;
    CAPTURE(query_run(reader, out, sql, (QueryParameters){0}, format, &err));
    return output;
}

static const char VALUES_SQL[] =
    "SELECT 'a, \"b\"|' AS name, 1 AS n, 0.1 AS x, NULL AS empty, x'00ff' AS bytes"
    " UNION ALL SELECT 'naïve', 22, 2.5, NULL, x'01'";

static void test_text_is_aligned(void **state)
{
    (void)state;
    assert_string_equal(query_text(VALUES_SQL, FORMAT_TEXT), "name      n    x  empty  bytes\n"
                                                             "-------  --  ---  -----  -----\n"
                                                             "a, \"b\"|   1  0.1  -      00ff\n"
                                                             "naïve    22  2.5  -      01\n");
}

static void test_csv_is_quoted_where_needed(void **state)
{
    (void)state;
    assert_string_equal(query_text(VALUES_SQL, FORMAT_CSV),
                        "name,n,x,empty,bytes\n\"a, \"\"b\"\"|\",1,0.1,,00ff\nnaïve,22,2.5,,01\n");
}

static void test_json_keeps_types(void **state)
{
    (void)state;
    assert_string_equal(
        query_text(VALUES_SQL, FORMAT_JSON),
        "[\n{\"name\": \"a, \\\"b\\\"|\", \"n\": 1, \"x\": 0.1, \"empty\": null, \"bytes\": "
        "\"00ff\"},\n"
        "{\"name\": \"naïve\", \"n\": 22, \"x\": 2.5, \"empty\": null, \"bytes\": \"01\"}\n]\n");
    assert_string_equal(query_text("SELECT 1 AS a WHERE 0", FORMAT_JSON), "[]\n");
    assert_string_equal(
        query_text("SELECT CAST(x'61ff0a' AS TEXT) AS a, 1.0 / 3 AS b", FORMAT_JSON),
        "[\n{\"a\": \"a\\ufffd\\u000a\", \"b\": 0.33333333333333331}\n]\n");
}

static void test_markdown_escapes_bars(void **state)
{
    (void)state;
    assert_string_equal(query_text("SELECT 'a|b' AS x, 3 AS n", FORMAT_MD),
                        "| x | n |\n| --- | ---: |\n| a\\|b | 3 |\n");
}

static void test_parameters_are_bound_not_pasted(void **state)
{
    (void)state;
    Err err;
    QueryParameter hostile = {"m", "erm' OR '1'='1"}, number = {"m", "12"}, text = {"m", "erm"};
    static const char sql[] =
        "SELECT count(*) AS n, :m AS m, typeof(:m) AS t FROM run WHERE method = :m";
    CAPTURE(query_run(reader, out, sql, (QueryParameters){&hostile, 1}, FORMAT_CSV, &err));
    assert_string_equal(output, "n,m,t\n0,erm' OR '1'='1,text\n");
    CAPTURE(query_run(reader, out, sql, (QueryParameters){&text, 1}, FORMAT_CSV, &err));
    assert_string_equal(output, "n,m,t\n2,erm,text\n");
    CAPTURE(query_run(reader, out, sql, (QueryParameters){&number, 1}, FORMAT_CSV, &err));
    assert_string_equal(output, "n,m,t\n0,12,integer\n");
    assert_fails(query_run(reader, stderr, sql, (QueryParameters){0}, FORMAT_CSV, &err),
                 "no value for :m");
    assert_fails(
        query_run(reader, stderr, "SELECT 1", (QueryParameters){&text, 1}, FORMAT_CSV, &err),
        "but no :m in it");
    assert_fails(query_run(reader, stderr, "SELECT ?", (QueryParameters){0}, FORMAT_CSV, &err),
                 "expected one with a name");
}

static void test_parameter_text_is_name_and_value(void **state)
{
    (void)state;
    Err err;
    QueryParameter parameter;
    char good[] = "dataset=a=b", colon[] = ":x=", bad[] = "dataset";
    assert_ok(query_parameter_parse(&parameter, good, &err));
    assert_string_equal(parameter.name, "dataset");
    assert_string_equal(parameter.value, "a=b");
    assert_ok(query_parameter_parse(&parameter, colon, &err));
    assert_string_equal(parameter.name, "x");
    assert_fails(query_parameter_parse(&parameter, bad, &err), "expected name=value");
}

static void test_everything_but_reading_is_refused(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "INSERT INTO dataset (name, fingerprint, n_images) VALUES ('x', 'y', 0)",
        "UPDATE run SET status = 'done'",
        "UPDATE sqlite_master SET sql = ''",
        "UPDATE sqlite_schema SET sql = ''",
        "DELETE FROM run",
        "DROP TABLE run",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "ALTER TABLE run ADD COLUMN x",
        "ATTACH '/tmp/dgbench-attached.db' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '/tmp/dgbench-vacuumed.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "PRAGMA writable_schema = ON",
        "PRAGMA query_only = OFF",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT load_extension('/tmp/x.so')",
        "WITH x AS (SELECT 1) DELETE FROM run",
        "EXPLAIN DELETE FROM run",
        "REPLACE INTO run_experiment VALUES ('x', 1)",
        "INSERT INTO run_experiment VALUES ('x', 1) RETURNING run_id",
        "WITH x AS (SELECT 1) INSERT INTO run_experiment SELECT 'x', 1",
        "WITH x AS (SELECT 1) UPDATE run SET seed = 7",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "CREATE TRIGGER x AFTER INSERT ON run BEGIN DELETE FROM run; END",
        "CREATE INDEX x ON run (seed)",
        "PRAGMA schema_version = 7",
        "PRAGMA application_id = 7",
        "PRAGMA main.user_version(7)",
        "PRAGMA optimize",
        "PRAGMA incremental_vacuum",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA trusted_schema = ON",
        "SELECT writefile('/tmp/dgbench-written', 'x')",
        "SELECT edit('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('simple', x'00')",
        "SELECT * FROM pragma_journal_mode('delete')",
        "COMMIT",
        "ROLLBACK",
    };
    Err err;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (query_run(reader, stderr, statements[i], (QueryParameters){0}, FORMAT_TEXT, &err))
            fail_msg("allowed: %s", statements[i]);
        if (err.code != ERR_USAGE) fail_msg("%s: %s", statements[i], err.text);
    }
    assert_string_equal(
        fixture_value("SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM dataset)"), "21");
    assert_string_equal(fixture_value("PRAGMA user_version"), "4");
}

static void test_reading_of_any_kind_is_allowed(void **state)
{
    (void)state;
    assert_string_equal(query_text("PRAGMA user_version", FORMAT_CSV), "user_version\n4\n");
    assert_string_equal(
        query_text("SELECT count(*) AS n FROM pragma_table_info('hparam')", FORMAT_CSV), "n\n3\n");
    assert_string_equal(query_text("SELECT value FROM json_each('[7]')", FORMAT_CSV), "value\n7\n");
    assert_string_equal(
        query_text("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3)"
                   " SELECT sum(i) AS s FROM c; -- and a comment",
                   FORMAT_CSV),
        "s\n6\n");
}

static void test_wrong_queries_get_one_line(void **state)
{
    (void)state;
    Err err;
    assert_fails(query_run(reader, stderr, "SELEC 1", (QueryParameters){0}, FORMAT_TEXT, &err),
                 "query: near \"SELEC\"");
    assert_fails(
        query_run(reader, stderr, "SELECT x FROM run", (QueryParameters){0}, FORMAT_TEXT, &err),
        "no such column: x");
    assert_fails(
        query_run(reader, stderr, "SELECT 1; SELECT 2", (QueryParameters){0}, FORMAT_TEXT, &err),
        "more than one statement");
    assert_fails(query_run(reader, stderr, " -- nothing", (QueryParameters){0}, FORMAT_TEXT, &err),
                 "nothing there");
    assert_fails(query_run(reader, stderr, "SELECT 1", (QueryParameters){0}, FORMAT_LATEX, &err),
                 "format latex");
    Format format;
    assert_fails(format_parse(&format, "xml", &err),
                 "format \"xml\", expected text, csv, json, md or latex");
}

static void test_named_queries_all_run(void **state)
{
    (void)state;
    Err err;
    char *list = NULL;
    size_t n;
    FILE *names = open_memstream(&list, &n);
    query_list(names);
    (void)fclose(names);
    int n_queries = 0;
    for (char *line = strtok(list, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (line[0] == ' ') continue;
        line[strcspn(line, " ")] = '\0';
        CAPTURE(query_named(reader, out, line, (QueryParameters){0}, FORMAT_CSV, &err));
        n_queries++;
    }
    free(list);
    assert_true(n_queries >= 8);
}

static void test_named_query_with_parameters(void **state)
{
    (void)state;
    Err err;
    QueryParameter rule = {"rule", "oracle"}, unknown = {"colour", "red"};
    CAPTURE(query_named(reader, out, "status", (QueryParameters){0}, FORMAT_CSV, &err));
    assert_string_equal(
        output,
        "experiment,dataset,runs,done,running,interrupted,failed,diverged\nfirst,tiny,2,2,,,,\n");
    CAPTURE(query_named(reader, out, "accuracy", (QueryParameters){&rule, 1}, FORMAT_CSV, &err));
    assert_non_null(strstr(output, "first,tiny,erm,photo,photo,0,raw,0.3,0.6,0.36,0.6,2,1,0,1\n"));
    assert_fails(
        query_named(reader, stderr, "status", (QueryParameters){&unknown, 1}, FORMAT_CSV, &err),
        "status: no parameter \"colour\", expected one of: experiment");
    assert_fails(query_named(reader, stderr, "statsu", (QueryParameters){0}, FORMAT_CSV, &err),
                 "did you mean \"status\"?");
    QueryParameter rules[] = {{"rule", "orcale"}, {"rule", "last"}, {"rule", "training"}};
    assert_fails(
        query_named(reader, stderr, "accuracy", (QueryParameters){&rules[0], 1}, FORMAT_CSV, &err),
        "accuracy: rule is \"orcale\", expected one of "
        "training-domain|leave-one-domain-out|oracle|last");
    CAPTURE(
        query_named(reader, out, "accuracy", (QueryParameters){&rules[1], 1}, FORMAT_CSV, &err));
    assert_fails(
        query_named(reader, stderr, "accuracy", (QueryParameters){&rules[2], 1}, FORMAT_CSV, &err),
        "expected one");
    assert_true(query_is_named("runs"));
    assert_false(query_is_named("run"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
    const struct CMUnitTest tests[] = {TEST(test_text_is_aligned),
                                       TEST(test_csv_is_quoted_where_needed),
                                       TEST(test_json_keeps_types),
                                       TEST(test_markdown_escapes_bars),
                                       TEST(test_parameters_are_bound_not_pasted),
                                       TEST(test_parameter_text_is_name_and_value),
                                       TEST(test_everything_but_reading_is_refused),
                                       TEST(test_reading_of_any_kind_is_allowed),
                                       TEST(test_wrong_queries_get_one_line),
                                       TEST(test_named_queries_all_run),
                                       TEST(test_named_query_with_parameters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
