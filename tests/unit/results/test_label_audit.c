/* The ranking of images whose labels look wrong, its CSV and its contact sheet. */
#include "database.h"
#include "label_audit.h"
#include "store_case.h"
#include "test.h"

static LabelAudit *audit;
static Str page;

/* One run that holds sketch out and takes its images 8 to 11 (cat, dog, cat, dog) for: cat, cat,
 * dog, dog, with these confidences. Scores: images of a domain in descending order. */
static void add_run(int trial, float confidence)
{
    Err err;
    StoreRun *run;
    char key[16];
    snprintf(key, sizeof key, "%d", trial);
    StoreRunInfo info = fixture_run_info(key, dataset);
    info.trial = trial;
    info.spec_json = "{\"dataset\":\"tiny.yaml\",\"data\":{\"root\":\"/pictures\"}}";
    const StoreOutcome outcomes[] = {
        {8, 0, 0.5F}, {9, 0, confidence}, {10, 1, 0.5F}, {11, 1, 0.5F}};
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    for (int d = 0; d < FIXTURE_DOMAINS; d++) {
        StoreEval out = fixture_eval(1, "raw", d, "out", 50);
        StoreEval in = fixture_eval(1, "raw", d, "in", 50);
        store_eval(run, &out, NULL, 0);
        store_eval(run, &in, outcomes, d == 2 ? 4 : 0);
    }
    assert_ok(store_checkpoint_commit(run, 1, &err));
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &(StoreCost){0}, &err));
    store_run_free(run);
}

static void sql(const char *script)
{
    Err err;
    Db *db;
    assert_ok(db_open(&db, fixture_file(), DB_WRITE, &err));
    assert_ok(db_script(db, script, &err));
    db_close(db);
}

static void score_images(void)
{
    sql("INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES "
        "('clip', '', '', '', '');"
        "INSERT INTO alignment (scorer_id, image_id, score, zero_shot_class_id, rank) SELECT 1, "
        "id, 0.4 - position % 4 * 0.1, (SELECT min(id) FROM class), 1 + position % 2 FROM image");
}

static int setup(void **state)
{
    (void)store_setup(state);
    add_run(0, 0.75F);
    add_run(1, 0.25F);
    return 0;
}

static int teardown(void **state)
{
    label_audit_free(audit);
    audit = NULL;
    str_done(&page);
    return store_teardown(state);
}

static bool make(LabelAuditOptions options, Err *err)
{
    if (options.top == 0) options.top = 200;
    if (reader == NULL) store_case_read();
    return label_audit_make(&audit, reader, &options, err);
}

static void assert_suspect(int i, const char *path, const char *suggested, double suspicion)
{
    const Suspect *s = label_audit_suspect(audit, i);
    assert_string_equal(s->path, path);
    assert_string_equal(s->suggested, suggested);
    assert_close(s->suspicion, suspicion, 1e-12, 1e-12);
}

static void test_both_signs_multiply(void **state)
{
    (void)state;
    Err err;
    score_images();
    assert_ok(make((LabelAuditOptions){0}, &err));
    assert_int_equal(label_audit_n(audit), 4);
    assert_int_equal(label_audit_n_unranked(audit), 8); /* no run held art or photo out */
    assert_string_equal(label_audit_scorer(audit), "clip");
    /* sketch's scores are .4 .3 .2 .1: percentiles 3/4, 2/4, 1/4, 0; agreement: 0, 1/2, 1/2, 0 */
    assert_suspect(0, "sketch/cat/1.png", "dog", 0.75 * 0.5);
    assert_suspect(1, "sketch/dog/0.png", "cat", 0.5 * 0.5);
    assert_suspect(2, "sketch/dog/1.png", "cat", 0);
}

static void test_runs_alone_and_scores_alone_rank_too(void **state)
{
    (void)state;
    Err err;
    assert_ok(make((LabelAuditOptions){0}, &err));
    assert_null(label_audit_scorer(audit));
    assert_suspect(0, "sketch/dog/0.png", "cat", 0.5);
    assert_suspect(1, "sketch/cat/1.png", "dog", 0.5);
    assert_suspect(2, "sketch/cat/0.png", "", 0);
    label_audit_free(audit);
    audit = NULL;
    score_images();
    sql("DELETE FROM outcome");
    assert_ok(make((LabelAuditOptions){0}, &err));
    assert_int_equal(label_audit_n(audit), 12);
    assert_int_equal(label_audit_n_unranked(audit), 0);
    assert_suspect(0, "art/dog/1.png", "cat", 1); /* the scorer names cat */
    assert_suspect(11, "sketch/cat/0.png", "", 0.25);
}

