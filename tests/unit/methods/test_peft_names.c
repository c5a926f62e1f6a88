/* What PEFT calls the layers of each base model: lists by hand, from huggingface/peft and the
 * models' own sources. */
#include "peft_case.h"
#include "peft_names.h"
#include "test.h"

typedef struct {
    const char *name, *target; /* target NULL: the name */
    const char *weight;
    int row, n_rows;
} Row;

typedef struct {
    const char *layout;
    PeftCaseNet net;
    int first; /* of the rows among the modules */
    Row rows[7];
    const char *head;
} Table;

enum { D = CASE_WIDTH, HIDDEN = CASE_HIDDEN };

#define RESBLOCK "visual.transformer.resblocks.1"

static const Table TABLES[] = {
    {"timm",
     CASE_VIT,
     5,
     {{"blocks.1.attn.qkv", NULL, "blocks.1.attn.qkv.weight", 0, 3 * D},
      {"blocks.1.attn.proj", NULL, "blocks.1.attn.proj.weight", 0, D},
      {"blocks.1.mlp.fc1", NULL, "blocks.1.mlp.fc1.weight", 0, HIDDEN},
      {"blocks.1.mlp.fc2", NULL, "blocks.1.mlp.fc2.weight", 0, D}},
     "head.weight"},
    {"huggingface-vit",
     CASE_VIT,
     7,
     {{"vit.encoder.layer.1.attention.attention.query", NULL, "blocks.1.attn.qkv.weight", 0, D},
      {"vit.encoder.layer.1.attention.attention.key", NULL, "blocks.1.attn.qkv.weight", D, D},
      {"vit.encoder.layer.1.attention.attention.value", NULL, "blocks.1.attn.qkv.weight", 2 * D, D},
      {"vit.encoder.layer.1.attention.output.dense", NULL, "blocks.1.attn.proj.weight", 0, D},
      {"vit.encoder.layer.1.intermediate.dense", NULL, "blocks.1.mlp.fc1.weight", 0, HIDDEN},
      {"vit.encoder.layer.1.output.dense", NULL, "blocks.1.mlp.fc2.weight", 0, D}},
     "classifier.weight"},
    {"torchvision-vit",
     CASE_VIT,
     5,
     {{"encoder.layers.encoder_layer_1.self_attention", NULL, "blocks.1.attn.qkv.weight", 0, 3 * D},
      {"encoder.layers.encoder_layer_1.self_attention.base_layer.out_proj",
       "encoder.layers.encoder_layer_1.self_attention", "blocks.1.attn.proj.weight", 0, D},
      {"encoder.layers.encoder_layer_1.mlp.0", NULL, "blocks.1.mlp.fc1.weight", 0, HIDDEN},
      {"encoder.layers.encoder_layer_1.mlp.3", NULL, "blocks.1.mlp.fc2.weight", 0, D}},
     "heads.head.weight"},
    {"open_clip",
     CASE_CLIP,
     5,
     {{RESBLOCK ".attn", NULL, RESBLOCK ".attn.in_proj_weight", 0, 3 * D},
      {RESBLOCK ".attn.base_layer.out_proj", RESBLOCK ".attn", RESBLOCK ".attn.out_proj.weight", 0,
       D},
      {RESBLOCK ".mlp.c_fc", NULL, RESBLOCK ".mlp.c_fc.weight", 0, HIDDEN},
      {RESBLOCK ".mlp.c_proj", NULL, RESBLOCK ".mlp.c_proj.weight", 0, D}},
     "head.weight"},
    {"huggingface-clip",
     CASE_CLIP,
     7,
     {{"vision_model.encoder.layers.1.self_attn.q_proj", NULL, RESBLOCK ".attn.in_proj_weight", 0,
       D},
      {"vision_model.encoder.layers.1.self_attn.k_proj", NULL, RESBLOCK ".attn.in_proj_weight", D,
       D},
      {"vision_model.encoder.layers.1.self_attn.v_proj", NULL, RESBLOCK ".attn.in_proj_weight",
       2 * D, D},
      {"vision_model.encoder.layers.1.self_attn.out_proj", NULL, RESBLOCK ".attn.out_proj.weight",
       0, D},
      {"vision_model.encoder.layers.1.mlp.fc1", NULL, RESBLOCK ".mlp.c_fc.weight", 0, HIDDEN},
      {"vision_model.encoder.layers.1.mlp.fc2", NULL, RESBLOCK ".mlp.c_proj.weight", 0, D}},
     "head.weight"},
    {"torchvision",
     CASE_RESNET,
     0,
     {{"conv1", NULL, "conv1.weight", 0, D},
      {"layer1.0.conv1", NULL, "layer1.0.conv1.weight", 0, D},
      {"layer1.0.conv2", NULL, "layer1.0.conv2.weight", 0, HIDDEN},
      {"layer1.0.downsample.0", NULL, "layer1.0.downsample.0.weight", 0, HIDDEN}},
     "fc.weight"},
};
enum { N_TABLES = sizeof TABLES / sizeof *TABLES };

