/* Merging: what comes along, what stays, what is reported; and that neither a kill nor a bad file
 * harms anything. */
#include "database.h"
#include "file.h"
#include "fixture.h"
#include "log.h"
#include "mem.h"
#include "merge.h"
#include "results_files.h"
#include "store_internal.h"
#include "str.h"
#include "test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_KILLS = 24, N_MANY = 450 };

static const char *path;      /* of the target */
static char source_path[128]; /* and of the file that is merged into it */
static char report[4096];     /* of the last merge */
static MergeCounts counts;

/* Nobody waits half a minute for a lock here (linked with --wrap). */
int __real_sqlite3_busy_timeout(sqlite3 *db, int ms);
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int ms);
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int ms)
{
    return __real_sqlite3_busy_timeout(db, ms < 50 ? ms : 50);
}

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_WARN);
    path = fixture_path();
    snprintf(source_path, sizeof source_path, "%s.other", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove();
    return 0;
}

/* ---- files to merge ---- */

typedef struct {
    const char *key;
    RunStatus status;
    int64_t steps; /* checkpoints 1..steps */
    int percent;   /* accuracy everywhere */
} TestRun;

static void add_checkpoint(StoreRun *run, int64_t step, int percent)
{
    Err err;
    const StoreOutcome outcomes[] = {{0, 1, 0.5F}, {2, 0, 0.75F}};
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        StoreEval in = fixture_eval(step, "raw", domain, "in", percent);
        StoreEval out = fixture_eval(step, "raw", domain, "out", percent);
        store_eval(run, &in, outcomes, domain == 0 ? 2 : 0);
        store_eval(run, &out, NULL, 0);
    }
    store_train_log(run, step, "loss", 1.0 / (double)step);
    assert_ok(store_checkpoint_commit(run, step, &err));
}

static void add_run(Store *store, int64_t dataset, const char *experiment, TestRun test)
{
    Err err;
    StoreRun *run;
    StoreRunInfo info = fixture_run_info(test.key, dataset);
    info.experiment = experiment;
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int64_t step = 1; step <= test.steps; step++) add_checkpoint(run, step, test.percent);
    if (test.status != RUN_RUNNING)
        assert_ok(store_run_finish(run, test.status, NULL, &(StoreCost){.train_seconds = 3}, &err));
    store_run_free(run);
}

/* A file with these runs; the last one has no key. */
static void make_file(const char *file, const char *experiment, const TestRun *runs)
{
    Err err;
    Store *store;
    assert_ok(store_open(&store, file, &err));
    int64_t dataset = fixture_add_dataset(store);
    for (; runs->key != NULL; runs++) add_run(store, dataset, experiment, *runs);
    store_close(store);
}

static void sql_in(const char *file, const char *sql)
{
    Err err;
    Db *db;
    assert_ok(db_open(&db, file, DB_WRITE, &err));
    assert_ok(db_script(db, sql, &err));
    db_close(db);
}

/* Rows in the tables that nothing in this program fills yet, or that need more than a run. */
static const char SCORERS_SQL[] =
    "INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES"
    " ('clip', 'vit', 'w1', 'A {}.', 'resize');"
    "INSERT INTO scorer (name, model, weights, template, preprocessing, run_id) VALUES"
    " ('tuned', 'vit', 'w2', 'A {}.', 'resize', (SELECT max(id) FROM run));"
    "INSERT INTO class_prompt SELECT scorer.id, class.id, 'A ' || class.name || '.' FROM scorer, "
    "class;"
    "INSERT INTO alignment SELECT scorer.id, image.id, image.position / 100.0, class_id, NULL"
    " FROM scorer, image;"
    "UPDATE image SET concept = 'c' || position, sha256 = randomblob(32);"
    "INSERT INTO ip_oop_rule (name, scorer, kind, low, split, high, source)"
    " VALUES ('mine', '*', 'threshold', 0, 0.1, 0.2, 'here');";

