/* A whole pretraining: the same bits after an interruption, the files it leaves, what it refuses.
 */
#include "pretrain_case.h"

#include "pretrain_output.h"
#include "pretrainer.h"

#include "file.h"

typedef struct {
    PretrainCase base;
    volatile sig_atomic_t stop;
    int64_t stop_after; /* updates; 0: never */
    int n_updates, n_evaluations;
    double first_loss, last_loss;
} Case;

static int setup(void **state)
{
    Case *c = test_calloc(1, sizeof *c);
    pretrain_case_init(&c->base);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    Case *c = *state;
    pretrain_case_done(&c->base);
    test_free(c);
    return 0;
}

static void on_progress(void *context, const PretrainProgress *p)
{
    Case *c = context;
    if (c->n_updates++ == 0) c->first_loss = p->loss;
    c->last_loss = p->loss;
    assert_int_equal(p->steps, c->base.spec.train.steps);
    c->stop = c->stop_after > 0 && p->step >= c->stop_after;
}

static void on_evaluated(void *context, int64_t step, bool is_last, const ZeroShotResult *results,
                         int n)
{
    (void)step;
    (void)is_last;
    Case *c = context;
    c->n_evaluations++;
    for (int i = 0; i < n; i++)
        assert_true(results[i].correct >= 0 && results[i].correct <= results[i].n);
}

static bool run(Case *c, const char *output, bool restart, Err *err)
{
    PretrainHooks hooks = {&c->stop, on_progress, on_evaluated, c, "test"};
    PretrainOutcome outcome = PRETRAIN_MADE;
    c->base.spec.output = arena_strdup(c->base.arena, fixture_path(&c->base.folder, output));
    c->stop = 0;
    c->n_updates = c->n_evaluations = 0;
    bool ok = pretrain_run(&outcome, &c->base.spec, restart, &hooks, err);
    if (ok) assert_int_equal(outcome == PRETRAIN_WAS_MADE, c->n_updates == 0);
    return ok;
}

/* The text of a file, in the case's arena. */
static char *content(const Case *c, const char *name)
{
    Err err = {0};
    char *text = NULL;
    assert_ok(file_read(&text, NULL, fixture_path(&c->base.folder, name), 1 << 24, &err));
    char *copy = arena_strdup(c->base.arena, text);
    free(text);
    return copy;
}

static void assert_same_file(const Case *c, const char *a, const char *b)
{
    Err err = {0};
    char *x, *y;
    size_t n, m;
    assert_ok(file_read(&x, &n, fixture_path(&c->base.folder, a), 1 << 24, &err));
    assert_ok(file_read(&y, &m, fixture_path(&c->base.folder, b), 1 << 24, &err));
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

/* log.csv without the column of seconds. */
static const char *timeless_log(const Case *c, const char *name)
{
    char *text = content(c, name), *rest;
    const char *out = "";
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *comma = line;
        for (int i = 0; i < 5; i++) comma = strchr(comma, ',') + 1;
        out = arena_printf(c->base.arena, "%s%.*s%s\n", out, (int)(comma - line), line,
                           comma + strcspn(comma, ","));
    }
    return out;
}

static void assert_same_log(const Case *c, const char *a, const char *b)
{
    assert_string_equal(timeless_log(c, a), timeless_log(c, b));
}

static void test_resumed_equals_never_stopped(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "evaluate.datasets=[shapes]");
    assert_ok(run(c, "straight", false, &err));
    assert_int_equal(c->n_updates, 12);
    assert_int_equal(c->n_evaluations, 4); /* after 5, 10, 12 and of the file that was written */
    static const int64_t stops[] = {1, 4, 5, 11};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        c->stop_after = stops[i];
        assert_fails(run(c, "stopped", true, &err), "interrupted after step ");
        assert_int_equal(err.code, ERR_INTERRUPTED);
        assert_false(file_exists(fixture_path(&c->base.folder, "stopped/model.safetensors")));
        c->stop_after = 0;
        assert_ok(run(c, "stopped", false, &err));
        assert_int_equal(c->n_updates, 12 - stops[i]);
        assert_same_file(c, "straight/model.safetensors", "stopped/model.safetensors");
        assert_same_log(c, "straight/log.csv", "stopped/log.csv");
        assert_int_equal(remove(fixture_path(&c->base.folder, "stopped/model.safetensors")), 0);
    }
}

