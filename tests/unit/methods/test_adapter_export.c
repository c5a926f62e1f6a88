/* What is left of an adapter after training: merged weights and directories give the logits of the
 * network that was trained, for every member of the axis and every base model. */
#include "adapter_case.h"
#include "golden.h"
#include "low_rank_adapter.h"
#include "peft_dir.h"

#include <sys/stat.h>
#include <unistd.h>

static const char FOLDER[] = "test_adapter_export.tmp", DIR_NAME[] = "adapter",
                  MERGED[] = "merged.safetensors", FACTORS[] = "factors.safetensors";

/* Of the largest logit. */
static const double TOLERANCE = 1e-5;

typedef struct {
    const char *net, *kind, *target, *layout;
    AdapterInit init;
    AdapterScaling scaling;
    double alpha; /* 0: the usual one */
} Row;

static const Row ROWS[] = {
    {"vit-mini-4", "lora", "qkvo+mlp", "timm", 0, 0, 0},
    {"vit-mini-4", "lora", "qv", "huggingface-vit", 0, ADAPTER_SCALING_RSLORA, 0},
    {"vit-mini-4", "lora", "qkvo", "torchvision-vit", ADAPTER_INIT_PISSA, 0, 0},
    {"vit-mini-4", "lora", "qkvo", "timm", ADAPTER_INIT_PISSA, ADAPTER_SCALING_RSLORA, 1},
    {"vit-mini-4", "dora", "qv", "timm", 0, 0, 0},
    {"vit-mini-4", "op-lora", "qkvo", "timm", 0, 0, 0},
    {"vit-mini-4", "op-dora", "qkvo+mlp", "huggingface-vit", 0, 0, 0},
    {"resnet-small", "lora", "all", "torchvision", ADAPTER_INIT_PISSA, 0, 0},
    {"resnet-small", "dora", "resnet-conv2", NULL, 0, 0, 0},
    {"resnet-small", "op-dora", "all", NULL, 0, ADAPTER_SCALING_RSLORA, 0},
    {"clip", "lora", "qkvo", "open_clip", 0, 0, 0},
    {"clip", "op-lora", "qv", "open_clip", 0, 0, 0},
    {"clip", "dora", "qkvo+mlp", "huggingface-clip", 0, 0, 0},
};
enum { N_ROWS = sizeof ROWS / sizeof *ROWS };

/* A network that was trained, as far as its values tell. */
typedef struct {
    const Row *row;
    Net *trained, *base;
    LowRankSet set;
    Real want[CASE_LOGITS];
} Case;

static AdapterOptions options_of(const Row *row)
{
    AdapterOptions o = adapter_case_options(row->kind, row->target);
    o.init = row->init;
    o.scaling = row->scaling;
    if (row->alpha > 0) o.alpha = row->alpha;
    return o;
}

static void case_init(Case *c, const Row *row)
{
    AdapterOptions o = options_of(row);
    LowRankSet initial = {0};
    *c = (Case){.row = row};
    c->trained = adapter_case_net(row->net, &o);
    c->base = adapter_case_net(row->net, NULL);
    Params *params = net_params(c->trained);
    const Adapter *adapter = net_adapter(c->trained);
    bool is_pissa = row->init == ADAPTER_INIT_PISSA;
    if (is_pissa) low_rank_set_take(&initial, adapter, params, NULL);
    adapter_case_disturb(c->trained);
    adapter_case_logits(c->trained, c->want);
    low_rank_set_take(&c->set, adapter, params, is_pissa ? &initial : NULL);
    low_rank_set_done(&initial);
}

static void case_done(Case *c)
{
    low_rank_set_done(&c->set);
    net_free(c->trained);
    net_free(c->base);
    (void)remove(MERGED);
    (void)remove(FACTORS);
    (void)remove("adapter/adapter_config.json");
    (void)remove("adapter/adapter_model.safetensors");
    (void)rmdir(DIR_NAME);
}

static void compare(const Case *c, Net *net, const char *what)
{
    Real got[CASE_LOGITS];
    char name[128];
    snprintf(name, sizeof name, "%s %s %s, %s", c->row->net, c->row->kind, c->row->target, what);
    adapter_case_logits(net, got);
    (void)golden_compare(name, got, c->want, CASE_LOGITS, TOLERANCE, 0);
}

static void for_each_row(void (*test)(Case *c))
{
    for (int i = 0; i < N_ROWS; i++) {
        Case c;
        case_init(&c, &ROWS[i]);
        test(&c);
        case_done(&c);
    }
}

