/* See fixture.h. */
#include "fixture.h"

#include "test.h"

#include <dirent.h>
#include <sqlite3.h>
#include <unistd.h>

static char folder[64], path[96];

const char *fixture_path(void)
{
    snprintf(folder, sizeof folder, "/tmp/dgbench-results-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/results.db", folder);
    return path;
}

const char *fixture_file(void)
{
    return path;
}

void fixture_check_derived(const char *file)
{
    static const char *const TABLES[] = {"run_candidate", "left_out"};
    for (int i = 0; i < 2; i++) {
        for (int turn = 0; turn < 2; turn++) {
            char sql[160];
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM (SELECT * FROM %s%s EXCEPT SELECT * FROM %s%s)",
                     TABLES[i], turn ? "" : "_source", TABLES[i], turn ? "_source" : "");
            const char *differ = fixture_value_in(file, sql);
            if (strcmp(differ, "0") != 0) fail_msg("%s: %s in \"%s\"", file, differ, sql);
        }
    }
}

/* Tests may leave what is damaged, no database, or of another version. */
static bool is_sound(const char *file)
{
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    static const char sql[] = "SELECT user_version, quick_check FROM pragma_user_version, "
                              "pragma_quick_check(1)";
    bool sound = sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
                 sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW &&
                 sqlite3_column_int(statement, 0) == STORE_VERSION &&
                 strcmp((const char *)sqlite3_column_text(statement, 1), "ok") == 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return sound;
}

void fixture_remove(void)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    if (is_sound(path)) fixture_check_derived(path);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[sizeof folder + sizeof entry->d_name + 1];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    closedir(dir);
    rmdir(folder);
}

StoreDataset fixture_dataset(void)
{
    static const char *const domains[] = {"art", "photo", "sketch"};
    static const char *const classes[] = {"cat", "dog"};
    static char paths[FIXTURE_IMAGES][32];
    static StoreImage images[FIXTURE_IMAGES];
    for (int i = 0; i < FIXTURE_IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s/%d.png", domains[i / 4], classes[i % 2],
                 i % 4 / 2);
        images[i] = (StoreImage){.domain = i / 4, .class_index = i % 2, .path = paths[i]};
    }
    return (StoreDataset){.name = "tiny",
                          .fingerprint = "0123456789abcdef",
                          .domains = domains,
                          .n_domains = FIXTURE_DOMAINS,
                          .classes = classes,
                          .n_classes = 2,
                          .images = images,
                          .n_images = FIXTURE_IMAGES};
}

StoreRunInfo fixture_run_info(const char *key, int64_t dataset)
{
    static const int held_out[] = {2};
    static const StoreHparam hparams[] = {{"lr", "5e-5"}, {"batch", "32"}, {"optimizer", "adam"}};
    return (StoreRunInfo){.key = key,
                          .experiment = "first",
                          .method = "erm",
                          .variant = "raw",
                          .split_rule = "image",
                          .protocol = "",
                          .spec_json = "{}",
                          .dataset = dataset,
                          .held_out = held_out,
                          .n_held_out = 1,
                          .steps = 100,
                          .threads = 1,
                          .hparams = hparams,
                          .n_hparams = 3,
                          .environment = {"0.1", "abc", "gcc", "blas", "cpu", 2}};
}

StoreEval fixture_eval(int64_t step, const char *variant, int domain, const char *split,
                       int percent)
{
    return (StoreEval){.step = step,
                       .variant = variant,
                       .domain = domain,
                       .split = split,
                       .n = strcmp(split, "in") == 0 ? 400 : 100, /* 80 % and 20 % */
                       .correct = strcmp(split, "in") == 0 ? 4 * percent : percent,
                       .nll = 1.0,
                       .ece = 0.1,
                       .macro_accuracy = NAN,
                       .worst_class_accuracy = NAN};
}

int64_t fixture_add_dataset(Store *store)
{
    Err err;
    int64_t id;
    StoreDataset dataset = fixture_dataset();
    assert_ok(store_dataset(store, &id, &dataset, &err));
    return id;
}

static void add_checkpoint(StoreRun *run, const FixtureCheckpoint *checkpoint)
{
    Err err;
    const char *variant = checkpoint->variant != NULL ? checkpoint->variant : "raw";
    for (int d = 0; d < FIXTURE_DOMAINS; d++) {
        StoreEval in = fixture_eval(checkpoint->step, variant, d, "in", checkpoint->in[d]);
        StoreEval out = fixture_eval(checkpoint->step, variant, d, "out", checkpoint->out[d]);
        store_eval(run, &in, NULL, 0);
        store_eval(run, &out, NULL, 0);
    }
    assert_ok(store_checkpoint_commit(run, checkpoint->step, &err));
}

int64_t fixture_add_run(Store *store, int64_t dataset, const FixtureRun *fixture)
{
    static int counter;
    Err err;
    StoreRun *run;
    char key[32];
    snprintf(key, sizeof key, "key-%d", counter++);
    const int held_out[] = {fixture->held_out, fixture->also_held_out};
    StoreRunInfo info = fixture_run_info(key, dataset);
    info.held_out = held_out;
    info.n_held_out = fixture->also_held_out > 0 ? 2 : 1;
    if (fixture->method != NULL) info.method = fixture->method;
    if (fixture->experiment != NULL) info.experiment = fixture->experiment;
    if (fixture->variant != NULL) info.variant = fixture->variant;
    if (fixture->split_rule != NULL) info.split_rule = fixture->split_rule;
    info.trial = fixture->trial;
    info.hparams_seed = fixture->hparams_seed;
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (const FixtureCheckpoint *c = fixture->checkpoints; c->step >= 0; c++)
        add_checkpoint(run, c);
    StoreCost cost = {
        .train_flops = 1e9, .train_seconds = 2, .eval_seconds = 1, .peak_bytes = 1 << 20};
    RunStatus status = fixture->status == RUN_ABSENT ? RUN_DONE : fixture->status;
    if (status != RUN_RUNNING) assert_ok(store_run_finish(run, status, NULL, &cost, &err));
    int64_t id = store_run_id(run);
    store_run_free(run);
    return id;
}

const char *fixture_value(const char *sql)
{
    return fixture_value_in(path, sql);
}

const char *fixture_value_in(const char *file, const char *sql)
{
    static char text[4096];
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const unsigned char *value =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    snprintf(text, sizeof text, "%s", value != NULL ? (const char *)value : "NULL");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}