static void make_full_file(const char *file)
{
    make_file(file, "full",
              (TestRun[]){{"full-1", RUN_DONE, 2, 70}, {"full-2", RUN_DONE, 1, 60}, {0}});
    sql_in(file, SCORERS_SQL);
}

static bool merge_now(const char *source, Err *err)
{
    Store *store;
    FILE *out = fmemopen(report, sizeof report, "w");
    if (!store_open(&store, path, err)) {
        (void)fclose(out);
        return false;
    }
    bool ok = merge_source(store, source, out, &counts, err);
    (void)fclose(out);
    store_close(store);
    return ok;
}

static void merge_file(const char *source)
{
    Err err;
    memset(report, 0, sizeof report);
    assert_ok(merge_now(source, &err));
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
    assert_string_equal(fixture_value("SELECT count(*) FROM pragma_foreign_key_check"), "0");
}

/* ---- looking inside ---- */

/* All values of one column as text, sorted; free it. */
static char *column_values(sqlite3 *db, const char *table, const char *column)
{
    sqlite3_stmt *statement;
    Str sql = {0};
    str_addf(
        &sql,
        "SELECT group_concat(v, char(10)) FROM (SELECT quote(\"%s\") AS v FROM \"%s\" ORDER BY 1)",
        column, table);
    assert_int_equal(sqlite3_prepare_v2(db, str_text(&sql), -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *values = mem_strdup(text != NULL ? text : "");
    sqlite3_finalize(statement);
    str_done(&sql);
    return values;
}

/* Every table has rows, and every column of both files holds the same values; with ids when
 * with_ids. Tables and columns that are added to the schema later are looked at, too. */
static void assert_same_content(const char *one, const char *other, bool with_ids)
{
    sqlite3 *a, *b;
    sqlite3_stmt *columns;
    int n_columns = 0;
    assert_int_equal(sqlite3_open_v2(one, &a, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(other, &b, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    static const char sql[] =
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        " AND (?1 OR (c.name <> 'id' AND c.name NOT LIKE '%\\_id' ESCAPE '\\'))";
    assert_int_equal(sqlite3_prepare_v2(a, sql, -1, &columns, NULL), SQLITE_OK);
    sqlite3_bind_int(columns, 1, with_ids);
    while (sqlite3_step(columns) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(columns, 0);
        const char *column = (const char *)sqlite3_column_text(columns, 1);
        char *here = column_values(a, table, column), *there = column_values(b, table, column);
        if (here[0] == '\0') fail_msg("%s.%s: no rows to compare", table, column);
        if (strcmp(here, there) != 0) fail_msg("%s.%s differs", table, column);
        free(here);
        free(there);
        n_columns++;
    }
    assert_true(n_columns > 60);
    sqlite3_finalize(columns);
    sqlite3_close(a);
    sqlite3_close(b);
}

static uint64_t bytes_digest(const char *file)
{
    Err err;
    char *bytes;
    size_t n;
    uint64_t hash = 1469598103934665603U;
    assert_ok(file_read(&bytes, &n, file, 100U << 20, &err));
    for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211U;
    free(bytes);
    return hash;
}

/* ---- what comes along ---- */

static void test_every_table_and_column_comes_along(void **state)
{
    (void)state;
    make_full_file(source_path);
    uint64_t before = bytes_digest(source_path);
    merge_file(source_path);
    assert_int_equal(counts.added, 2);
    assert_string_equal(report, "");
    assert_same_content(source_path, path, true); /* an empty target: even the ids are the same */
    assert_true(bytes_digest(source_path) == before);
}

static void test_ids_are_translated(void **state)
{
    (void)state;
    Err err;
    Store *store;
    int64_t id;
    static const char *const domains[] = {"sketch", "art"}, *const classes[] = {"dog", "cat",
                                                                                "eel"};
    static const StoreImage images[] = {{0, 0, "x", NULL, NULL}, {1, 2, "y", NULL, NULL}};
    const StoreDataset other = {"tiny", "fedcba9876543210", domains, 2, classes, NULL, 3, images,
                                2};
    make_full_file(source_path);
    assert_ok(store_open(&store, path, &err));
    assert_ok(store_dataset(store, &id, &other, &err));
    StoreRunInfo info = fixture_run_info("mine", id);
    const int held_out[] = {0};
    StoreRun *run;
    info.held_out = held_out;
    info.environment.cpu = "another";
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    store_run_free(run);
    store_close(store);
    merge_file(source_path);
    assert_string_equal(
        report + strlen(source_path),
        ": dataset \"tiny\" has another content than the one of this name here, and is called "
        "\"tiny@01234567\"\n");
    static const char *const checks[] = {
        "SELECT group_concat(domain || split || accuracy || role) FROM (SELECT * FROM eval_info"
        " ORDER BY run_id, step, domain, split)",
        "SELECT group_concat(path || class || predicted || confidence || domain) FROM (SELECT * "
        "FROM"
        " outcome_info ORDER BY run_id, step, path)",
        "SELECT group_concat(scorer.name || path || score || class.name) FROM alignment JOIN "
        "scorer ON"
        " scorer.id = scorer_id JOIN image ON image.id = image_id JOIN class ON class.id ="
        " zero_shot_class_id",
        "SELECT group_concat(scorer.name || class.name || prompt) FROM class_prompt JOIN scorer ON"
        " scorer.id = scorer_id JOIN class ON class.id = class_id",
        "SELECT group_concat(key || name) FROM run JOIN scorer ON run_id = run.id",
        "SELECT cpu FROM run JOIN environment ON environment.id = environment_id WHERE key = "
        "'full-1'",
        "SELECT group_concat(position || path) FROM (SELECT image.* FROM image JOIN dataset ON"
        " dataset.id = dataset_id AND fingerprint LIKE '0123%' ORDER BY image.id)"};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        char here[4096];
        snprintf(here, sizeof here, "%s", fixture_value(checks[i]));
        assert_string_not_equal(here, "NULL");
        assert_string_equal(here, fixture_value_in(source_path, checks[i]));
    }
    assert_string_equal(fixture_value("SELECT group_concat(name) FROM dataset"),
                        "tiny,tiny@01234567");
    assert_ok(store_open(&store, path, &err)); /* and the store goes on with what it finds */
    fixture_add_dataset(store);
    store_close(store);
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "2");
}

static void test_merged_twice_changes_nothing(void **state)
{
    (void)state;
    make_full_file(source_path);
    merge_file(source_path);
    merge_file(source_path);
    assert_int_equal(counts.added, 0);
    assert_int_equal(counts.same, 2);
    assert_string_equal(report, "");
    assert_same_content(source_path, path, true);
}

/* ---- what stays and what is replaced ---- */

static void test_the_run_that_got_further_wins(void **state)
{
    (void)state;
    make_file(path, "here",
              (TestRun[]){{"a", RUN_INTERRUPTED, 1, 50},
                          {"b", RUN_DONE, 3, 50},
                          {"c", RUN_RUNNING, 1, 50},
                          {"d", RUN_FAILED, 2, 50},
                          {"e", RUN_RUNNING, 2, 50},
                          {"f", RUN_RUNNING, 1, 50},
                          {0}});
    make_file(source_path, "there",
              (TestRun[]){{"a", RUN_DONE, 3, 60},
                          {"b", RUN_RUNNING, 1, 60},
                          {"c", RUN_RUNNING, 2, 60},
                          {"d", RUN_INTERRUPTED, 1, 60},
                          {"e", RUN_RUNNING, 2, 60},
                          {"f", RUN_DIVERGED, 1, 60},
                          {"g", RUN_RUNNING, 1, 60},
                          {0}});
    merge_file(source_path);
    assert_int_equal(counts.added, 1);
    assert_int_equal(counts.completed, 3);
    assert_int_equal(counts.kept, 2);
    assert_int_equal(counts.same, 1);
    assert_int_equal(counts.conflicts, 0);
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(key || ' ' || status || ' ' || last_step || ' ' || accuracy, ', ')"
            " FROM (SELECT key, run.status, last_step, min(accuracy) AS accuracy FROM run JOIN "
            "eval_info ON"
            " run_id = run.id GROUP BY run.id ORDER BY key)"),
        "a done 3 0.6, b done 3 0.5, c running 2 0.6, d failed 2 0.5, e running 2 0.5, f diverged "
        "1 0.6, "
        "g running 1 0.6");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(experiment || key, ' ') FROM (SELECT experiment, key FROM"
            " run_experiment JOIN run ON run.id = run_id ORDER BY 1, 2)"),
        "herea hereb herec hered heree heref therea thereb therec thered theree theref thereg");
    assert_string_equal(fixture_value("SELECT count(*) FROM checkpoint"), "14");
}

