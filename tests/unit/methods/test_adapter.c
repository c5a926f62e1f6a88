/* What adapters are before any training: which layers, how many parameters, no change of the
 * network; and that merged weights are what is computed with. */
#include "adapter_case.h"

#include "net_family.h"
#include "safetensors.h"

#include <unistd.h>

static const char *const KINDS[] = {"lora", "dora", "op-lora", "op-dora"};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

static const struct {
    const char *net, *target;
} NETS[] = {{"vit-mini-4", "qkvo+mlp"}, {"clip", "qv"}, {"resnet-small", "all"}};
enum { N_NETS = sizeof NETS / sizeof *NETS };

static Net *net; /* of the running test, or NULL */

static int teardown(void **state)
{
    (void)state;
    net_free(net);
    net = NULL;
    adapter_case_remove_model();
    return 0;
}

static void use(const char *name, const AdapterOptions *options)
{
    net_free(net);
    net = NULL;
    net = adapter_case_net(name, options);
}

static void assert_same_logits(const Real *a, const Real *b, const char *what)
{
    if (memcmp(a, b, CASE_LOGITS * sizeof *a) != 0)
        fail_msg("%s: other logits than the base's", what);
}

/* ---- the beginning ---- */

static void test_logits_are_the_bases(void **state)
{
    (void)state;
    for (int n = 0; n < N_NETS; n++) {
        Real base[CASE_LOGITS], adapted[CASE_LOGITS];
        use(NETS[n].net, NULL);
        adapter_case_logits(net, base);
        for (int k = 0; k < N_KINDS; k++) {
            for (int init = 0; init <= OP_INIT_REZERO; init++) {
                AdapterOptions o = adapter_case_options(KINDS[k], NETS[n].target);
                o.generator.init = (OpInit)init;
                o.init = init == 1 ? ADAPTER_INIT_GAUSSIAN : ADAPTER_INIT_DEFAULT;
                o.shared_generator = init == 2;
                use(NETS[n].net, &o);
                adapter_case_logits(net, adapted);
                assert_same_logits(adapted, base, KINDS[k]);
                adapter_case_disturb(net);
                adapter_case_logits(net, adapted);
                assert_true(memcmp(adapted, base, sizeof base) != 0);
            }
        }
    }
}

/* A [r,in] uniform within 1/sqrt(in), of a convolution 1/sqrt(in kh kw); gaussian: 1/r. */
static void test_values_of_a(void **state)
{
    (void)state;
    for (int gaussian = 0; gaussian < 2; gaussian++) {
        AdapterOptions o = adapter_case_options("lora", "all");
        o.init = gaussian ? ADAPTER_INIT_GAUSSIAN : ADAPTER_INIT_DEFAULT;
        use("resnet-small", &o);
        const Adapter *a = net_adapter(net);
        for (int i = 0; i < adapter_n_parts(a); i++) {
            const Param *q = params_get(net_params(net), adapter_part(a, i)->a);
            double fan_in = (double)q->size / q->dims[0], sum = 0, largest = 0;
            for (size_t k = 0; k < q->size; k++) {
                double v = params_values(net_params(net))[q->offset + k];
                sum += v * v;
                largest = fmax(largest, fabs(v));
            }
            double std = sqrt(sum / (double)q->size),
                   want = gaussian ? 1.0 / 4 : 1 / sqrt(3 * fan_in);
            assert_close(std, want, 0.25, 0);
            if (!gaussian) assert_true(largest <= 1 / sqrt(fan_in));
        }
    }
}

