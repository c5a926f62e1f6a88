/* The spec of a pretraining: what is refused, and the model that comes out of it. */
#include "pretrain_case.h"

#include <string.h>

static int setup(void **state)
{
    PretrainCase *c = test_calloc(1, sizeof *c);
    pretrain_case_init(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    pretrain_case_done(*state);
    test_free(*state);
    return 0;
}

static void test_mistakes_are_told_with_their_place(void **state)
{
    static const char *const cases[][2] = {
        {"pairs: x\ntokenizer: y\ntrain: {stepz: 3}\n",
         "bad.yaml:3: unknown key \"train.stepz\" (did you mean \"train.steps\"?)"},
        {"tokenizer: y\n", "bad.yaml: missing key \"pairs\""},
        {"pairs: x\n", "bad.yaml: missing key \"tokenizer\""},
        {"pairs: x\ntokenizer: y\ntrain: {batch_size: 1}\n", "expected a whole number from 2"},
        {"pairs: x\ntokenizer: y\ntrain: {steps: 10, warm_up: 10}\n",
         "train.warm_up: found 10, expected fewer than the 10 steps"},
        {"pairs: x\ntokenizer: y\ntrain: {positives: labels}\n", "(did you mean \"label\"?)"},
        {"pairs: x\ntokenizer: y\ncaptions: {templates: [a picture]}\n",
         "captions.templates: found \"a picture\", expected a text with one {}"},
        {"pairs: x\ntokenizer: y\ncaptions: {templates: [\"{} {}\"]}\n", "with one {}"},
        {"pairs: x\ntokenizer: y\nevaluate: {templates: []}\n",
         "evaluate.templates: found none, expected at least one"},
        {"pairs: x\ntokenizer: y\ncaptions: {label: 0, keyword: 0, subgroup: 0, group: 0}\n",
         "all weights are 0"},
        {"pairs: x\ntokenizer: y\nmodel: {mean: [0.5]}\n", "found 1 and 3 numbers"},
        {"pairs: x\ntokenizer: y\nevaluate: {datasets: [a, b], roots: [c]}\n",
         "evaluate.roots: found 1, expected one for each of the 2 datasets"},
    };
    PretrainCase *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Err err = {0};
        PretrainSpec spec;
        fixture_write_text(&c->folder, "bad.yaml", cases[i][0]);
        assert_fails(pretrain_spec_read(&spec, fixture_path(&c->folder, "bad.yaml"), NULL, 0,
                                        c->arena, &err),
                     cases[i][1]);
    }
}

static bool model_of(ClipConfig *config, PretrainCase *c, const char *set, Err *err)
{
    ModelPreprocessing preprocessing;
    pretrain_case_set(c, set);
    return pretrain_spec_model(config, &preprocessing, &c->spec, 100, err);
}

static void test_model_from_keys(void **state)
{
    PretrainCase *c = *state;
    Err err = {0};
    ClipConfig config;
    assert_ok(model_of(&config, c, "model.text_depth=3", &err));
    assert_int_equal(config.image.patch, 4);
    assert_int_equal(config.text.depth, 3);
    assert_int_equal(config.text.vocabulary, 100);
    assert_fails(model_of(&config, c, "model.patch=3", &err), "patch");
    assert_fails(model_of(&config, c, "model.image_tower=resnet-smal", &err), "resnet-small");
}

static void test_model_from_a_config(void **state)
{
    static const char CONFIG[] =
        "{\"model_cfg\": {\"embed_dim\": 6, \"vision_cfg\": {\"image_size\": 16, \"layers\": 2, "
        "\"width\": 8, \"patch_size\": 8, \"head_width\": 4}, \"text_cfg\": {\"context_length\": "
        "7, \"vocab_size\": 100, \"width\": 8, \"heads\": 2, \"layers\": 1}}}";
    PretrainCase *c = *state;
    Err err = {0};
    ClipConfig config;
    fixture_write_text(&c->folder, "config.json", CONFIG);
    const char *set =
        arena_printf(c->arena, "model.config=%s", fixture_path(&c->folder, "config.json"));
    assert_ok(model_of(&config, c, set, &err));
    assert_int_equal(config.embed_dim, 6);
    assert_int_equal(config.text.context, 7);
    ModelPreprocessing preprocessing;
    assert_fails(pretrain_spec_model(&config, &preprocessing, &c->spec, 101, &err),
                 "vocabulary of 100, expected the tokenizer's 101");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_mistakes_are_told_with_their_place),
        CASE(test_model_from_keys),
        CASE(test_model_from_a_config),
    };
    return cmocka_run_group_tests_name("pretrain-spec", tests, NULL, NULL);
}