static void test_other_numbers_are_a_conflict(void **state)
{
    (void)state;
    make_file(path, "x",
              (TestRun[]){{"a", RUN_DONE, 1, 50},
                          {"b", RUN_DONE, 1, 50},
                          {"c", RUN_DONE, 1, 50},
                          {"d", RUN_DONE, 2, 50},
                          {0}});
    make_file(source_path, "x",
              (TestRun[]){{"a", RUN_DONE, 1, 51},
                          {"b", RUN_DIVERGED, 1, 50},
                          {"c", RUN_DONE, 1, 50},
                          {"d", RUN_DONE, 1, 50},
                          {"e", RUN_DONE, 1, 50},
                          {0}});
    sql_in(source_path,
           "UPDATE eval SET nll = 1.5 WHERE split = 'out' AND domain_id = 2 AND checkpoint_id ="
           " (SELECT c.id FROM checkpoint AS c JOIN run ON run.id = run_id WHERE key = 'c')");
    merge_file(source_path);
    assert_int_equal(counts.conflicts, 4);
    assert_int_equal(counts.added, 1);
    assert_int_equal(counts.same, 0);
    static const char *const want[] = {
        ("conflict: run a (erm, held out sketch, trial 0): 6 evaluations are other: in of art, "
         "step "
         "1, weights"
         " \"raw\": accuracy 0.51000000000000001 there, 0.5 here\n"),
        ("conflict: run b (erm, held out sketch, trial 0): diverged there, done here\n"),
        ("conflict: run c (erm, held out sketch, trial 0): 1 evaluation is other: out of photo, "
         "step 1, weights"
         " \"raw\": nll 1.5 there, 1.0 here\n"),
        ("conflict: run d (erm, held out sketch, trial 0): 6 evaluations are other: 6 there, 12 "
         "here\n")};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (strstr(report, want[i]) == NULL) fail_msg("no \"%s\" in:\n%s", want[i], report);
    }
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(accuracy || nll || status) FROM (SELECT DISTINCT accuracy,"
            " nll, status FROM eval_info JOIN run ON run.id = run_id)"),
        "0.51.0done");
}

