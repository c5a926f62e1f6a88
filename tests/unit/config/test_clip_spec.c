/* Specs of runs on a model directory: what is left to it, what counts, what is refused; and of runs
 * that train nothing. */
#include "test.h"

#include "config_case.h"

static RunSpec spec;

static bool read_text(const char *text)
{
    return config_read(&spec, text, NULL, 0);
}

static void expect_error(const char *text, const char *message)
{
    assert_false(read_text(text));
    assert_string_equal(err.text, message);
}

static const char CLIP[] = "dataset: d\nheld_out: a\nnet: {name: clip, model: m}\n";

static const char *key_of_model(const char *text, const char *digest)
{
    char key[SHA256_HEX_SIZE];
    assert_ok(read_text(text));
    run_key(key, &spec, "f", (RunWeights){.model = digest});
    return arena_strdup(arena, key);
}

/* What stands in a model directory is only overridden by what somebody said. */
static void test_clip_leaves_to_the_model_what_nobody_said(void **state)
{
    (void)state;
    assert_ok(read_text(CLIP));
    assert_int_equal(spec.data.image_size, 0);
    assert_true(spec.net.mean.n == 0 && spec.net.std.n == 0);
    assert_int_equal(spec.data.fit, SPEC_FIT_AUTO);
    assert_ok(read_text(arena_printf(arena, "%s%s", CLIP, "data: {image_size: 224, fit: squash}")));
    assert_int_equal(spec.data.image_size, 224);
    assert_int_equal(spec.data.fit, SPEC_FIT_SQUASH);
    Str json = {0};
    RunSpec other;
    run_spec_json(&spec, &json);
    assert_ok(run_spec_from_json(&other, keys, str_text(&json), arena, &err));
    assert_int_equal(other.data.image_size, 224);
    assert_int_equal(other.net.mean.n, 0);
    str_done(&json);
    /* other networks have the defaults, however they are said */
    assert_ok(read_text("data: {image_size: 0, fit: squash, filter: bilinear}"));
    assert_int_equal(spec.data.image_size, 224);
    assert_true(spec.net.mean.n == 3 && spec.net.mean.items[0] == 0.485);
    assert_int_equal(spec.data.fit, SPEC_FIT_AUTO);
    assert_int_equal(spec.data.filter, SPEC_FILTER_AUTO);
}

static void test_clip_counts_by_content(void **state)
{
    (void)state;
    const char *base = key_of_model(CLIP, "aa");
    assert_string_equal(
        key_of_model("dataset: d\nheld_out: a\nnet: {name: clip, model: /moved}\n", "aa"), base);
    assert_string_not_equal(key_of_model(CLIP, "bb"), base);
    static const char *const others[] = {"net.pretrained: false", "net.head: zero-shot",
                                         "net.template: a {}",    "eval.alignment: true",
                                         "data.fit: crop",        "data.filter: bicubic"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_string_not_equal(key_of_model(arena_printf(arena, "%s%s\n", CLIP, others[i]), "aa"),
                                base);
    }
}

static void test_checks_of_clip(void **state)
{
    (void)state;
    static const char ONLY[] = "with net.name resnet-50, expected net.name clip";
    expect_error("net: {model: m}", arena_printf(arena, "exp.yaml: net.model: found m %s", ONLY));
    expect_error("net: {head: zero-shot}",
                 arena_printf(arena, "exp.yaml: net.head: found zero-shot %s", ONLY));
    expect_error("net: {pretrained: false}",
                 arena_printf(arena, "exp.yaml: net.pretrained: found false %s", ONLY));
    expect_error("eval: {alignment: true}",
                 arena_printf(arena, "exp.yaml: eval.alignment: found true %s", ONLY));
    expect_error("net: {name: clip, model: m, pretrained: false, head: zero-shot}",
                 "exp.yaml: net.head: found zero-shot with net.pretrained false, expected random");
    expect_error("net: {name: clip, model: m, mean: [1]}",
                 "exp.yaml: net.mean: found 1 numbers, expected 3 (red, green, blue)");
    expect_error("net: {name: clip, model: m}\ndata: {image_size: 7}",
                 "exp.yaml: data.image_size: found 7, expected at least 8");
    assert_ok(read_text("net: {name: clip}"));
    assert_fails(run_spec_check_weights(&spec, "run", &err),
                 "run: net.model: found nothing, expected a model directory (net.name is clip)");
    assert_ok(read_text("net: {name: clip, pretraining: openclip}"));
    assert_fails(run_spec_check_weights(&spec, "run", &err),
                 "expected a model directory with the weights openclip (net.name is clip)");
    assert_ok(read_text("net: {name: clip, pretraining: openclip, model: m}"));
    assert_ok(run_spec_check_weights(&spec, "run", &err));
}

static void test_nothing_trained_means_no_steps(void **state)
{
    (void)state;
    assert_ok(read_text("method: {recipe: erm++, trainable: none, lr_warm_up: 9}\n"
                        "train: {steps: 300}"));
    assert_int_equal(spec.train.steps, 0);
    assert_int_equal(spec.method.averaging.n, 0);
    assert_int_equal(spec.method.warm_start, 0);
    assert_int_equal(spec.method.lr_warm_up, 0);
    assert_false(spec.method.auto_lr || spec.method.full_data);
    Str json = {0};
    run_spec_json(&spec, &json);
    RunSpec other;
    assert_ok(run_spec_from_json(&other, keys, str_text(&json), arena, &err));
    assert_int_equal(other.train.steps, 0);
    str_done(&json);
    expect_error("train: {steps: 0}",
                 "exp.yaml: train.steps: found 0, expected at least 1 unless method.trainable is "
                 "none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_clip_leaves_to_the_model_what_nobody_said),
        TEST(test_clip_counts_by_content),
        TEST(test_checks_of_clip),
        TEST(test_nothing_trained_means_no_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
