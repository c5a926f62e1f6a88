/* Vision transformers: cost, files, what is trained. Values: test_net_parity.c. */
#include "arena.h"
#include "golden.h"
#include "mem.h"
#include "net_case.h"
#include "params_file.h"
#include "positions.h"
#include "test.h"

static NetOptions mini(int size, int n_classes)
{
    return (NetOptions){
        .name = "vit-mini-4", .size = size, .channels = 3, .n_classes = n_classes, .seed = 1};
}

static Net *new_net(const NetOptions *o)
{
    Err err = {0};
    Net *net = NULL;
    assert_ok(net_new(&net, o, &err));
    return net;
}

static void set_trainable(Net *net, NetTrainable which)
{
    Err err = {0};
    assert_ok(net_set_trainable(net, which, &err));
}

/* ---- cost ---- */

enum { D = 96, BLOCKS = 6, TOKENS = 17 }; /* at 16 pixels */

/* Products of one block that computes n_out of its tokens; multiply and add are two. */
static double block_products(double n_out)
{
    double qkv = 2.0 * TOKENS * D * 3 * D, attention = 4.0 * n_out * D * TOKENS;
    double projection = 2.0 * n_out * D * D, mlp = 2 * 2.0 * n_out * D * 4 * D;
    return qkv + attention + projection + mlp;
}

static void test_plan_counts_flops_by_hand(void **state)
{
    (void)state;
    NetOptions o = mini(16, 10);
    NetCase *c = net_case_new(&o, 1);
    (void)net_case_logits(c, TAPE_PLAN);
    double products = 2.0 * (TOKENS - 1) * D * 48 + (BLOCKS - 1) * block_products(TOKENS) +
                      block_products(1) + 2.0 * D * 10;
    double flops = tape_cost(c->tape).forward_flops;
    assert_true(flops >= products);
    assert_true(flops < 1.03 * products); /* norms, GELUs, sums */
    net_case_free(c);
}

static double backward_flops(NetCase *c, NetTrainable which)
{
    set_trainable(c->net, which);
    (void)net_case_loss(c, TAPE_PLAN | TAPE_TRAINING | TAPE_GRADIENTS, NULL);
    return tape_cost(c->tape).backward_flops;
}

/* Products with frozen weights go backward to their input only, and nothing goes back beyond the
 * first attention. */
static void test_frozen_weights_cost_nothing_backward(void **state)
{
    (void)state;
    NetOptions o = mini(16, 10);
    NetCase *c = net_case_new(&o, 1);
    double mlp = 2 * 2.0 * D * 4 * D * ((BLOCKS - 1) * TOKENS + 1);
    double patches = 2.0 * (TOKENS - 1) * D * 48, first_qkv = 2.0 * TOKENS * D * 3 * D;
    double saved = backward_flops(c, NET_TRAIN_ALL) - backward_flops(c, NET_TRAIN_ATTENTION);
    assert_true(saved >= mlp + patches + first_qkv);
    assert_true(saved < 1.03 * (mlp + patches + first_qkv));
    assert_close(backward_flops(c, NET_TRAIN_HEAD), 2.0 * D * 10, 0.1, 0);
    net_case_free(c);
}

/* ---- initial values ---- */

static double deviation(Net *net, const char *name)
{
    Params *p = net_params(net);
    const Param *q = params_get(p, params_find(p, name));
    double sum = 0;
    for (size_t i = q->offset; i < q->offset + q->size; i++) {
        sum += (double)params_values(p)[i] * (double)params_values(p)[i];
    }
    return sqrt(sum / (double)q->size);
}

static void test_initial_values_as_timm(void **state)
{
    (void)state;
    NetOptions o = mini(32, 4);
    Net *net = new_net(&o);
    static const char *const normal[] = {"pos_embed", "blocks.0.attn.qkv.weight",
                                         "blocks.5.attn.proj.weight", "blocks.3.mlp.fc1.weight",
                                         "blocks.2.mlp.fc2.weight"};
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++) {
        assert_close(deviation(net, normal[i]), 0.02, 0.03, 0);
    }
    assert_close(deviation(net, "cls_token"), 1e-6, 0.3, 0);
    assert_close(deviation(net, "patch_embed.proj.weight"), sqrt(1 / (3.0 * 48)), 0.03, 0);
    assert_true(deviation(net, "blocks.0.attn.qkv.bias") == 0);
    assert_true(deviation(net, "blocks.0.mlp.fc1.bias") == 0);
    assert_true(deviation(net, "norm.weight") == 1 && deviation(net, "norm.bias") == 0);
    net_free(net);
}