static void test_rules_and_scorers_that_differ_are_reported(void **state)
{
    (void)state;
    make_full_file(source_path);
    merge_file(source_path);
    sql_in(source_path, "UPDATE experiment SET selection = 'oracle', protocol = 'swad';"
                        "UPDATE ip_oop_rule SET split = 0.15 WHERE name = 'mine';"
                        "UPDATE scorer SET weights = 'w3' WHERE name = 'tuned';"
                        "UPDATE alignment SET score = 0.9 WHERE scorer_id = 1 AND image_id = 1;"
                        "UPDATE alignment SET similarity = 0.4 WHERE image_id = 2;");
    sql_in(path, "DELETE FROM alignment WHERE image_id = 3");
    merge_file(source_path);
    assert_int_equal(counts.conflicts, 3);
    static const char *const want[] = {
        "experiment \"full\" is read by other rules there (oracle, in, population) than here "
        "(training-domain, in,"
        " population), which stay",
        "experiment \"full\" follows protocol \"swad\" there and \"\" here",
        "conflict: ip_oop_rule \"mine\" cuts otherwise",
        "conflict: scorer \"tuned\" is another one there (vit, weights w3, ",
        "conflict: scorer \"clip\": 1 image score is another one there than here"};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (strstr(report, want[i]) == NULL) fail_msg("no \"%s\" in:\n%s", want[i], report);
    }
    assert_string_equal(fixture_value("SELECT selection || protocol FROM experiment"),
                        "training-domain");
    assert_string_equal(
        fixture_value(
            "SELECT group_concat(score || coalesce(similarity, '-'), ' ') FROM alignment WHERE"
            " scorer_id = 1 AND image_id < 4"),
        "0.0- 0.010.4 0.02-"); /* here, completed from there, only there */
}