static const char *head_of(const PeftLayout *layout, const Params *params, Arena *arena)
{
    for (int id = 0; id < params_count(params); id++) {
        const Param *p = params_get(params, id);
        if (p->flags & PARAM_HEAD) return peft_head_name(layout, p, arena);
    }
    return "";
}

static void check_table(const Table *t, Arena *arena)
{
    Err err = {0};
    int n;
    const PeftLayout *layout = NULL;
    Params *params = peft_case_params(t->net, 1);
    assert_ok(peft_layout_find(&layout, t->layout, params, &err));
    const PeftModule *modules = peft_modules(&n, layout, params, arena);
    int i = 0;
    for (; t->rows[i].name != NULL; i++) {
        const Row *want = &t->rows[i];
        assert_true(t->first + i < n);
        const PeftModule *got = &modules[t->first + i];
        assert_string_equal(got->name, want->name);
        assert_string_equal(got->target, want->target != NULL ? want->target : want->name);
        assert_string_equal(params_get(params, got->weight)->name, want->weight);
        assert_int_equal(got->row, want->row);
        assert_int_equal(got->n_rows, want->n_rows);
    }
    assert_int_equal(n, t->first + i);
    assert_string_equal(head_of(layout, params, arena), t->head);
    params_free(params);
}

static void test_modules_of_each_base(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    for (int i = 0; i < N_TABLES; i++) check_table(&TABLES[i], arena);
    arena_free(arena);
}

static void test_attention_of_multihead_is_adapted_together(void **state)
{
    (void)state;
    Err err = {0};
    int n;
    const PeftLayout *layout = NULL;
    Arena *arena = arena_new();
    Params *params = peft_case_params(CASE_CLIP, 1);
    assert_ok(peft_layout_find(&layout, NULL, params, &err));
    assert_string_equal(layout->name, "open_clip");
    const PeftModule *modules = peft_modules(&n, layout, params, arena);
    static const int companions[] = {-1, 2, 1, -1, -1, 6, 5, -1, -1};
    assert_int_equal(n, 9);
    for (int i = 0; i < n; i++) assert_int_equal(modules[i].companion, companions[i]);
    params_free(params);
    arena_free(arena);
}

static void test_layouts_that_a_network_has_not(void **state)
{
    (void)state;
    Err err = {0};
    const PeftLayout *layout = NULL;
    Params *vit = peft_case_params(CASE_VIT, 1), *resnet = peft_case_params(CASE_RESNET, 1);
    assert_fails(peft_layout_find(&layout, "open_clip", vit, &err),
                 "layout \"open_clip\": the network has no such layers, expected timm, "
                 "huggingface-vit, torchvision-vit");
    assert_fails(peft_layout_find(&layout, "tim", vit, &err), "layout \"tim\": unknown, expected");
    assert_fails(peft_layout_find(&layout, "timm", resnet, &err),
                 "the network has no such layers, expected torchvision");
    params_free(vit);
    params_free(resnet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules_of_each_base),
        cmocka_unit_test(test_attention_of_multihead_is_adapted_together),
        cmocka_unit_test(test_layouts_that_a_network_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