/* ---- files ---- */

static void assert_shape(const SafeTensors *f, const char *name, int rank, const int64_t *dims)
{
    const SafeTensor *s = safetensors_find(f, name);
    if (s == NULL) fail_msg("no tensor \"%s\"", name);
    assert_int_equal(s->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(s->dims[i], dims[i]);
}

static void test_files_have_timms_names_and_shapes(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(32, 4);
    NetCase *from = net_case_new(&o, 1);
    Net *to = new_net(&o);
    Params *p = net_params(from->net), *q = net_params(to);
    assert_ok(params_save(p, "test_vit.tmp", &err));
    SafeTensors *f = NULL;
    assert_ok(safetensors_open(&f, "test_vit.tmp", &err));
    assert_int_equal(safetensors_count(f), 4 + 6 * 12 + 4);
    assert_shape(f, "cls_token", 3, (int64_t[]){1, 1, D});
    assert_shape(f, "pos_embed", 3, (int64_t[]){1, 65, D});
    assert_shape(f, "patch_embed.proj.weight", 4, (int64_t[]){D, 3, 4, 4});
    assert_shape(f, "blocks.5.attn.qkv.weight", 2, (int64_t[]){3 * D, D});
    assert_shape(f, "blocks.0.mlp.fc2.weight", 2, (int64_t[]){D, 4 * D});
    assert_shape(f, "norm.bias", 1, (int64_t[]){D});
    assert_shape(f, "head.weight", 2, (int64_t[]){4, D});
    safetensors_close(f);
    assert_ok(net_load(to, "test_vit.tmp", &err));
    assert_memory_equal(params_values(p), params_values(q), params_size(p) * sizeof(Real));
    net_free(to);
    net_case_free(from);
    (void)remove("test_vit.tmp");
}

/* 32 pixels into 20: 64 patches into 25. */
static void test_load_at_another_size(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(32, 4), smaller = mini(20, 4);
    NetCase *from = net_case_new(&o, 1);
    Net *to = new_net(&smaller);
    Params *p = net_params(from->net), *q = net_params(to);
    assert_ok(params_save(p, "test_vit.tmp", &err));
    assert_ok(net_load(to, "test_vit.tmp", &err));
    const Real *a = params_values(p) + params_get(p, params_find(p, "pos_embed"))->offset;
    const Real *b = params_values(q) + params_get(q, params_find(q, "pos_embed"))->offset;
    Real resized[25 * D];
    positions_resize(resized, 5, a + D, 8, D);
    assert_memory_equal(b, a, D * sizeof *b);
    assert_memory_equal(b + D, resized, sizeof resized);
    size_t blocks = params_size(p) - params_get(p, params_find(p, "blocks.0.norm1.weight"))->offset;
    assert_memory_equal(params_values(q) + params_size(q) - blocks,
                        params_values(p) + params_size(p) - blocks, blocks * sizeof(Real));
    net_free(to);
    net_case_free(from);
    (void)remove("test_vit.tmp");
}

/* Positions of no square grid, here 64 without a class token. */
static void test_load_of_positions_that_are_no_grid(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(20, 4);
    Net *net = new_net(&o);
    SafeWriter *w = safewriter_new();
    float positions[64 * D] = {0};
    safewriter_f32(w, "pos_embed", positions, 3, (int64_t[]){1, 64, D});
    assert_ok(safewriter_write(w, "test_vit.tmp", &err));
    safewriter_free(w);
    assert_fails(net_load(net, "test_vit.tmp", &err),
                 "1 of another shape (pos_embed [1,64,96], expected [1,26,96])");
    net_free(net);
    (void)remove("test_vit.tmp");
}

/* The name in files of before torchvision 0.13; to be freed. */
static char *older_name(const char *name)
{
    const char *at = strstr(name, ".mlp.0."), *other = strstr(name, ".mlp.3.");
    if (at == NULL && other == NULL) return mem_strdup(name);
    const char *rest = (at != NULL ? at : other) + strlen(".mlp.0.");
    char *out = mem_alloc(strlen(name) + 16, 1);
    sprintf(out, "%.*s.linear_%d.%s", (int)(rest - name - 3), name, at != NULL ? 1 : 2, rest);
    return out;
}

/* The filled parameters under the names that the golden file has for them, in its order, which is
 * ours. */
static void write_as_torchvision(Params *p, bool is_older, Arena *scratch)
{
    Err err = {0};
    SafeTensors *own = NULL;
    assert_ok(params_save(p, "test_vit.own.tmp", &err));
    assert_ok(safetensors_open(&own, "test_vit.own.tmp", &err));
    SafeTensors *golden = golden_open("net/vit-mini-4.safetensors");
    char *names = mem_strdup(safetensors_metadata(golden, "torchvision_names"));
    SafeWriter *w = safewriter_new();
    int id = 0;
    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n"), id++) {
        const SafeTensor *s = safetensors_find(own, params_get(p, id)->name);
        float *values = arena_alloc(scratch, s->n_elements, sizeof *values);
        memcpy(values, s->data, s->n_bytes);
        char *written = is_older ? older_name(name) : mem_strdup(name);
        safewriter_f32(w, written, values, s->rank, s->dims);
        free(written);
    }
    assert_int_equal(id, params_count(p));
    assert_ok(safewriter_write(w, "test_vit.tmp", &err));
    safewriter_free(w);
    free(names);
    safetensors_close(golden);
    safetensors_close(own);
    (void)remove("test_vit.own.tmp");
}