static void test_names_are_never_sql(void **state)
{
    (void)state;
    Err err;
    char hostile[160];
    snprintf(hostile, sizeof hostile, "%s'; DROP TABLE run; --%%41?mode=rwc#x", path);
    make_full_file(source_path);
    sql_in(
        source_path,
        "UPDATE dataset SET name = '''; DROP TABLE run; --'; UPDATE experiment SET name = '%s%n';"
        " UPDATE run SET method = 'a'' OR 1', key = key || '''';");
    assert_int_equal(rename(source_path, hostile), 0);
    assert_ok(merge_check(hostile, &err));
    merge_file(hostile);
    assert_same_content(hostile, path, true);
}

/* ---- interrupted ---- */

/* How often SQLite's machine has gone on for 50 steps, and when the process dies of it. */
typedef struct {
    int n, last;
} Countdown;

static int count_and_die(void *data)
{
    Countdown *countdown = data;
    return ++countdown->n == countdown->last ? raise(SIGKILL) : 0;
}

static void merge_in_child(int last, int channel)
{
    Err err;
    Store *store;
    Countdown countdown = {0, last};
    if (!store_open(&store, path, &err)) _exit(1);
    sqlite3_progress_handler(db_handle(store->db), 50, count_and_die, &countdown);
    FILE *nowhere = fopen("/dev/null", "w");
    bool ok = merge_source(store, source_path, nowhere, &counts, &err);
    ok = ok && write(channel, &countdown.n, sizeof countdown.n) > 0;
    _exit(ok ? 0 : 1);
}

/* Whether a merge died at this count; when it did not, *total is the count that it got to. */
static bool killed_in_merge(int last, int *total)
{
    (void)fflush(NULL);
    int channel[2], status;
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) merge_in_child(last, channel[1]);
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(read(channel[0], total, sizeof *total) == (ssize_t)sizeof *total);
    }
    close(channel[0]);
    close(channel[1]);
    return WIFSIGNALED(status);
}

/* Several batches. */
static void make_many(void)
{
    Err err;
    Store *store;
    char key[32];
    make_full_file(source_path);
    assert_ok(store_open(&store, source_path, &err));
    assert_ok(db_script(store->db, "PRAGMA synchronous = OFF", &err));
    for (int i = 0; i < N_MANY; i++) {
        snprintf(key, sizeof key, "many-%d", i);
        add_run(store, 1, i % 2 ? "odd" : "even", (TestRun){key, RUN_DONE, 1, 40 + i % 7});
    }
    store_close(store);
}

static void test_a_kill_at_any_moment_loses_nothing(void **state)
{
    (void)state;
    int total = 0, n_killed = 0, n_between = 0;
    make_many();
    assert_false(killed_in_merge(0, &total)); /* never */
    assert_same_content(source_path, path, true);
    assert_true(total > N_KILLS);
    for (int i = 0; i < N_KILLS; i++) {
        char name[160];
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        for (int s = 0; s < 3; s++) {
            snprintf(name, sizeof name, "%s%s", path, suffixes[s]);
            unlink(name);
        }
        int ignored;
        n_killed += killed_in_merge(1 + (int)((int64_t)total * i / N_KILLS), &ignored);
        assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
        int n_runs = atoi(fixture_value("SELECT count(*) FROM run"));
        n_between += n_runs > 0 && n_runs < N_MANY + 2;
        assert_true(n_runs == N_MANY + 2 || n_runs % 200 == 0); /* whole batches */
        merge_file(source_path);
        assert_int_equal(counts.same, n_runs);
        assert_int_equal(counts.added, N_MANY + 2 - n_runs);
        assert_same_content(source_path, path, true);
    }
    assert_int_equal(n_killed, N_KILLS);
    assert_true(n_between >= 4);
}

