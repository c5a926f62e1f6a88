/* Imported scores, rules as they are typed, and scoring with a small random model. */
#include "fixture.h"

#include "log.h"
#include "model_fixture.h"
#include "score_images.h"
#include "score_import.h"
#include "score_model.h"
#include "score_rule.h"

static Fixture fixture;
static Dataset *dataset; /* domains a, b; classes x_ray, y; two images each */
static Arena *arena;

static int setup(void **state)
{
    (void)state;
    Err err = {0};
    log_set_level(LOG_QUIET);
    fixture_init(&fixture);
    arena = arena_new();
    fixture_tree(&fixture, "data", "a,b", "x_ray,y", 2);
    DatasetOptions options = fixture_options(&fixture);
    return dataset_open(&dataset, fixture_path(&fixture, "data"), &options, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(dataset);
    arena_free(arena);
    fixture_done(&fixture);
    return 0;
}

/* ---- import ---- */

static StoreAlignment imported[8];

static bool import_text(const char *csv, Err *err)
{
    char digest[SHA256_HEX_SIZE];
    fixture_write_text(&fixture, "scores.csv", csv);
    memset(imported, 0, sizeof imported);
    return score_import(imported, digest, fixture_path(&fixture, "scores.csv"), dataset, arena,
                        err);
}

#define ROWS_BUT_FIRST                                                                             \
    "a/x_ray/x_ray1.ppm,.2\na/y/y0.ppm,.3\na/y/y1.ppm,.4\nb/x_ray/x_ray0.ppm,-.5\n"                \
    "b/x_ray/x_ray1.ppm,.6\nb/y/y0.ppm,.7\nb/y/y1.ppm,1.000001\n"

static void test_scores_are_matched_by_path(void **state)
{
    (void)state;
    Err err;
    assert_ok(import_text("path,score\n" ROWS_BUT_FIRST "a/x_ray/x_ray0.ppm,.1\n", &err));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(imported[i].image, i);
        assert_int_equal(imported[i].zero_shot, -1);
        assert_int_equal(imported[i].rank, 0);
        assert_true(isnan(imported[i].similarity) && isnan(imported[i].zero_shot_score));
        assert_null(imported[i].nearest);
    }
    assert_close(imported[0].score, 0.1, 0, 1e-12);
    assert_close(imported[4].score, -0.5, 0, 1e-12);
}

static void test_what_else_a_row_may_say(void **state)
{
    (void)state;
    Err err;
    assert_ok(import_text("note,similarity,score,path,zero_shot,nearest\n"
                          "n,.9,.1,a/x_ray/x_ray0.ppm,y,p.png\n,,.1,a/x_ray/x_ray1.ppm,,\n"
                          ",,.1,a/y/y0.ppm,,\n,,.1,a/y/y1.ppm,,\n,,.1,b/x_ray/x_ray0.ppm,,\n"
                          ",,.1,b/x_ray/x_ray1.ppm,,\n,,.1,b/y/y0.ppm,,\n,,.1,b/y/y1.ppm,x_ray,\n",
                          &err));
    assert_close(imported[0].similarity, 0.9, 0, 1e-12);
    assert_int_equal(imported[0].zero_shot, 1);
    assert_string_equal(imported[0].nearest, "p.png");
    assert_int_equal(imported[7].zero_shot, 0);
    assert_true(isnan(imported[1].similarity) && imported[1].nearest == NULL);
}

static void test_every_problem_is_counted_and_nothing_taken(void **state)
{
    (void)state;
    Err err;
    assert_fails(import_text("path,score\n" ROWS_BUT_FIRST, &err),
                 "scores.csv: nothing was imported: 1 image without a row");
    assert_int_equal(err.code, ERR_FORMAT);
    assert_fails(
        import_text("path,score,zero_shot,similarity\na/x_ray/x_ray0.ppm,.1,z,\n"
                    "a/x_ray/x_ray0.ppm,.1,,\nno.ppm,.1,,\nnone.ppm,.1,,\na/y/y0.ppm,1.2,,\n"
                    "a/y/y1.ppm,much,,nan\n",
                    &err),
        "nothing was imported: 2 paths that are not in the dataset, 1 path for the second time, "
        "3 values that are no numbers in -1..1, 1 unknown class, 5 images without a row");
    assert_fails(import_text("path,scores\n", &err), "no column \"score\", found: path, scores");
    assert_fails(import_text("", &err), "scores.csv");
    Err none;
    char digest[SHA256_HEX_SIZE];
    assert_false(score_import(imported, digest, "/nonexistent.csv", dataset, arena, &none));
    assert_int_equal(none.code, ERR_NOT_FOUND);
}