/* ---- merged weights ---- */

static void check_merged(Case *c)
{
    Err err = {0};
    Real before[CASE_LOGITS];
    adapter_case_logits(c->base, before);
    double change = 0;
    for (int i = 0; i < CASE_LOGITS; i++)
        change = fmax(change, fabs((double)(before[i] - c->want[i])));
    assert_true(change > 1e-3); /* the adapter says something */
    assert_ok(net_save(c->trained, MERGED, &err));
    assert_ok(net_load(c->base, MERGED, &err));
    compare(c, c->base, "merged");
}

static void test_merged_weights_give_the_same_logits(void **state)
{
    (void)state;
    for_each_row(check_merged);
}

/* Predicting with them costs what the base model costs. */
static double flops_of(Net *net)
{
    Tape *t = tape_new(&(TapeOptions){0});
    tape_begin(t, TAPE_PLAN, 0);
    Tensor *x = tape_input(t, NULL, 4, (int[]){1, CASE_SIZE, CASE_SIZE, 3});
    (void)net_classify(net, t, net_features(net, t, x));
    double flops = tape_cost(t).forward_flops;
    tape_free(t);
    return flops;
}

static void test_merged_weights_cost_what_the_base_costs(void **state)
{
    (void)state;
    Err err = {0};
    Case c;
    case_init(&c, &ROWS[0]);
    double base = flops_of(c.base);
    assert_true(flops_of(c.trained) > base);
    assert_ok(net_save(c.trained, MERGED, &err));
    assert_ok(net_load(c.base, MERGED, &err));
    assert_close(flops_of(c.base), base, 0, 0);
    case_done(&c);
}

/* ---- directories ---- */

static void write_dir(Case *c)
{
    Err err = {0};
    PeftBase what = {c->row->net, c->row->layout};
    assert_ok(peft_dir_write(DIR_NAME, &c->set, net_params(c->base), net_params(c->trained), &what,
                             &err));
}

static void check_directory(Case *c)
{
    Err err = {0};
    LowRankSet read = {0};
    write_dir(c);
    assert_ok(peft_dir_read(&read, net_params(c->base), DIR_NAME, c->row->net, &err));
    low_rank_set_merge(&read, net_params(c->base));
    low_rank_set_done(&read);
    compare(c, c->base, "directory");
}

static void test_directories_give_the_same_logits(void **state)
{
    (void)state;
    for_each_row(check_directory);
}

/* Into an adapter of the same kind: the same bits. PiSSA's and generated ones have none. */
static void check_started(Case *c)
{
    Err err = {0};
    AdapterOptions o = options_of(c->row);
    if (o.kind->is_generated || o.init == ADAPTER_INIT_PISSA) return;
    LowRankSet read = {0};
    Net *net = adapter_case_net(c->row->net, &o);
    Real got[CASE_LOGITS];
    write_dir(c);
    assert_ok(peft_dir_read(&read, net_params(net), DIR_NAME, c->row->net, &err));
    assert_ok(low_rank_set_put(&read, net_adapter(net), net_params(net), DIR_NAME, &err));
    adapter_case_logits(net, got);
    assert_memory_equal(got, c->want, sizeof got);
    low_rank_set_done(&read);
    net_free(net);
}

static void test_adapters_start_from_directories(void **state)
{
    (void)state;
    for_each_row(check_started);
}

/* ---- factors on disk ---- */

static void check_factors(Case *c)
{
    Err err = {0};
    AdapterOptions o = options_of(c->row);
    Net *net = adapter_case_net(c->row->net, &o);
    Real got[CASE_LOGITS];
    assert_ok(adapter_save(net_adapter(c->trained), net_params(c->trained), FACTORS, &err));
    assert_ok(adapter_load(net_adapter(net), net_params(net), FACTORS, &err));
    adapter_case_logits(net, got);
    assert_memory_equal(got, c->want, sizeof got);
    net_free(net);
}

static void test_factors_come_back_to_the_bit(void **state)
{
    (void)state;
    for_each_row(check_factors);
}

static void test_factors_of_another_adapter(void **state)
{
    (void)state;
    Err err = {0};
    Case c;
    case_init(&c, &ROWS[0]);
    AdapterOptions o = options_of(&ROWS[0]);
    o.rank = 2;
    Net *net = adapter_case_net("vit-mini-4", &o);
    assert_ok(adapter_save(net_adapter(c.trained), net_params(c.trained), FACTORS, &err));
    assert_fails(adapter_load(net_adapter(net), net_params(net), FACTORS, &err),
                 "factors.safetensors: is not this adapter: 72 tensors missing or of another shape "
                 "(blocks.0.attn.qkv.q.lora_A.weight, ");
    net_free(net);
    case_done(&c);
}