/* ---- files of other kinds ---- */

static void make_version_1(const char *file)
{
    sql_in(file, schema_files[0].text);
    sql_in(file,
           "PRAGMA application_id = 1684496945; PRAGMA user_version = 1;"
           "INSERT INTO dataset VALUES (5, 'old', 'f00d', 1); INSERT INTO domain VALUES (7, 5, 0, "
           "'art');"
           "INSERT INTO class VALUES (3, 5, 0, 'cat', 'cat'); INSERT INTO image VALUES (9, 5, 0, "
           "7, 3, 'p', NULL, NULL);"
           "INSERT INTO environment VALUES (1, '0', 'c', 'c', 'b', 'c', 1);"
           "INSERT INTO run (id, key, dataset_id, method, held_out, n_held_out, split_rule, trial, "
           "hparams_seed, seed,"
           " variant, status, steps, started, updated, threads, environment_id, protocol, spec) "
           "VALUES (4, 'old-run', 5,"
           " 'erm', 'art', 1, 'image', 0, 0, 0, 'raw', 'done', 1, 'now', 'now', 1, 1, '', '{}');"
           "INSERT INTO run_experiment VALUES ('old', 4); INSERT INTO run_domain VALUES (4, 7, "
           "'held_out');"
           "INSERT INTO checkpoint VALUES (8, 4, 1, 'raw', NULL, NULL);"
           "INSERT INTO eval VALUES (8, 7, 'in', 1, 1, 1.0, 0.5, 0.0, NULL, NULL);");
}

static void test_an_older_source_is_brought_up_to_date_on_a_copy(void **state)
{
    (void)state;
    make_version_1(source_path);
    uint64_t before = bytes_digest(source_path);
    merge_file(source_path);
    assert_int_equal(counts.added, 1);
    assert_true(bytes_digest(source_path) == before);
    assert_string_equal(fixture_value("SELECT name || selection FROM experiment"),
                        "oldtraining-domain");
    assert_string_equal(fixture_value("SELECT domain || accuracy FROM eval_info"), "art1.0");
    char **names, folder[128];
    int n;
    Err err;
    Arena *arena = arena_new();
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_ok(file_list(&names, &n, folder, arena, &err));
    for (int i = 0; i < n; i++) assert_null(strstr(names[i], "older"));
    arena_free(arena);
}

static void cut_file(const char *file, off_t size)
{
    assert_int_equal(truncate(file, size), 0);
}

static void overwrite(const char *file, long at, int n)
{
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    (void)fseek(f, at, SEEK_SET);
    for (int i = 0; i < n; i++) fputc(0xa5, f);
    (void)fclose(f);
}

/* One line, and the target holds what it held. */
static void assert_refused(const char *source, const char *why)
{
    Err err;
    assert_fails(merge_check(source, &err), why);
    assert_non_null(strstr(err.text, source));
    if (strcmp(why, "damaged") != 0) { /* only a check reads all of it before anything is copied */
        assert_false(merge_now(source, &err));
        assert_non_null(strstr(err.text, why));
    }
    assert_string_equal(fixture_value("SELECT group_concat(key) FROM run"), "mine");
    assert_string_equal(fixture_value("SELECT count(*) FROM dataset"), "1");
    assert_string_equal(fixture_value("PRAGMA integrity_check"), "ok");
}