static void test_load_of_torchvisions_names(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(20, 7);
    for (int is_older = 0; is_older < 2; is_older++) {
        NetCase *from = net_case_new(&o, 1);
        Net *to = new_net(&o);
        Params *p = net_params(from->net), *q = net_params(to);
        Arena *scratch = arena_new();
        write_as_torchvision(p, is_older, scratch);
        arena_free(scratch);
        assert_ok(net_load(to, "test_vit.tmp", &err));
        assert_memory_equal(params_values(p), params_values(q), params_size(p) * sizeof(Real));
        net_free(to);
        net_case_free(from);
        (void)remove("test_vit.tmp");
    }
}

static void test_weights_with_nan_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(16, 4);
    Net *net = new_net(&o);
    Params *p = net_params(net);
    Real *broken = params_values(p) + params_get(p, params_find(p, "blocks.2.norm1.bias"))->offset;
    broken[5] = (Real)NAN;
    assert_ok(params_save(p, "test_vit.tmp", &err));
    broken[5] = 3;
    assert_fails(net_load(net, "test_vit.tmp", &err),
                 "test_vit.tmp: does not fit the network: 1 with NaN or infinity "
                 "(blocks.2.norm1.bias)");
    assert_true(broken[5] == 3);
    net_free(net);
    (void)remove("test_vit.tmp");
}

/* ---- what is trained ---- */

static void test_attention_and_head_learn(void **state)
{
    (void)state;
    NetOptions o = mini(16, 4);
    Net *net = new_net(&o);
    Params *p = net_params(net);
    set_trainable(net, NET_TRAIN_ATTENTION);
    assert_int_equal(params_trainable_size(p), BLOCKS * (4 * D * D + 4 * D) + 4 * D + 4);
    assert_false(params_get(p, params_find(p, "blocks.2.attn.proj.bias"))->frozen);
    assert_false(params_get(p, params_find(p, "head.weight"))->frozen);
    assert_true(params_get(p, params_find(p, "blocks.2.norm1.weight"))->frozen);
    set_trainable(net, NET_TRAIN_HEAD);
    assert_int_equal(params_trainable_size(p), 4 * D + 4);
    set_trainable(net, NET_TRAIN_ALL);
    assert_int_equal(params_trainable_size(p), params_learned_size(p));
    net_free(net);
}

static void test_attention_of_a_network_without(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = mini(16, 4);
    o.name = "resnet-small";
    Net *net = new_net(&o);
    assert_fails(net_set_trainable(net, NET_TRAIN_ATTENTION, &err),
                 "method.trainable: found attention, network \"resnet-small\" has none, expected "
                 "all or head");
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_counts_flops_by_hand),
        cmocka_unit_test(test_frozen_weights_cost_nothing_backward),
        cmocka_unit_test(test_initial_values_as_timm),
        cmocka_unit_test(test_files_have_timms_names_and_shapes),
        cmocka_unit_test(test_load_at_another_size),
        cmocka_unit_test(test_load_of_positions_that_are_no_grid),
        cmocka_unit_test(test_load_of_torchvisions_names),
        cmocka_unit_test(test_weights_with_nan_are_refused),
        cmocka_unit_test(test_attention_and_head_learn),
        cmocka_unit_test(test_attention_of_a_network_without),
    };
    return cmocka_run_group_tests_name("vit", tests, NULL, NULL);
}