static void test_pissa_is_the_principal_part(void **state)
{
    (void)state;
    Real base[CASE_LOGITS], adapted[CASE_LOGITS];
    for (int n = 0; n < N_NETS; n++) {
        for (int k = 0; k < 2; k++) {
            use(NETS[n].net, NULL);
            adapter_case_logits(net, base);
            AdapterOptions o = adapter_case_options(KINDS[k], NETS[n].target);
            o.init = ADAPTER_INIT_PISSA;
            use(NETS[n].net, &o);
            adapter_case_logits(net, adapted);
            for (int i = 0; i < CASE_LOGITS; i++) assert_close(adapted[i], base[i], 1e-4, 1e-5);
        }
    }
    /* A's rows are orthogonal, and B's columns are of the same lengths */
    const AdapterPart *p = adapter_part(net_adapter(net), 1);
    const Param *a = params_get(net_params(net), p->a), *b = params_get(net_params(net), p->b);
    const Real *va = params_values(net_params(net)) + a->offset;
    const Real *vb = params_values(net_params(net)) + b->offset;
    size_t columns = a->size / (size_t)p->rank;
    for (int i = 0; i < p->rank; i++) {
        double lengths[2] = {0}, product = 0;
        for (size_t k = 0; k < columns; k++) {
            lengths[0] += (double)(va[(size_t)i * columns + k] * va[(size_t)i * columns + k]);
            product += (double)(va[(size_t)i * columns + k] * va[k]);
        }
        for (int k = 0; k < p->n_rows; k++) lengths[1] += pow((double)vb[k * p->rank + i], 2);
        assert_close(lengths[1], lengths[0], 1e-4, 0);
        if (i > 0) assert_close(product, 0, 0, 1e-5 * lengths[0]);
    }
}

/* ---- merged ---- */

static void test_merged_weights_compute_the_same(void **state)
{
    (void)state;
    static const char path[] = "test_adapter.safetensors";
    Err err = {0};
    for (int n = 0; n < N_NETS; n++) {
        for (int k = 0; k < N_KINDS; k++) {
            Real adapted[CASE_LOGITS], merged[CASE_LOGITS], largest = 0;
            AdapterOptions o = adapter_case_options(KINDS[k], NETS[n].target);
            o.scaling = ADAPTER_SCALING_RSLORA;
            use(NETS[n].net, &o);
            adapter_case_disturb(net);
            adapter_case_logits(net, adapted);
            assert_ok(net_save(net, path, &err));
            use(NETS[n].net, NULL);
            assert_ok(net_load(net, path, &err));
            (void)unlink(path);
            adapter_case_logits(net, merged);
            for (int i = 0; i < CASE_LOGITS; i++)
                largest = (Real)fmax((double)largest, fabs((double)adapted[i]));
            for (int i = 0; i < CASE_LOGITS; i++)
                assert_close(merged[i], adapted[i], 0, 1e-5 * (double)largest);
        }
    }
}

static void test_merged_weight_of_a_layer(void **state)
{
    (void)state;
    AdapterOptions o = adapter_case_options("dora", "qv");
    use("vit-mini-4", &o);
    adapter_case_disturb(net);
    const AdapterPart *q = adapter_part(net_adapter(net), 0);
    Params *params = net_params(net);
    const Param *w0 = params_get(params, q->weight);
    Tape *t = tape_new(&(TapeOptions){0});
    tape_begin(t, 0, 0);
    const Real *merged = weights_get(net_weights(net), t, q->weight)->v;
    size_t size = w0->size / (size_t)w0->dims[0], keys = (size_t)q->n_rows * size;
    const Real *values = params_values(params) + w0->offset;
    assert_memory_equal(merged + keys, values + keys, keys * sizeof *merged); /* keys stay */
    const Real *m = params_values(params) + params_get(params, q->magnitude)->offset;
    for (int i = 0; i < q->n_rows; i++) { /* and rows of queries have the lengths learned */
        double sum = 0;
        for (size_t k = 0; k < size; k++) sum += pow((double)merged[(size_t)i * size + k], 2);
        assert_close(sqrt(sum), fabs((double)m[i]), 1e-5, 0);
    }
    tape_free(t);
}

/* ---- layers and parameters ---- */

typedef struct {
    const char *net, *target;
    int rank, n_adapters;
    size_t lora, op32, op4;
} CountRow;

/* The table of the published recipes' sizes: (H+1) P + H (Z+1) + Z per layer, Z = 128. */
static const CountRow COUNTS[] = {
    {"vit-base-16", "qv", 8, 24, 294912, 9834240, 1490016},
    {"vit-base-16", "qkvo", 4, 48, 294912, 9936384, 1505472},
    {"vit-base-16", "qkvo", 8, 48, 589824, 19668480, 2980032},
    {"vit-base-16", "qkvo+mlp", 8, 72, 1327104, 44100864, 6681888},
    {"vit-base-16", "all", 8, 72, 1327104, 44100864, 6681888},
    {"resnet-50", "resnet-conv2", 8, 16, 302080, 10036736, 1520704},
    {"resnet-50", "resnet-layer34", 8, 29, 516096, 17154592, 2599156},
    {"resnet-50", "all", 8, 52, 633856, 21138560, 3202768},
};