static void test_files_that_cannot_be_merged_change_nothing(void **state)
{
    (void)state;
    make_file(path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50}, {0}});
    assert_refused(source_path, "no such file");
    assert_int_equal(mkdir(source_path, 0777), 0);
    assert_refused(source_path, "a folder, expected a results file");
    rmdir(source_path);
    sql_in(source_path, "");
    assert_refused(source_path, "empty, expected a results file");
    sql_in(source_path, "CREATE TABLE x (y)");
    assert_refused(source_path, "a database of another program");
    unlink(source_path);
    make_many();
    int64_t size = file_size(source_path);
    overwrite(source_path, size / 2 / 4096 * 4096, 8192);
    assert_refused(source_path, "damaged");
    cut_file(source_path, size / 3);
    assert_refused(source_path, "damaged");
    cut_file(source_path, 1000);
    assert_refused(source_path, "damaged");
    overwrite(source_path, 0, 1000);
    assert_refused(source_path, "not a database");
    unlink(source_path);
    make_full_file(source_path);
    sql_in(source_path, "PRAGMA user_version = 99");
    assert_refused(source_path, "version 99 of the results schema, this dgbench knows up to 2");
}

static void test_a_dataset_with_another_content_is_refused(void **state)
{
    (void)state;
    Err err;
    make_file(path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50}, {0}});
    make_full_file(source_path);
    sql_in(source_path, "UPDATE domain SET name = 'cartoon' WHERE name = 'photo'");
    assert_false(merge_now(source_path, &err));
    assert_non_null(strstr(err.text, "dataset \"tiny\" has other domains, classes or images"));
    assert_string_equal(fixture_value("SELECT group_concat(key) FROM run"), "mine");
    assert_string_equal(fixture_value("SELECT group_concat(name) FROM domain"), "art,photo,sketch");
}

static void test_locked_files_are_reported(void **state)
{
    (void)state;
    Err err;
    Db *other;
    make_file(path, "x", (TestRun[]){{"mine", RUN_DONE, 1, 50}, {0}});
    make_full_file(source_path);
    assert_ok(db_open(&other, source_path, DB_WRITE, &err));
    assert_ok(db_script(other, "PRAGMA locking_mode = EXCLUSIVE; UPDATE run SET seed = 1", &err));
    assert_refused(source_path, "locked by another program");
    db_close(other);
    assert_ok(db_open(&other, path, DB_WRITE, &err));
    assert_ok(db_begin(other, &err));
    assert_false(merge_now(source_path, &err));
    assert_non_null(strstr(err.text, "locked by another program"));
    db_rollback(other);
    db_close(other);
    merge_file(source_path);
    assert_int_equal(counts.added, 2);
}

/* Somebody else's file, on a folder of theirs. */
static void test_a_source_that_cannot_be_written_is_read(void **state)
{
    (void)state;
    if (geteuid() != 0) skip(); /* has to become somebody who is not the owner */
    char folder[160], file[200];
    Err err;
    snprintf(folder, sizeof folder, "%s.theirs", path);
    snprintf(file, sizeof file, "%s/a.db", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(chmod(folder, 0755), 0);
    folder[strlen(folder)] = '/';
    make_full_file(file);
    uint64_t before = bytes_digest(file);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(setuid(65534) == 0 && merge_check(file, &err) ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(bytes_digest(file) == before);
    unlink(file);
    assert_int_equal(rmdir(folder), 0); /* nothing was left beside it */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_every_table_and_column_comes_along),
                                       TEST(test_ids_are_translated),
                                       TEST(test_merged_twice_changes_nothing),
                                       TEST(test_the_run_that_got_further_wins),
                                       TEST(test_other_numbers_are_a_conflict),
                                       TEST(test_rules_and_scorers_that_differ_are_reported),
                                       TEST(test_names_are_never_sql),
                                       TEST(test_a_kill_at_any_moment_loses_nothing),
                                       TEST(test_an_older_source_is_brought_up_to_date_on_a_copy),
                                       TEST(test_files_that_cannot_be_merged_change_nothing),
                                       TEST(test_a_dataset_with_another_content_is_refused),
                                       TEST(test_locked_files_are_reported),
                                       TEST(test_a_source_that_cannot_be_written_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