/* A process that is killed leaves its last checkpoint, and a log that is ahead of it. */
static void test_killed_goes_on_from_its_checkpoint(void **state)
{
    Case *c = *state;
    Err err = {0};
    assert_ok(run(c, "straight", false, &err));
    c->stop_after = 5;
    assert_fails(run(c, "killed", false, &err), "interrupted after step 5");
    char *log = content(c, "killed/log.csv");
    Str longer = {0};
    str_addf(&longer, "%s6,9,9,9,9,9\n7,9", log);
    fixture_write_text(&c->base.folder, "killed/log.csv", str_text(&longer));
    str_done(&longer);
    c->stop_after = 0;
    assert_ok(run(c, "killed", false, &err));
    assert_same_file(c, "straight/model.safetensors", "killed/model.safetensors");
    assert_same_log(c, "straight/log.csv", "killed/log.csv");
}

static void test_folder_is_a_model_directory(void **state)
{
    Case *c = *state;
    Err err = {0};
    ModelDir *dir;
    Clip *clip;
    pretrain_case_set(&c->base, "model.mean=[0.1, 0.2, 0.3]");
    pretrain_case_set(&c->base, "train.weights=bf16");
    assert_ok(run(c, "out", false, &err));
    assert_ok(model_dir_open(&dir, fixture_path(&c->base.folder, "out"), &err));
    assert_close(model_dir_preprocessing(dir)->mean[2], 0.3, 1e-12, 0);
    assert_int_equal(model_dir_preprocessing(dir)->resize, RESIZE_SQUASH);
    assert_ok(clip_open(&clip, dir, &err));
    assert_int_equal(clip_config(clip)->embed_dim, 8);
    clip_free(clip);
    model_dir_close(dir);
    assert_false(file_exists(fixture_path(&c->base.folder, "out/checkpoint.safetensors")));
    char *report = content(c, "out/pretraining.json");
    assert_non_null(strstr(report, "\"pairs\": 12,"));
}

/* What the written spec says makes the same pretraining again. */
static void test_written_spec_reads_back(void **state)
{
    Case *c = *state;
    Err err = {0};
    PretrainSpec again;
    Str first = {0}, second = {0};
    pretrain_case_set(&c->base, "captions.templates=[\"{}\", \"a: {}, \\\"b\\\" #\"]");
    pretrain_case_set(&c->base, "train.lr=0.00123");
    assert_ok(run(c, "out", false, &err));
    assert_ok(pretrain_spec_read(&again, fixture_path(&c->base.folder, "out/pretraining.yaml"),
                                 NULL, 0, c->base.arena, &err));
    schema_to_json(pretrain_schema(), &c->base.spec, true, &first);
    schema_to_json(pretrain_schema(), &again, true, &second);
    assert_string_equal(str_text(&first), str_text(&second));
    str_done(&first);
    str_done(&second);
}

static void test_made_model_is_not_made_again(void **state)
{
    Case *c = *state;
    Err err = {0};
    assert_ok(run(c, "out", false, &err));
    assert_ok(run(c, "out", false, &err));
    assert_int_equal(c->n_updates, 0);
    pretrain_case_set(&c->base, "evaluate.datasets=[]"); /* says nothing about the model */
    pretrain_case_set(&c->base, "train.log_freq=1");
    assert_ok(run(c, "out", false, &err));
    assert_int_equal(c->n_updates, 0);
    pretrain_case_set(&c->base, "seed=1");
    assert_fails(run(c, "out", false, &err), "holds the model of another spec or other pairs");
    assert_ok(run(c, "out", true, &err));
    assert_int_equal(c->n_updates, 12);
}

static void test_checkpoint_of_another_spec_is_refused(void **state)
{
    Case *c = *state;
    Err err = {0};
    c->stop_after = 3;
    assert_fails(run(c, "out", false, &err), "interrupted");
    pretrain_case_set(&c->base, "train.steps=13");
    assert_fails(run(c, "out", false, &err), "belongs to run ");
    assert_non_null(strstr(err.text, "--restart"));
}

static void test_training_learns_and_seeds_differ(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "train={steps: 150, lr: 0.01, batch_size: 6}");
    pretrain_case_set(&c->base, "augment={crop: 0, jitter: 0, grey: 0}");
    assert_ok(run(c, "a", false, &err));
    assert_true(c->last_loss < 0.6 * c->first_loss);
    pretrain_case_set(&c->base, "seed=1");
    double last = c->last_loss;
    assert_ok(run(c, "b", false, &err));
    assert_true(c->last_loss < 0.6 * c->first_loss && c->last_loss != last);
}