typedef struct {
    int n_adapters;
    size_t learned, inference;
} Count;

/* Without any values: params are not sealed. */
static Count count(const CountRow *row, const AdapterOptions *options)
{
    Err err = {0};
    Net built = {.params = params_new(), .arena = arena_new()};
    NetOptions o = {.name = row->net, .size = 224, .channels = 3};
    Adapter *a = NULL;
    assert_ok(net_build(&built, &o, &err));
    int n_own = params_count(built.params);
    assert_ok(adapter_new(&a, built.params, built.input_conv, options, &err));
    Count c = {.n_adapters = adapter_n_parts(a), .inference = adapter_size(a, built.params)};
    for (int i = n_own; i < params_count(built.params); i++) {
        const Param *q = params_get(built.params, i);
        assert_true(q->flags & PARAM_ADAPTER);
        if (param_is_learned(q)) c.learned += q->size;
    }
    adapter_free(a);
    arena_free(built.arena);
    params_free(built.params);
    return c;
}

static void test_parameter_counts(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof COUNTS / sizeof *COUNTS; r++) {
        const CountRow *row = &COUNTS[r];
        AdapterOptions o = adapter_case_options("lora", row->target);
        o.rank = row->rank;
        o.generator = (OpGeneratorOptions){.input = 128, .width = 32};
        Count lora = count(row, &o);
        assert_int_equal(lora.n_adapters, row->n_adapters);
        assert_int_equal(lora.learned, row->lora);
        assert_int_equal(lora.inference, row->lora);
        o.kind = adapter_kind_find("op-lora");
        Count op = count(row, &o);
        assert_int_equal(op.learned, row->op32);
        assert_int_equal(op.inference, row->lora);
        o.generator.width = 4;
        assert_int_equal(count(row, &o).learned, row->op4);
    }
}

/* Magnitudes cost a number per row, and (H + 1) of a generator's parameters; the matched control
 * has as many parameters as the generator, but for rounding of its rank. */
static void test_parameter_counts_of_variants(void **state)
{
    (void)state;
    const CountRow *row = &COUNTS[2];
    enum { ROWS = 48 * 768 };
    AdapterOptions o = adapter_case_options("dora", row->target);
    o.rank = row->rank;
    o.generator = (OpGeneratorOptions){.input = 128, .width = 32};
    assert_int_equal(count(row, &o).learned, row->lora + ROWS);
    o.kind = adapter_kind_find("op-dora");
    assert_int_equal(count(row, &o).learned, row->op32 + 33 * ROWS);
    assert_int_equal(count(row, &o).inference, row->lora + ROWS);
    o.kind = adapter_kind_find("lora");
    o.matched = true;
    assert_close(count(row, &o).learned, row->op32, 2e-3, 0);
    o.kind = adapter_kind_find("op-lora");
    o.matched = false;
    o.shared_generator = true; /* an input each, and one network of the size of one layer's */
    assert_int_equal(count(row, &o).learned, 48 * 128 + 33 * 8 * (768 + 768) + 32 * 129);
}

static void test_layers_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *target, *first;
        int n, rows;
    } rows[] = {
        {"blocks.1.attn.qkv", "blocks.1.attn.qkv", 1, 288}, /* as one matrix */
        {"blocks.1.attn.qkv.k", "blocks.1.attn.qkv.k", 1, 96},
        {"blocks.[01].*", "blocks.0.attn.qkv.q", 12, 96}, /* parts go first */
        {"*.mlp.fc1", "blocks.0.mlp.fc1", 6, 384},
        {"qv", "blocks.0.attn.qkv.q", 12, 96},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AdapterOptions o = adapter_case_options("lora", rows[i].target);
        use("vit-mini-4", &o);
        const Adapter *a = net_adapter(net);
        assert_int_equal(adapter_n_parts(a), rows[i].n);
        assert_string_equal(adapter_part(a, 0)->module, rows[i].first);
        assert_int_equal(adapter_part(a, 0)->n_rows, rows[i].rows);
    }
    assert_int_equal(adapter_part(net_adapter(net), 1)->row, 2 * 96);
}

