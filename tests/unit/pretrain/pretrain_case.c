#include "pretrain_case.h"

#include "log.h"

static const char CSV[] = "path,label,keywords,subgroup,group\n"
                          "a/0.ppm,Dog,pet;hound,animal-mammal,animals-nature\n"
                          "a/1.ppm,cat,pet,animal-mammal,animals-nature\n"
                          "a/2.ppm,owl,,animal-bird,animals-nature\n"
                          "a/3.ppm,swan,,animal-bird,animals-nature\n"
                          "a/4.ppm,red_apple,,food-fruit,food-drink\n"
                          "a/5.ppm,off,,,\n"
                          "b/0.ppm,dog,pet;hound,animal-mammal,animals-nature\n"
                          "b/1.ppm,cat,pet,animal-mammal,animals-nature\n"
                          "b/2.ppm,owl,,animal-bird,animals-nature\n"
                          "b/3.ppm,swan,,animal-bird,animals-nature\n"
                          "b/4.ppm,red apple,,food-fruit,food-drink\n"
                          "b/5.ppm,off,,,\n";

static const char SPEC[] =
    "model: {image_size: 8, patch: 4, width: 16, depth: 1, heads: 2, embed_dim: 8,\n"
    "        text_width: 16, text_depth: 1, text_heads: 2, context: 16}\n"
    "train: {steps: 12, batch_size: 4, warm_up: 2, threads: 1, log_freq: 3, checkpoint_freq: 5,\n"
    "        weights: f32}\n";

void pretrain_case_set(PretrainCase *c, const char *assignment)
{
    Err err = {0};
    assert_ok(schema_set(pretrain_schema(), &c->spec, assignment, c->arena, &err));
}

void pretrain_case_csv(PretrainCase *c, const char *name, const char *text)
{
    fixture_write_text(&c->folder, name, text);
    pretrain_case_set(c, arena_printf(c->arena, "pairs=%s", fixture_path(&c->folder, name)));
}

void pretrain_case_init(PretrainCase *c)
{
    Err err = {0};
    *c = (PretrainCase){.arena = arena_new()};
    fixture_init(&c->folder);
    log_set_level(LOG_QUIET);
    assert_int_equal(setenv("DGBENCH_CACHE", c->folder.cache, 1), 0);
    for (int i = 0; i < CASE_PAIRS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%c/%d.ppm", i < 6 ? 'a' : 'b', i % 6);
        fixture_image(&c->folder, name, i + 1);
    }
    fixture_write_text(&c->folder, "spec.yaml", SPEC);
    const char *source = getenv("DGBENCH_SOURCE");
    const char *sets[] = {
        arena_printf(c->arena, "tokenizer=%s/tests/golden/tokenizer", source ? source : "."),
        arena_printf(c->arena, "output=%s", fixture_path(&c->folder, "out")), "pairs=x"};
    assert_ok(pretrain_spec_read(&c->spec, fixture_path(&c->folder, "spec.yaml"), sets, 3, c->arena,
                                 &err));
    pretrain_case_csv(c, "pairs.csv", CSV);
}

void pretrain_case_done(PretrainCase *c)
{
    fixture_done(&c->folder);
    arena_free(c->arena);
}