/* The value of a column in the log's line of a step. */
static double logged(const Case *c, const char *name, int64_t step, int column)
{
    char start[32];
    snprintf(start, sizeof start, "\n%lld,", (long long)step);
    const char *at = strstr(content(c, name), start);
    assert_non_null(at);
    for (int i = 0; i < column; i++) at = strchr(at, ',') + 1;
    return strtod(at, NULL);
}

enum { COLUMN_LOSS = 1, COLUMN_SHARED, COLUMN_LR, COLUMN_SCALE };

/* 2 updates of warm-up, then half a cosine over the other 10 (Goyal et al. 2017; Loshchilov and
 * Hutter 2017, eq. 5). */
static void test_learning_rate_warms_up_and_falls(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "train={log_freq: 1, lr: 0.004, lr_final: 0.25}");
    assert_ok(run(c, "out", false, &err));
    assert_close(logged(c, "out/log.csv", 1, COLUMN_LR), 0.002, 1e-5, 0);
    assert_close(logged(c, "out/log.csv", 2, COLUMN_LR), 0.004, 1e-5, 0);
    assert_close(logged(c, "out/log.csv", 3, COLUMN_LR), 0.004, 1e-5, 0);
    assert_close(logged(c, "out/log.csv", 8, COLUMN_LR), 0.0025, 1e-5, 0);
    double last = 0.004 * (0.25 + 0.75 * (1 + cos(0.9 * acos(-1))) / 2);
    assert_close(logged(c, "out/log.csv", 12, COLUMN_LR), last, 1e-5, 0);
}

static void test_log_has_means_since_the_last_line(void **state)
{
    Case *c = *state;
    Err err = {0};
    assert_ok(run(c, "out", false, &err));
    pretrain_case_set(&c->base, "train.log_freq=1");
    assert_ok(run(c, "each", false, &err));
    static const int64_t lines[] = {3, 5, 6, 9, 10, 12}; /* log_freq 3, checkpoint_freq 5 */
    int64_t last = 0;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (int column = COLUMN_LOSS; column <= COLUMN_SHARED; column++) {
            double sum = 0;
            for (int64_t s = last + 1; s <= lines[i]; s++)
                sum += logged(c, "each/log.csv", s, column);
            double mean = sum / (double)(lines[i] - last);
            assert_close(logged(c, "out/log.csv", lines[i], column), mean, 0, 1e-4);
        }
        last = lines[i];
    }
}

/* Steps of about 1 in the logarithm run against its limits. */
static void test_scale_stays_between_1_and_100(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "train={log_freq: 1, lr: 1, steps: 30, weight_decay: 0}");
    assert_ok(run(c, "out", false, &err));
    int n_at_limit = 0;
    for (int64_t step = 1; step <= 30; step++) {
        double scale = logged(c, "out/log.csv", step, COLUMN_SCALE);
        assert_true(scale >= 1 && scale <= 100.0001);
        n_at_limit += scale == 1 || scale > 99.999;
    }
    assert_true(n_at_limit > 0);
}

static void test_divergence_is_told(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "train={lr: 10, warm_up: 0, eps: 1e-12, steps: 1000}");
    pretrain_case_set(&c->base, "train.weight_decay=10");
    assert_fails(run(c, "out", false, &err), "the loss is no finite number at step ");
    assert_false(file_exists(fixture_path(&c->base.folder, "out/model.safetensors")));
}

static void test_networks_of_the_list_are_image_towers(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "model={image_tower: resnet-small, image_size: 32}");
    pretrain_case_set(&c->base, "train.steps=3");
    assert_ok(run(c, "out", false, &err));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_resumed_equals_never_stopped),
        CASE(test_killed_goes_on_from_its_checkpoint),
        CASE(test_folder_is_a_model_directory),
        CASE(test_written_spec_reads_back),
        CASE(test_made_model_is_not_made_again),
        CASE(test_checkpoint_of_another_spec_is_refused),
        CASE(test_training_learns_and_seeds_differ),
        CASE(test_learning_rate_warms_up_and_falls),
        CASE(test_log_has_means_since_the_last_line),
        CASE(test_scale_stays_between_1_and_100),
        CASE(test_divergence_is_told),
        CASE(test_networks_of_the_list_are_image_towers),
    };
    return cmocka_run_group_tests_name("pretrain-pretrainer", tests, NULL, NULL);
}