static void test_scales(void **state)
{
    (void)state;
    AdapterOptions o = adapter_case_options("lora", "qv");
    use("vit-mini-4", &o);
    assert_close(adapter_part(net_adapter(net), 0)->scale, 6.0 / 4, 1e-12, 0);
    o.scaling = ADAPTER_SCALING_RSLORA;
    use("vit-mini-4", &o);
    assert_close(adapter_part(net_adapter(net), 0)->scale, 6.0 / 2, 1e-12, 0);
    o.alpha = 0;
    o.scaling = ADAPTER_SCALING_LORA;
    use("vit-mini-4", &o);
    assert_close(adapter_part(net_adapter(net), 0)->scale, 1, 1e-12, 0);
    o.matched = true;
    use("vit-mini-4", &o);
    const AdapterPart *p = adapter_part(net_adapter(net), 0);
    assert_close(p->scale, 1, 1e-12, 0);
    assert_close(p->alpha, p->rank, 1e-12, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *net, *target, *part;
        int rank;
    } rows[] = {
        {"vit-mini-4", "blocks.0.mlp.fc3", "(did you mean \"blocks.0.mlp.fc1\"?)", 4},
        {"vit-mini-4", "qvo", "(did you mean \"qv\"?)", 4},
        {"resnet-small", "qkvo", "matches no layer of this network", 4},
        {"resnet-small", "conv1", "conv1", 4},
        {"vit-mini-4", "qv", "adapter_rank: found 97, expected at most 96: blocks.0.attn.qkv.q is",
         97},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Err err = {0};
        AdapterOptions options = adapter_case_options("lora", rows[i].target);
        options.rank = rows[i].rank;
        NetOptions o = {.name = rows[i].net,
                        .size = CASE_SIZE,
                        .channels = 3,
                        .n_classes = CASE_CLASSES,
                        .adapter = &ADAPTER_HOOK,
                        .adapter_options = &options};
        assert_fails(net_new(&net, &o, &err), rows[i].part);
        assert_null(net);
    }
}

/* ---- what learns ---- */

static void test_only_adapters_and_the_classifier_learn(void **state)
{
    (void)state;
    Err err = {0};
    for (int k = 0; k < N_KINDS; k++) {
        AdapterOptions o = adapter_case_options(KINDS[k], "all");
        use("resnet-small", &o);
        assert_ok(net_set_trainable(net, NET_TRAIN_ADAPTER, &err));
        const Params *p = net_params(net);
        for (int i = 0; i < params_count(p); i++) {
            const Param *q = params_get(p, i);
            bool adapts = q->flags & PARAM_ADAPTER, generated = q->flags & PARAM_GENERATED;
            assert_true(param_is_learned(q) == (((q->flags & PARAM_HEAD) || adapts) && !generated));
        }
        assert_ok(net_set_trainable(net, NET_TRAIN_ALL, &err)); /* norms too, W0 never */
        assert_false(params_get(p, params_find(p, "bn1.weight"))->frozen);
        assert_true(params_get(p, params_find(p, "layer1.0.conv1.weight"))->frozen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_logits_are_the_bases, teardown),
        cmocka_unit_test_teardown(test_values_of_a, teardown),
        cmocka_unit_test_teardown(test_pissa_is_the_principal_part, teardown),
        cmocka_unit_test_teardown(test_merged_weights_compute_the_same, teardown),
        cmocka_unit_test_teardown(test_merged_weight_of_a_layer, teardown),
        cmocka_unit_test_teardown(test_parameter_counts, teardown),
        cmocka_unit_test_teardown(test_parameter_counts_of_variants, teardown),
        cmocka_unit_test_teardown(test_layers_by_name, teardown),
        cmocka_unit_test_teardown(test_scales, teardown),
        cmocka_unit_test_teardown(test_refusals, teardown),
        cmocka_unit_test_teardown(test_only_adapters_and_the_classifier_learn, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