static void test_top_limits_and_csv_quotes(void **state)
{
    (void)state;
    Err err;
    score_images();
    sql("UPDATE image SET path = 'a \"cat\", not a dog' WHERE path = 'sketch/cat/1.png'");
    assert_ok(make((LabelAuditOptions){.top = 1}, &err));
    char text[1024] = {0};
    FILE *out = fmemopen(text, sizeof text - 1, "w");
    label_audit_csv(out, audit);
    (void)fclose(out);
    assert_string_equal(
        text, "place,dataset,path,domain,class,suggested,suspicion,alignment,percentile,zero_shot,"
              "zero_shot_rank,runs,wrong,agreeing,confidence,verdict,reason\n"
              "1,tiny,\"a \"\"cat\"\", not a dog\",sketch,cat,dog,0.3750,0.2000,0.2500,cat,1,2,2,"
              "2,0.5000,,\n");
}

static void test_the_dataset_is_the_one_that_runs_opened(void **state)
{
    (void)state;
    Err err;
    assert_ok(make((LabelAuditOptions){0}, &err));
    AuditedDataset known = label_audit_dataset(audit);
    assert_string_equal(known.name, "tiny");
    assert_string_equal(known.descriptor, "tiny.yaml");
    assert_string_equal(known.root, "/pictures");
    assert_string_equal(known.fingerprint, "0123456789abcdef");
}

/* ---- the page -------------------------------------------------------------------------------- */

static bool add_picture(Str *out, void *context, int position, Err *err)
{
    if (position == *(int *)context)
        return err_set(err, ERR_IO, "picture %d can't be read", position);
    str_addf(out, "data:image/png;base64,%d", position);
    return true;
}

static bool make_page(int broken, Err *err)
{
    return label_audit_page(&page, audit, "audit.csv", &(LabelAuditPictures){add_picture, &broken},
                            err);
}

static void test_the_page_has_all_images_and_escapes(void **state)
{
    (void)state;
    Err err;
    sql("UPDATE class SET name = '<b>&' WHERE name = 'cat'");
    score_images();
    assert_ok(make((LabelAuditOptions){0}, &err));
    assert_ok(make_page(-1, &err));
    const char *text = str_text(&page);
    assert_null(strstr(text, "<b>&<"));
    assert_non_null(strstr(text, "&lt;b&gt;&amp;"));
    for (int i = 8; i < 12; i++) {
        char src[64];
        snprintf(src, sizeof src, "src=\"data:image/png;base64,%d\"", i);
        assert_non_null(strstr(text, src));
    }
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "for=\"domain-0\">sketch <small>4</small>"));
}

static void test_a_broken_picture_is_one_line(void **state)
{
    (void)state;
    Err err;
    assert_ok(make((LabelAuditOptions){0}, &err));
    assert_false(make_page(9, &err));
    assert_string_equal(err.text, "picture 9 can't be read");
}

static void test_what_has_to_be_chosen_is_said(void **state)
{
    (void)state;
    Err err;
    score_images();
    sql("INSERT INTO scorer (name, model, weights, template, preprocessing) VALUES "
        "('other', '', '', '', '');"
        "INSERT INTO alignment (scorer_id, image_id, score) SELECT 2, id, 0.1 FROM image");
    assert_false(make((LabelAuditOptions){0}, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "which scorer? --scorer is one of clip, other"));
    assert_false(make((LabelAuditOptions){.scorer = "clipp"}, &err));
    assert_non_null(strstr(err.text, "(did you mean \"clip\"?)"));
    assert_false(make((LabelAuditOptions){.dataset = "none"}, &err));
    assert_int_equal(err.code, ERR_USAGE);
    sql("DELETE FROM alignment; DELETE FROM outcome");
    assert_false(make((LabelAuditOptions){0}, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_both_signs_multiply),
        TEST(test_runs_alone_and_scores_alone_rank_too),
        TEST(test_top_limits_and_csv_quotes),
        TEST(test_the_dataset_is_the_one_that_runs_opened),
        TEST(test_the_page_has_all_images_and_escapes),
        TEST(test_a_broken_picture_is_one_line),
        TEST(test_what_has_to_be_chosen_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