/* ---- rules ---- */

static void test_rules_as_they_are_typed(void **state)
{
    (void)state;
    Err err;
    StoreRule rule;
    assert_ok(score_rule_parse(&rule, "mine=0.15,0.21,0.4", arena, &err));
    assert_string_equal(rule.name, "mine");
    assert_string_equal(rule.scorer, "*");
    assert_true(!rule.quantile && rule.low == 0.15 && rule.split == 0.21 && rule.high == 0.4);
    assert_ok(score_rule_parse(&rule, "half@clip-*=0,0.5,1,quantile", arena, &err));
    assert_string_equal(rule.name, "half");
    assert_string_equal(rule.scorer, "clip-*");
    assert_true(rule.quantile && rule.split == 0.5);
    assert_ok(score_rule_parse(&rule, "all=0.2,0.2,0.2", arena, &err));
    static const char *const wrong[][2] = {
        {"0.1,0.2,0.3", "expected NAME="},   {"=0.1,0.2,0.3", "expected NAME="},
        {"@x=1,1,1", "expected a name"},     {"x@=0,0,0", "expected a name"},
        {"x=0.1,0.2", "three numbers"},      {"x=0.1,0.2,0.3,0.4", "three numbers"},
        {"x=0.1,0.2,high", "three numbers"}, {"x=0.1,0.2,0.3,quantile,x", "three numbers"},
        {"x=nan,0.2,0.3", "three numbers"},  {"x=0.3,0.2,0.4", "LOW <= SPLIT"},
        {"x=0.1,0.5,0.4", "LOW <= SPLIT"},   {"x=0.1,0.2,1.5", "cosines in -1..1"},
        {"x=-0.1,0.2,1,quantile", "0..1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_fails(score_rule_parse(&rule, wrong[i][0], arena, &err), wrong[i][1]);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

/* ---- a model ---- */

static ScoreModel model;

static int open_model(void **state)
{
    (void)state;
    Err err = {0};
    ScoreModelOptions options = {.folder = fixture_path(&fixture, "model")};
    return model_fixture_write(options.folder, 3, &err) && score_model_open(&model, &options, &err)
               ? 0
               : -1;
}

static int close_model(void **state)
{
    (void)state;
    score_model_close(&model);
    return 0;
}

static ScoreClasses classes_for(const char *first, const char *second)
{
    Err err;
    ScoreClasses classes;
    const char *items[] = {first, second};
    ScoreTemplates templates = {items, second != NULL ? 2 : 1};
    assert_ok(score_templates_check(&templates, &err));
    assert_ok(score_model_classes(&model, &classes, dataset, &templates, arena, &err));
    return classes;
}

static void test_prompts_have_text_or_plain_name(void **state)
{
    (void)state;
    Err err;
    const char *wrong = "a photo";
    assert_string_equal(classes_for("an {}!", NULL).prompts[0], "an x ray!");
    assert_string_equal(classes_for("an {name}!", NULL).prompts[0], "an x_ray!");
    assert_string_equal(classes_for("{}", "its {name}").prompts[1], "y | its y");
    assert_fails(score_templates_check(&(ScoreTemplates){&wrong, 1}, &err), "expected {}");
    const char *longest = "a very, very, very long photograph of a {}.";
    ScoreClasses classes;
    assert_fails(
        score_model_classes(&model, &classes, dataset, &(ScoreTemplates){&longest, 1}, arena, &err),
        "class \"x_ray\": ");
}

/* Radford et al. 2021, 3.1.4: the mean of normalised embeddings, normalised. */
static void test_several_templates_are_averaged(void **state)
{
    (void)state;
    ScoreClasses one = classes_for("a {}", NULL), other = classes_for("my {}", NULL),
                 both = classes_for("a {}", "my {}");
    double sums[2 * MODEL_FIXTURE_DIM];
    for (int k = 0; k < 2; k++) {
        double length = 0;
        for (int j = k * MODEL_FIXTURE_DIM; j < (k + 1) * MODEL_FIXTURE_DIM; j++) {
            sums[j] = (double)one.rows[j] + (double)other.rows[j];
            length += sums[j] * sums[j];
        }
        for (int j = k * MODEL_FIXTURE_DIM; j < (k + 1) * MODEL_FIXTURE_DIM; j++)
            assert_close(both.rows[j], sums[j] / sqrt(length), 1e-4, 1e-6);
    }
}

static void test_scores_and_nearest_images(void **state)
{
    (void)state;
    Err err;
    StoreAlignment rows[8];
    ScoreClasses classes = classes_for(SCORE_TEMPLATE, NULL);
    ScoreTask task = {.dataset = dataset,
                      .encoder = &model.encoder,
                      .classes = classes.rows,
                      .embedding = {.cache_dir = fixture.cache}};
    assert_ok(score_images(rows, &task, &err));
    Embeddings e;
    assert_ok(embeddings_open(&e, dataset, &model.encoder, &task.embedding, &err));
    assert_int_equal(e.n_made, 0);
    double cosine = 0;
    for (int j = 0; j < e.dim; j++)
        cosine += (double)e.rows[5 * e.dim + j] * (double)classes.rows[j]; /* image 5: b, x_ray */
    embeddings_close(&e);
    assert_close(rows[5].score, cosine, 1e-5, 1e-6);
    assert_int_equal(rows[5].rank == 1, rows[5].zero_shot == 0);
    assert_true(rows[5].zero_shot_score >= rows[5].score && isnan(rows[5].similarity));
    task.pretraining = dataset; /* every image's nearest is another one */
    assert_ok(score_images(rows, &task, &err));
    for (int i = 0; i < 8; i++) {
        assert_true(rows[i].similarity <= 1.00001 && rows[i].similarity > -1);
        assert_string_not_equal(rows[i].nearest, dataset->images[i].path);
    }
}

static void test_preprocessing_is_the_models_unless_told_otherwise(void **state)
{
    (void)state;
    Err err;
    assert_string_equal(str_text(&model.preprocessing),
                        "crop 16 bicubic, mean 0.481455/0.457828/0.408211, std "
                        "0.26863/0.261303/0.275777");
    const char *words[] = {"crop,plain", "bicubic"};
    ScoreModel other;
    ScoreModelOptions options = {.folder = fixture_path(&fixture, "model"), .ipoop = true};
    assert_ok(score_model_open(&other, &options, &err));
    bool same = str_equal(str_text(&other.preprocessing),
                          "squash 16 bilinear, mean 0.485/0.456/0.406, std 0.229/0.224/0.225");
    score_model_close(&other);
    options.preprocess = words;
    options.n_preprocess = 2;
    assert_ok(score_model_open(&other, &options, &err));
    same &= str_equal(str_text(&other.preprocessing), "crop 16 bicubic, mean 0/0/0, std 1/1/1");
    score_model_close(&other);
    assert_true(same);
    options.folder = fixture_path(&fixture, "data");
    assert_false(score_model_open(&other, &options, &err));
    assert_non_null(strstr(err.text, "data"));
}

int main(void)
{
#define WITH_MODEL(name) cmocka_unit_test_setup_teardown(name, open_model, close_model)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_matched_by_path),
        cmocka_unit_test(test_what_else_a_row_may_say),
        cmocka_unit_test(test_every_problem_is_counted_and_nothing_taken),
        cmocka_unit_test(test_rules_as_they_are_typed),
        WITH_MODEL(test_prompts_have_text_or_plain_name),
        WITH_MODEL(test_several_templates_are_averaged),
        WITH_MODEL(test_scores_and_nearest_images),
        WITH_MODEL(test_preprocessing_is_the_models_unless_told_otherwise),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