/* ---- adapters that are not the run's ---- */

static void assert_not_put(Case *c, AdapterOptions o, const char *part)
{
    Err err = {0};
    LowRankSet read = {0};
    Net *net = adapter_case_net(c->row->net, &o);
    assert_ok(peft_dir_read(&read, net_params(net), DIR_NAME, c->row->net, &err));
    assert_fails(low_rank_set_put(&read, net_adapter(net), net_params(net), DIR_NAME, &err), part);
    low_rank_set_done(&read);
    net_free(net);
}

static void test_other_adapters_than_the_run_asks_for(void **state)
{
    (void)state;
    Case c;
    case_init(&c, &ROWS[0]);
    write_dir(&c);
    AdapterOptions o = options_of(&ROWS[0]);
    o.rank = 2;
    assert_not_put(&c, o,
                   "adapter: is not the adapter that the run asks for: 36 of another rank "
                   "(blocks.0.attn.qkv.q has 12, expected 6, ");
    o = options_of(&ROWS[0]);
    o.alpha = 9;
    assert_not_put(&c, o,
                   "36 of another scale (alpha over rank) (blocks.0.attn.qkv.q has 1.5, "
                   "expected 2.25, ");
    assert_not_put(&c, adapter_case_options("lora", "qkvo"),
                   "12 with one there only (blocks.0.mlp.fc1.weight, blocks.0.mlp.fc2.weight, ");
    assert_not_put(&c, adapter_case_options("dora", "qkvo+mlp"),
                   "36 without an adapter there (blocks.0.attn.qkv.q.lora_magnitude_vector, ");
    case_done(&c);
    case_init(&c, &ROWS[1]);
    write_dir(&c);
    o = options_of(&ROWS[1]);
    static const char *const more[] = {"qkvo"};
    o.targets = more;
    assert_not_put(&c, o, "12 without an adapter there (blocks.0.attn.qkv.k, blocks.0.attn.proj, ");
    case_done(&c);
}

/* A matrix that somebody adapted as one is not ours of three. */
static void test_factors_that_parts_share(void **state)
{
    (void)state;
    Err err = {0};
    AdapterOptions o = adapter_case_options("lora", "qkvo");
    Net *net = adapter_case_net("vit-mini-4", &o);
    Params *params = net_params(net);
    LowRankSet set = {0};
    low_rank_set_take(&set, net_adapter(net), params, NULL);
    LowRankSet one = {0};
    for (int i = 0; i < set.n; i++) {
        const Param *w = params_get(params, set.items[i].weight);
        if (set.items[i].row > 0) continue;
        bool fused = set.items[i].n_rows < w->dims[0];
        LowRankChange shape = {.weight = set.items[i].weight,
                               .n_rows = w->dims[0],
                               .rank = fused ? 12 : 4,
                               .alpha = fused ? 18 : 6};
        LowRankChange *c = low_rank_set_add(&one, params, &shape, false);
        for (int k = 0; k < c->rank * c->n_rows; k++) c->b[k] = 1;
    }
    assert_fails(low_rank_set_put(&one, net_adapter(net), params, "dir", &err),
                 "18 that share factors with others (blocks.0.attn.qkv.q, ");
    low_rank_set_done(&set);
    low_rank_set_done(&one);
    net_free(net);
}

/* The model directory of "clip" is made where the tests are. */
static int enter(void **state)
{
    (void)state;
    (void)mkdir(FOLDER, 0777);
    return chdir(FOLDER);
}

static int leave(void **state)
{
    (void)state;
    adapter_case_remove_model();
    if (chdir("..") != 0) return 1;
    return rmdir(FOLDER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_weights_give_the_same_logits),
        cmocka_unit_test(test_merged_weights_cost_what_the_base_costs),
        cmocka_unit_test(test_directories_give_the_same_logits),
        cmocka_unit_test(test_adapters_start_from_directories),
        cmocka_unit_test(test_factors_come_back_to_the_bit),
        cmocka_unit_test(test_factors_of_another_adapter),
        cmocka_unit_test(test_other_adapters_than_the_run_asks_for),
        cmocka_unit_test(test_factors_that_parts_share),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
